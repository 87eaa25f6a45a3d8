"""Documents that kill the whole worker, not only the child that reads them, each time they are touched."""

import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from scenes import Stage, broken_promises, texts
from stage import KILLS_ITS_EMBEDDER, KILLS_ITS_READER

from corpus.database import Database
from ingest.pipeline import MAX_ATTEMPTS

HARMLESS = [f"{number}.txt" for number in range(12)]
POISON = {"reader.txt": KILLS_ITS_READER, "embedder.txt": KILLS_ITS_EMBEDDER}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_poison_ends_as_failed_and_harms_no_other_document(
    database: Database, tmp_path: Path, stage: Stage
) -> None:
    """The others are slow: each crash finds some of them in work."""
    documents = [*texts(HARMLESS[:6]), *POISON.items(), *texts(HARMLESS[6:])]
    assert stage.wait(stage.start(database, tmp_path, ("add", documents), is_worker=False)) == 0
    deaths = 0
    while code := stage.wait(stage.start(database, tmp_path, ("settle", None), embed_seconds=0.3)):
        assert code == -signal.SIGKILL
        deaths += 1
        assert deaths <= len(POISON) * MAX_ATTEMPTS, "it goes on dying"
    assert deaths > MAX_ATTEMPTS
    found = _ends(database)
    assert {path: found[path] for path in HARMLESS} == dict.fromkeys(HARMLESS, ("ready", None))
    assert {path: found[path] for path in POISON} == dict.fromkeys(POISON, ("failed", "crashed_repeatedly"))
    assert broken_promises(database, tmp_path) == []


def _ends(database: Database) -> dict[str, tuple[str, str | None]]:
    documents = sa.table("documents", sa.column("path"), sa.column("status"), sa.column("reason", sa.JSON))
    with database.engine.connect() as connection:
        rows = connection.execute(sa.select(documents))
        return {path: (status, reason and reason["code"]) for path, status, reason in rows}
