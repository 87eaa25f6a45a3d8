"""The doctor finds each planted fault, mends it, and finds nothing afterwards."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import cast

import numpy as np
import pytest

from corpus import submissions
from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import Chunk, CollectionId, Document, DocumentId, DocumentStatus, point_id
from corpus.generations import Generations
from corpus.submissions import Upload
from corpus.versions import VersionFacts, Versions
from ingest.chunking import Chunker
from ingest.doctor import UPLOAD_SECONDS, Doctor, Fault, StartCheck
from ingest.generations import OpenGeneration, OpenGenerations
from ingest.jobs import Jobs
from ingest.pipeline import Pipeline
from retrieval.adapters.in_memory import InMemoryIndex
from retrieval.embedding import Vectors
from retrieval.index import IndexPoint, KeywordVector
from retrieval.indexing import Indexer

TEXTS = ("Every employee has 27 days of leave.", "A hotel night may cost up to 140 euros.")


class LetterEmbedder:
    """Counts letters: quick, and different texts have different vectors."""

    model, dimension, max_tokens = "letters", 26, 1000

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return [(place, place + 1) for place in range(len(text))]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        counted = [[text.lower().count(chr(97 + letter)) + 0.1 for letter in range(26)] for text in texts]
        vectors = np.array(counted, dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_query(self, text: str) -> Vectors:
        return self.embed_documents([text])[0]


@dataclass
class Clinic:
    database: Database
    catalog: Catalog
    versions: Versions
    blobs: LocalBlobs
    index: InMemoryIndex
    jobs: Jobs
    doctor: Doctor
    collection: CollectionId
    folder: Path

    def ready(self, path: str) -> Document:
        """A document as a healthy ingestion leaves it."""
        document = self.accepted(path)
        self.versions.claim(document.id, 1)
        chunks = [chunk_of(document.id, number) for number in range(len(TEXTS))]
        facts = VersionFacts(
            title=path, language="en", pages=None, text=" ".join(TEXTS), blocks=(), warnings=()
        )
        self.versions.store_version(document.id, 1, facts, chunks)
        Indexer(self.index, LetterEmbedder()).index(chunks, collection_id=self.collection, title=path)
        assert self.versions.publish(document.id, 1)
        return self.catalog.document(document.id)

    def accepted(self, path: str) -> Document:
        """Accepted, without any job."""
        with (self.folder / path).open("wb+") as file:
            file.write(path.encode())
            file.seek(0)
            blob = self.blobs.put(file)
        (self.folder / path).unlink()
        upload = Upload(path=path, sha256=blob.sha256, size_bytes=blob.size_bytes, media_type="text/markdown")
        with self.database.write() as transaction:
            return submissions.accept(transaction, self.collection, upload).document

    def faults(self) -> list[tuple[Fault, str]]:
        return [(finding.fault, finding.subject) for finding in self.doctor.examine()]


def chunk_of(document_id: DocumentId, number: int) -> Chunk:
    return Chunk(
        document_id=document_id,
        version=1,
        number=number,
        start=0,
        end=len(TEXTS[number]),
        text=TEXTS[number],
        heading_path=(),
        page=None,
        regions=(),
        language="en",
        tokens=9,
    )


@pytest.fixture
def clinic(database: Database, tmp_path: Path) -> Iterator[Clinic]:
    catalog, versions, index = Catalog(database), Versions(database), InMemoryIndex()
    blobs = LocalBlobs(tmp_path / "blobs")
    embedder = LetterEmbedder()
    opened = OpenGeneration(
        number=1, chunker=Chunker(embedder), embedder=embedder, indexer=Indexer(index, embedder), index=index
    )
    record = Generations(database)
    record.ensure("first", {})
    jobs = Jobs(database, cast(Pipeline, None))  # nobody works in these tests
    jobs.open(worker=False, only_owner=True)
    doctor = Doctor(database, versions, blobs, OpenGenerations(record, lambda _: opened), jobs)
    collection = catalog.ensure_collection("hr")
    yield Clinic(database, catalog, versions, blobs, index, jobs, doctor, collection, tmp_path / "blobs")
    jobs.stop()


def test_a_healthy_base_has_no_findings(clinic: Clinic) -> None:
    clinic.ready("one.md")
    assert clinic.faults() == []
    assert clinic.doctor.repair() == []
    assert clinic.doctor.is_index_complete()


def test_a_missing_vector_is_embedded_again(clinic: Clinic) -> None:
    document = clinic.ready("one.md")
    lost = point_id(document.id, 1, 1)
    before = clinic.index.vectors([lost])[lost]
    clinic.index.remove([lost])
    assert not clinic.doctor.is_index_complete()
    assert clinic.faults() == [(Fault.MISSING_VECTOR, document.id)]
    assert [finding.is_repaired for finding in clinic.doctor.repair()] == [True]
    assert clinic.index.vectors([lost])[lost] == pytest.approx(before)
    assert clinic.faults() == []


def test_at_start_lost_vectors_come_back_in_the_background(clinic: Clinic) -> None:
    document = clinic.ready("one.md")
    clinic.index.delete(document.id)
    assert clinic.doctor.restore_vectors(Event()) == len(TEXTS)
    clinic.index.delete(document.id)
    check = StartCheck(clinic.doctor)
    check.start()
    check.stop()
    idle = StartCheck(clinic.doctor)
    idle.stop()
    assert clinic.index.count() in (0, len(TEXTS))


def test_an_orphan_vector_is_removed_and_the_others_stay(clinic: Clinic) -> None:
    clinic.ready("one.md")
    stray = IndexPoint(
        point_id=point_id(DocumentId("doc_nobody"), 1, 0),
        collection_id=clinic.collection,
        document_id=DocumentId("doc_nobody"),
        version=1,
        dense=np.ones(26, dtype=np.float32),
        keyword=KeywordVector(indices=(1,), values=(1.0,)),
    )
    clinic.index.upsert([stray])
    assert clinic.faults() == [(Fault.ORPHAN_VECTOR, stray.point_id)]
    assert [finding.is_repaired for finding in clinic.doctor.repair()] == [True]
    assert clinic.faults() == []
    assert clinic.index.count() == len(TEXTS)


def test_a_missing_file_is_told_on_its_document_until_it_is_uploaded_again(clinic: Clinic) -> None:
    document = clinic.ready("one.md")
    clinic.blobs.delete(document.sha256)
    assert clinic.faults() == [(Fault.MISSING_BLOB, document.id)]
    assert [finding.is_repaired for finding in clinic.doctor.repair()] == [False]
    marked = clinic.catalog.document(document.id)
    assert marked.status is DocumentStatus.READY_WITH_WARNINGS
    assert "missing" in marked.warnings[0]
    clinic.accepted("one.md")
    assert clinic.doctor.repair() == []
    assert clinic.catalog.document(document.id).status is DocumentStatus.READY


def test_an_orphan_file_is_removed_once_it_cannot_be_an_upload_under_way(clinic: Clinic) -> None:
    document = clinic.ready("one.md")
    stray = clinic.folder / "ab" / ("ab" + "0" * 62)
    half = clinic.folder / "upload-broken"
    stray.parent.mkdir(exist_ok=True)
    for file in (stray, half):
        file.write_bytes(b"left")
    assert clinic.faults() == []
    for file in (stray, half, clinic.blobs.path(document.sha256)):
        old = file.stat().st_mtime - UPLOAD_SECONDS - 60
        os.utime(file, (old, old))
    assert {fault for fault, _ in clinic.faults()} == {Fault.ORPHAN_BLOB}
    assert {finding.is_repaired for finding in clinic.doctor.repair()} == {True}
    assert [file.sha256 for file in clinic.blobs.stored()] == [document.sha256]


def test_a_document_without_a_job_is_queued_again(clinic: Clinic) -> None:
    document = clinic.accepted("one.md")
    assert clinic.faults() == [(Fault.STUCK_DOCUMENT, document.id)]
    assert [finding.is_repaired for finding in clinic.doctor.repair()] == [True]
    assert clinic.faults() == []
    again = clinic.catalog.document(document.id)
    assert (again.status, again.version) == (DocumentStatus.QUEUED, 2)


def test_a_deletion_without_a_job_is_queued_again(clinic: Clinic) -> None:
    document = clinic.ready("one.md")
    with clinic.database.write() as transaction:
        clinic.versions.deletions.tombstone(transaction, document.id)
    assert clinic.faults() == [(Fault.STUCK_DOCUMENT, document.id)]
    assert [finding.is_repaired for finding in clinic.doctor.repair()] == [True]
    assert clinic.faults() == []
