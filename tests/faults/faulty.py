"""Ingestion in the test's own process, over an index, an embedder and a file store that fail when told to."""

import errno
import io
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from checker import broken_promises
from stage import COLLECTION, DIMENSION, LetterEmbedder, TextParser

from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import UNFINISHED_STATUSES, Document, DocumentId
from corpus.errors import StorageFullError, UnavailableError
from corpus.generations import Generations
from corpus.versions import Versions
from ingest.chunking import Chunker
from ingest.control import IngestControl
from ingest.generations import OpenGeneration, OpenGenerations
from ingest.intake import Intake
from ingest.job_queue import ingest_job
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
        self.removals_fail = self.is_full = False
        self.refusals = 0

    def check_room(self) -> None:
        if self.is_full:
            self.refusals += 1
            raise StorageFullError
        super().check_room()

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "away":
            raise UnavailableError("The index is away.")
        if fault == "full":
            raise StorageFullError
        if fault == "slow":
            time.sleep(0.5)
        super().upsert(points[: len(points) // 2] if fault == "half" else points)

    def delete(
        self, document_id: DocumentId, *, version: int | None = None, before_version: int | None = None
    ) -> None:
        if self.removals_fail:
            raise UnavailableError("The index is away.")
        super().delete(document_id, version=version, before_version=before_version)


class FaultyEmbedder(LetterEmbedder):
    def __init__(self) -> None:
        super().__init__(0.0)
        self.fault = ""
        self.calls = 0

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
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
        self.open()

    def open(self, *, is_full: bool = False) -> None:
        """Also again, after `close`: a worker that is started anew."""
        database, folder = self.database, self.folder
        self.catalog, versions = Catalog(database), Versions(database)
        self.versions = versions
        self.blobs = FaultyBlobs(folder / "blobs")
        self.index, self.embedder = FaultyIndex(folder / "index"), FaultyEmbedder()
        self.index.is_full = is_full
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
            and not self.jobs.unfinished_deletions()
            and not self.jobs.unfinished(
                [ingest_job(each.id, each.version) for each in self.catalog.documents(limit=1000)]
            )
        )

    def close(self) -> None:
        self.jobs.stop()
        self.index.close()

    def broken(self) -> list[str]:
        points = {each for some in self.index.point_ids() for each in some}
        return broken_promises(self.database.url, self.folder, points)
