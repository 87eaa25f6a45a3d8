"""An index that fails or forgets, an embedder that gives nonsense, a disk and a database that are away."""

import errno
import io
import os
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from checker import broken_promises
from scenes import rounds, texts
from sqlalchemy import event
from stage import COLLECTION, DIMENSION, LetterEmbedder, TextParser

from api.errors import problem_of
from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import UNFINISHED_STATUSES, Document, DocumentStatus
from corpus.errors import ConflictError, DocumentNotFoundError, StorageFullError, UnavailableError
from corpus.generations import Generations
from corpus.versions import Versions
from ingest.chunking import Chunker
from ingest.control import IngestControl
from ingest.generations import OpenGeneration, OpenGenerations
from ingest.intake import Intake
from ingest.jobs import Jobs, JobsSettings
from ingest.pipeline import Pipeline
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.embedding import Vectors
from retrieval.index import IndexPoint
from retrieval.indexing import Indexer


class FaultyIndex(QdrantEdgeIndex):
    """The real one; `faults` says what becomes of the next writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, dimension=DIMENSION)
        self.faults: list[str] = []

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "away":
            raise UnavailableError("The index is away.")
        if fault == "full":
            raise StorageFullError
        if fault == "slow":
            time.sleep(0.5)
        super().upsert(points[: len(points) // 2] if fault == "half" else points)


class FaultyEmbedder(LetterEmbedder):
    def __init__(self) -> None:
        super().__init__(0.0)
        self.fault = ""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        vectors = super().embed_documents(texts)
        if self.fault == "memory":
            raise MemoryError
        if self.fault == "nan":
            vectors[-1, 3] = np.nan
        if self.fault == "zero":
            vectors[-1] = 0
        return {"short": vectors[:, 1:], "few": vectors[1:]}.get(self.fault, vectors)


class FaultyBlobs(LocalBlobs):
    """A disk that is full after the first bytes."""

    is_full = False

    def _put(self, content: io.BufferedIOBase) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super()._put(content)  # pyright: ignore[reportArgumentType]


class Base:
    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.catalog, versions = Catalog(database), Versions(database)
        self.versions = versions
        self.blobs = FaultyBlobs(folder / "blobs")
        self.index, self.embedder = FaultyIndex(folder / "index"), FaultyEmbedder()
        opened = OpenGeneration(
            number=1,
            chunker=Chunker(self.embedder),
            embedder=self.embedder,
            indexer=Indexer(self.index, self.embedder),
            index=self.index,
        )
        record = Generations(database)
        record.ensure("first", {})
        generations = OpenGenerations(record, lambda _: opened)
        pipeline = Pipeline(self.catalog, versions, self.blobs, TextParser(), generations)
        settings = JobsSettings(
            poll_seconds=0.05,
            delete_poll_seconds=0.05,
            lease_seconds=2,
            grace_seconds=1,
            step_attempts=2,
            outage_seconds=0.2,
        )
        self.jobs = Jobs(database, pipeline, settings)
        self.jobs.open(worker=True, only_owner=True)
        self.intake = Intake(database, self.catalog, versions, self.blobs, self.jobs)
        self.control = IngestControl(database, self.catalog, self.jobs)

    def add(self, path: str, text: str) -> Document:
        (document,) = self.intake.add(COLLECTION, [(path, io.BytesIO(text.encode()))])
        return document

    def add_and_settle(self, path: str, text: str) -> Document:
        document = self.add(path, text)
        self.settle()
        return self.catalog.document(document.id)

    def settle(self) -> None:
        """Waits for the ends; an outage in the middle of asking is no end."""
        deadline = time.monotonic() + 90
        while True:
            try:
                if self._is_settled():
                    return
            except UnavailableError:
                pass
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _is_settled(self) -> bool:
        deletions = self.versions.deletions.records(limit=1000)
        return (
            not self.catalog.documents(statuses=UNFINISHED_STATUSES, limit=1)
            and all(each.verified_at for each in deletions)
            and self.jobs.is_idle
        )

    def broken(self) -> list[str]:
        points = {each for some in self.index.point_ids() for each in some}
        return broken_promises(self.database.url, self.folder, points)


@pytest.fixture
def base(database: Database, tmp_path: Path) -> Iterator[Base]:
    base = Base(database, tmp_path)
    yield base
    base.jobs.stop()
    base.index.close()


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
        base.jobs.stop()
        base.index.close()
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
