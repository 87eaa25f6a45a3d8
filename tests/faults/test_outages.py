"""The index is away when something must be removed; SQLite is locked by somebody else for too long."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faulty import Base
from scenes import texts, until
from sqlalchemy import event
from sqlalchemy.pool import Pool

from corpus.database import Database
from corpus.documents import DocumentStatus
from corpus.errors import DatabaseAwayError, StorageFullError
from ingest.pipeline import MAX_ATTEMPTS

((NAME, TEXT),) = texts(["one.txt"])
((_, CHANGED),) = texts(["one.txt"], lines=20)


def test_what_a_failed_document_left_in_the_index_goes_when_the_index_is_back(base: Base) -> None:
    base.index.faults = ["half"] * 50
    base.index.removals_fail = True
    document = base.add(NAME, TEXT)
    until(lambda: base.catalog.document(document.id).status is DocumentStatus.FAILED)
    assert base.index.count(document.id) > 0
    assert not base.jobs.is_idle, "nobody would remove its vectors"
    base.index.removals_fail = False
    base.settle()
    assert base.index.count() == 0
    assert base.broken() == []


def test_what_a_failed_document_left_goes_after_a_restart_too(base: Base) -> None:
    base.index.faults = ["half"] * 50
    base.index.removals_fail = True
    document = base.add(NAME, TEXT)
    until(lambda: base.catalog.document(document.id).status is DocumentStatus.FAILED)
    base.close()
    base.open()
    until(lambda: base.index.count() == 0)
    base.settle()
    assert base.catalog.document(document.id).status is DocumentStatus.FAILED
    assert base.broken() == []


def test_a_replaced_version_goes_when_the_index_is_back(base: Base) -> None:
    assert base.add_and_settle(NAME, TEXT).status is DocumentStatus.READY
    base.index.removals_fail = True
    document = base.add(NAME, CHANGED)
    until(lambda: base.catalog.document(document.id).status is DocumentStatus.READY)
    assert base.index.count(document.id, version=1) > 0
    base.index.removals_fail = False
    base.settle()
    assert base.index.count(document.id, version=1) == 0
    assert base.broken() == []


def test_while_the_disk_is_full_nothing_is_embedded_in_vain(base: Base) -> None:
    base.index.is_full = True
    document = base.add(NAME, TEXT)
    until(lambda: base.index.refusals > 3)
    assert base.embedder.calls == 0
    base.index.is_full = False
    base.settle()
    assert base.catalog.document(document.id).status is DocumentStatus.READY
    assert base.broken() == []


def test_waiting_for_a_full_disk_counts_as_no_attempt(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the record, and not when the worker is stopped and started while it waits for the index."""
    store, refusals = base.versions.store_version, iter(range(2 * MAX_ATTEMPTS))

    def store_version(*values: Any) -> bool:
        if next(refusals, None) is not None:
            raise StorageFullError
        return store(*values)

    monkeypatch.setattr(base.versions, "store_version", store_version)
    base.index.is_full = True
    document = base.add(NAME, TEXT)
    for _ in range(MAX_ATTEMPTS + 2):
        until(lambda: base.index.refusals > 0)
        base.close()
        base.open(is_full=True)
    base.index.is_full = False
    base.settle()
    ended = base.catalog.document(document.id)
    assert (ended.status, ended.attempts) == (DocumentStatus.READY, 1)
    assert base.broken() == []


LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin immediate")
print("locked", flush=True)
sys.stdin.read()
"""
BUSY_MS = 200


@pytest.fixture
def impatient() -> Iterator[None]:
    """Nobody waits longer for SQLite's lock: 30 seconds as usual would test the same, slowly."""

    def shorten(connection: object, *_: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute(f"pragma busy_timeout = {BUSY_MS}")

    event.listen(Pool, "checkout", shorten)
    yield
    event.remove(Pool, "checkout", shorten)


@pytest.mark.usefixtures("impatient")
def test_work_waits_while_another_process_locks_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'locked.db'}")
    database.migrate()
    base = Base(database, tmp_path)
    base.embedder._seconds = 0.3  # pyright: ignore[reportPrivateUsage]
    try:
        names = [f"{number}.txt" for number in range(20)]
        for path, text in texts(names):
            base.add(path, text)
        until(lambda: bool(base.catalog.documents(statuses=[DocumentStatus.READY], limit=1)))
        locker = _locker(tmp_path / "locked.db")
        for _ in range(10):
            with pytest.raises(DatabaseAwayError):
                base.add("late.txt", TEXT)
        assert base.catalog.documents(statuses=[DocumentStatus.READY], limit=1000) != []
        locker.communicate("")
        base.settle()
        found = base.catalog.documents(limit=1000)
        assert {each.path: each.status for each in found} == dict.fromkeys(names, DocumentStatus.READY)
        assert base.broken() == []
    finally:
        base.close()
        database.close()


def _locker(file: Path) -> subprocess.Popen[str]:
    locker = subprocess.Popen(
        [sys.executable, "-c", LOCK, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert locker.stdout is not None
    assert locker.stdout.readline() == "locked\n"
    return locker
