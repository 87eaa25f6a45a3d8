"""An index that fails or forgets, an embedder that gives nonsense, a disk that is full, and races."""

import random
import sqlite3
import time
from pathlib import Path
from threading import Thread

import pytest
from faulty import Base
from scenes import rounds, texts
from sqlalchemy import event

from api.errors import problem_of
from corpus.database import Database
from corpus.documents import Document, DocumentStatus
from corpus.errors import ConflictError, DocumentNotFoundError, StorageFullError, UnavailableError

((NAME, TEXT),) = texts(["one.txt"])


FAULTS = (["away"], ["slow"], ["half"], ["half", "half"], ["full"] * 4)


def test_a_document_is_ready_only_with_all_its_vectors(base: Base) -> None:
    for number, faults in enumerate(FAULTS):
        base.index.faults = [*faults]
        ((name, text),) = texts([f"{number}.txt"])
        document = base.add_and_settle(name, text)
        assert document.status is DocumentStatus.READY
        assert base.index.count(document.id) == document.chunks > 1
    assert base.broken() == []


def test_an_index_that_never_keeps_all_fails_the_document_with_a_reason(base: Base) -> None:
    base.index.faults = ["half"] * 50
    document = base.add_and_settle(NAME, TEXT)
    assert document.status is DocumentStatus.FAILED
    assert document.reason is not None
    assert "vectors" in document.reason.detail
    assert base.index.count() == 0
    base.index.faults = []
    base.control.retry(document.id)
    base.settle()
    assert base.catalog.document(document.id).status is DocumentStatus.READY
    assert base.broken() == []


def test_no_bad_vector_enters_the_index(base: Base) -> None:
    failed: list[Document] = []
    for fault in ("nan", "zero", "short", "few", "memory"):
        base.embedder.fault = fault
        ((name, text),) = texts([f"{fault}.txt"])
        document = base.add_and_settle(name, text)
        failed.append(document)
        assert document.status is DocumentStatus.FAILED
        assert document.reason is not None
        assert (document.reason.code, document.reason.retryable) == ("embedding_failed", True)
    assert base.index.count() == 0
    base.embedder.fault = ""
    for document in failed:
        base.control.retry(document.id)
    base.settle()
    assert {base.catalog.document(each.id).status for each in failed} == {DocumentStatus.READY}
    assert base.broken() == []


def test_an_upload_to_a_full_disk_is_refused_whole(base: Base) -> None:
    base.blobs.is_full = True
    with pytest.raises(StorageFullError) as refused:
        base.add(NAME, TEXT)
    assert problem_of(refused.value, "/", "").status == 507
    assert base.catalog.documents() == []
    assert list(base.blobs.stored()) == []
    base.blobs.is_full = False
    assert base.add_and_settle(NAME, TEXT).status is DocumentStatus.READY
    assert base.broken() == []


def test_a_full_sqlite_refuses_uploads_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'small.db'}")
    database.migrate()
    base = Base(database, tmp_path)
    try:
        base.embedder._seconds = 0.5  # pyright: ignore[reportPrivateUsage]
        for path, text in texts([f"{number}.txt" for number in range(6)], lines=60):
            base.add(path, text)
        _limit_pages(database, 1)  # no file of SQLite may grow any more
        with pytest.raises(StorageFullError):
            _add_until_full(base)
        _limit_pages(database, 1_000_000)
        base.settle()
        statuses = {each.status for each in base.catalog.documents(limit=1000)}
        assert statuses == {DocumentStatus.READY}
        assert base.broken() == []
    finally:
        base.close()
        database.close()


def _add_until_full(base: Base) -> None:
    for number in range(200):
        base.add(f"more-{number}.txt", f"more {number}" * 500)


def _limit_pages(database: Database, pages: int) -> None:
    """SQLite's own limit, which it reports as it does a full disk; of every connection there is."""

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"pragma max_page_count = {pages}")

    event.listen(database.engine, "checkout", limit)


def test_races_of_upload_delete_retry_and_cancel_break_nothing(base: Base, seed: int) -> None:
    def play(number: int) -> None:
        chance = random.Random(f"{seed}-{number}")
        for _ in range(rounds(25)):
            path = f"{chance.randrange(3)}.txt"
            act = chance.choice(["add", "add", "change", "delete", "retry", "cancel"])
            try:
                if act in ("add", "change"):
                    lines = 6 if act == "add" else chance.randint(7, 12)
                    base.add(*texts([path], lines=lines)[0])
                for document in base.catalog.documents():
                    if document.path == path and act in ("delete", "retry", "cancel"):
                        control = base.intake if act == "delete" else base.control
                        getattr(control, act)(document.id)
            except (ConflictError, DocumentNotFoundError, UnavailableError):
                pass  # the other was first
            time.sleep(chance.random() * 0.05)

    threads = [Thread(target=play, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    base.settle()
    assert base.broken() == []
