"""Several workers on one PostgreSQL: the dead are taken over, and the undead change nothing."""

import os
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from scenes import Act, Stage, broken_promises, published, texts, until

from corpus.database import Database

LEASE = 2.0
PATIENCE = LEASE + 10
"""Within so many seconds after its worker's death, a living one has finished a small document."""


@pytest.fixture
def shared_database(database: Database) -> Database:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one owner")
    return database


def statuses(database: Database) -> dict[str, str]:
    with database.engine.connect() as connection:
        rows = connection.execute(sa.text("select path, status from documents"))
        return {path: status for path, status in rows}


def beating(database: Database) -> int:
    """Workers with a lease: what it takes to start one is not part of the takeover."""
    with database.engine.connect() as connection:
        return connection.execute(sa.text("select count(*) from worker_leases")).scalar_one()


def worker(stage: Stage, database: Database, folder: Path, *acts: Act, embed_seconds: float = 0.0) -> int:
    return stage.start(
        database, folder, *acts, is_shared=True, lease_seconds=LEASE, embed_seconds=embed_seconds
    )


@pytest.mark.slow
def test_what_a_dead_worker_held_is_taken_over(
    shared_database: Database, tmp_path: Path, stage: Stage
) -> None:
    names = [f"{number}.txt" for number in range(4)]
    doomed = worker(
        stage, shared_database, tmp_path, ("add", texts(names)), ("sleep", 600), embed_seconds=600
    )
    until(lambda: list(statuses(shared_database).values()) == ["embedding"] * 4)
    heir = worker(stage, shared_database, tmp_path, ("settle", None))
    until(lambda: beating(shared_database) == 2)
    os.kill(doomed, signal.SIGKILL)
    assert stage.wait(doomed) == -signal.SIGKILL
    until(lambda: set(statuses(shared_database).values()) == {"ready"}, PATIENCE)
    assert stage.wait(heir) == 0
    assert broken_promises(shared_database, tmp_path, is_shared=True) == []
    assert len(published(tmp_path)) == 4


@pytest.mark.slow
def test_a_worker_that_wakes_after_its_lease_publishes_nothing(
    shared_database: Database, tmp_path: Path, stage: Stage
) -> None:
    """Stopped in the middle of embedding; meanwhile another publishes, and then a newer version too."""
    zombie = worker(
        stage, shared_database, tmp_path, ("add", texts(["one.txt"])), ("sleep", 600), embed_seconds=1.5
    )
    until(lambda: statuses(shared_database) == {"one.txt": "embedding"})
    os.kill(zombie, signal.SIGSTOP)
    heir = worker(stage, shared_database, tmp_path, ("sleep", 600))
    until(lambda: beating(shared_database) == 2)
    until(lambda: statuses(shared_database) == {"one.txt": "ready"}, PATIENCE)
    changed = worker(stage, shared_database, tmp_path, ("add", texts(["one.txt"], lines=9)), ("settle", None))
    assert stage.wait(changed) == 0
    os.kill(zombie, signal.SIGCONT)
    watcher = worker(stage, shared_database, tmp_path, ("sleep", 4), ("settle", None))
    assert stage.wait(watcher) == 0
    for process in (zombie, heir):
        os.kill(process, signal.SIGKILL)
        stage.wait(process)
    assert broken_promises(shared_database, tmp_path, is_shared=True) == []
    publishers = [process for _, _, process in published(tmp_path)]
    assert len(publishers) == 2
    assert zombie not in publishers
