"""`kill -9` again and again in the middle of 200 documents."""

import os
import random
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from scenes import Stage, broken_promises, published, texts, until

from corpus.database import Database

DOCUMENTS = 200
KILLS = 20


def ready(database: Database) -> int:
    with database.engine.connect() as connection:
        query = sa.text("select count(*) from documents where status = 'ready'")
        return connection.execute(query).scalar_one()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_documents_survive_twenty_kills(
    database: Database, tmp_path: Path, stage: Stage, seed: int
) -> None:
    """Killed at random moments, each time after a few more documents have become ready."""
    chance = random.Random(seed)
    names = [f"{number}.txt" for number in range(DOCUMENTS)]
    assert stage.wait(stage.start(database, tmp_path, ("add", texts(names)), is_worker=False)) == 0
    for _ in range(KILLS):
        wanted = ready(database) + chance.randint(4, 8)
        process = stage.start(database, tmp_path, ("settle", None), embed_seconds=0.02)
        until(lambda wanted=wanted: ready(database) >= wanted)
        os.kill(process, signal.SIGKILL)
        assert stage.wait(process) == -signal.SIGKILL
    assert stage.wait(stage.start(database, tmp_path, ("settle", None))) == 0
    assert broken_promises(database, tmp_path) == []
    assert ready(database) == DOCUMENTS
    documents = [document for document, _, _ in published(tmp_path)]
    assert len(documents) == len(set(documents)) <= DOCUMENTS
