"""Compares the record with the index, the file store and the job queue, and repairs what differs."""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from threading import Event, Thread
from typing import TypeVar

from corpus import submissions
from corpus.blobs import BlobStore, StoredFile
from corpus.database import Database
from corpus.documents import Chunk, CollectionId, DocumentId
from corpus.errors import SourcebookError
from corpus.inventory import Held, Inventory
from corpus.versions import Standing, Versions
from ingest.job_queue import PAUSED, JobQueue, ingest_job
from ingest.pipeline import IndexGenerations
from retrieval.index import Index

BATCH = 500
UPLOAD_SECONDS = 3600.0
"""A file that nothing refers to may be an upload under way; after so long it is none."""

Item = TypeVar("Item")
Mend = Callable[[], bool]
"""Repairs one fault; whether it is gone then."""

log = logging.getLogger(__name__)


class Fault(StrEnum):
    MISSING_VECTOR = "missing_vector"
    ORPHAN_VECTOR = "orphan_vector"
    MISSING_BLOB = "missing_blob"
    ORPHAN_BLOB = "orphan_blob"
    STUCK_DOCUMENT = "stuck_document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    fault: Fault
    subject: str
    """Id of the document, or of the point, or name of the file."""
    detail: str
    count: int = 1
    """Vectors, for the faults of vectors."""
    is_repaired: bool = False


class Doctor:
    def __init__(
        self,
        database: Database,
        versions: Versions,
        blobs: BlobStore,
        generations: IndexGenerations,
        jobs: JobQueue,
    ) -> None:
        self._database = database
        self._inventory = Inventory(database)
        self._versions = versions
        self._blobs = blobs
        self._generations = generations
        self._jobs = jobs

    def examine(self) -> list[Finding]:
        """Everything that differs. Changes nothing."""
        return [finding for finding, _ in self._faults()]

    def repair(self) -> list[Finding]:
        """Everything that differed; what could be mended is marked as repaired.

        A lost file cannot be made again: its document says so until somebody uploads it once more.
        """
        return [replace(finding, is_repaired=mend()) for finding, mend in self._faults()]

    def is_index_complete(self) -> bool:
        """One cheap look: does the index hold as many vectors as were published?"""
        return self._index.count() == self._inventory.published_chunks()

    def restore_vectors(self, stopped: Event) -> int:
        """Embeds again what the index lost, until `stopped`; returns the number of vectors."""
        restored = 0
        for document in self._inventory.documents():
            if stopped.is_set():
                break
            restored += self._restore(document, self._missing_chunks(document))
        return restored

    @property
    def _index(self) -> Index:
        """The one that answers: one that is being built is not complete yet."""
        return self._generations.active().index

    def _faults(self) -> Iterator[tuple[Finding, Mend]]:
        for document in self._inventory.documents():
            yield from self._faults_of(document)
        yield from self._orphan_vectors()
        yield from self._orphan_blobs()
        yield from self._stuck_documents()
        yield from self._stuck_deletions()

    def _faults_of(self, document: Held) -> Iterator[tuple[Finding, Mend]]:
        if missing := self._missing_chunks(document):
            detail = f"'{document.path}' lacks {len(missing)} of {document.chunks} vectors."
            yield (
                Finding(fault=Fault.MISSING_VECTOR, subject=document.id, detail=detail, count=len(missing)),
                lambda: self._restore(document, missing) > 0,
            )
        if document.status.is_ready and not self._blobs.has(document.sha256):
            yield (
                Finding(
                    fault=Fault.MISSING_BLOB,
                    subject=document.id,
                    detail=f"The file of '{document.path}' is gone: upload it again. Its text still answers.",
                ),
                lambda: self._mark(document, is_missing=True),
            )
        elif document.is_marked_missing:
            self._mark(document, is_missing=False)

    def _missing_chunks(self, document: Held) -> list[Chunk]:
        active = document.active_version
        if active is None or self._index.count(document.id, version=active) == document.chunks:
            return []
        missing: list[Chunk] = []
        number = self._generations.active().number
        for batch in _batches(self._versions.chunks(document.id, active, generation=number)):
            there = self._index.vectors([chunk.point_id for chunk in batch])
            missing += [chunk for chunk in batch if chunk.point_id not in there]
        # It may have been replaced or deleted while we looked.
        return missing if self._versions.standing(document.id, active) is Standing.ACTIVE else []

    def _restore(self, document: Held, missing: list[Chunk]) -> int:
        for batch in _batches(missing):
            title = self._versions.version_title(document.id, batch[0].version)
            self._generations.active().indexer.index(batch, collection_id=document.collection_id, title=title)
        if missing and self._versions.standing(document.id, missing[0].version) is not Standing.ACTIVE:
            self._index.remove([chunk.point_id for chunk in missing])
            return 0
        return len(missing)

    def _mark(self, document: Held, *, is_missing: bool) -> bool:
        self._inventory.mark_file(document.id, is_missing=is_missing)
        return False

    def _orphan_vectors(self) -> Iterator[tuple[Finding, Mend]]:
        for batch in self._index.point_ids():
            orphans = sorted(set(batch) - self._inventory.known_points(batch))
            if orphans:
                detail = f"{len(orphans)} vectors belong to no document."
                yield (
                    Finding(fault=Fault.ORPHAN_VECTOR, subject=orphans[0], detail=detail, count=len(orphans)),
                    lambda orphans=orphans: self._remove(orphans),
                )

    def _remove(self, point_ids: list[str]) -> bool:
        self._index.remove(point_ids)
        return True

    def _orphan_blobs(self) -> Iterator[tuple[Finding, Mend]]:
        old = (file for file in self._blobs.stored() if file.age_seconds > UPLOAD_SECONDS)
        for batch in _batches(old):
            known = self._inventory.known_contents([file.sha256 for file in batch if file.sha256])
            for file in batch:
                if file.sha256 not in known:
                    detail = f"The file '{file.name}' belongs to no document."
                    yield (
                        Finding(fault=Fault.ORPHAN_BLOB, subject=file.name, detail=detail),
                        lambda file=file: self._discard(file),
                    )

    def _discard(self, file: StoredFile) -> bool:
        if file.sha256:
            self._versions.deletions.release(file.sha256, self._blobs.delete)
        else:
            self._blobs.discard(file.name)
        return True

    def _stuck_documents(self) -> Iterator[tuple[Finding, Mend]]:
        unfinished = (each for each in self._inventory.documents() if not each.status.is_final)
        for batch in _batches(unfinished):
            queues = self._jobs.unfinished([ingest_job(each.id, each.version) for each in batch])
            for document in batch:
                queue = queues.get(ingest_job(document.id, document.version))
                waits_for_nobody = queue == PAUSED and not document.is_paused
                # Its job may have ended just before we asked for it.
                if (queue is None or waits_for_nobody) and self._inventory.is_unfinished(
                    document.id, document.version
                ):
                    detail = f"'{document.path}' is {document.status.value}, and no job works on it."
                    yield (
                        Finding(fault=Fault.STUCK_DOCUMENT, subject=document.id, detail=detail),
                        lambda document=document: self._queue_again(document),
                    )

    def _queue_again(self, document: Held) -> bool:
        with self._database.write() as transaction:
            again = submissions.requeue_stranded(transaction, document.id)
            if again:
                self._jobs.enqueue_ingest(transaction, again, is_paused=document.is_paused)
        return True

    def _stuck_deletions(self) -> Iterator[tuple[Finding, Mend]]:
        working = self._jobs.unfinished_deletions()
        for document_id, collection_id in self._inventory.deleted_documents():
            if document_id not in working:
                detail = f"{document_id} is deleted, and no job removes its copies."
                yield (
                    Finding(fault=Fault.STUCK_DOCUMENT, subject=document_id, detail=detail),
                    lambda document_id=document_id, collection_id=collection_id: self._delete_again(
                        document_id, collection_id
                    ),
                )

    def _delete_again(self, document_id: DocumentId, collection_id: CollectionId) -> bool:
        with self._database.write() as transaction:
            self._jobs.enqueue_delete(transaction, document_id, collection_id, run=uuid.uuid4().hex[:8])
        return True


class StartCheck:
    """Against a power loss: the index is flushed every few seconds only, the record at every commit.

    So at start a published document may lack vectors; they are made again while the rest works already.
    """

    def __init__(self, doctor: Doctor) -> None:
        self._doctor = doctor
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="start-check", daemon=True)

    def start(self) -> None:
        if not self._doctor.is_index_complete():
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            restored = self._doctor.restore_vectors(self._stopped)
        except SourcebookError:
            log.exception("the index could not be compared with the record; run `sourcebook doctor`")
        else:
            if restored:
                log.warning("embedded %d chunks again that the index had lost", restored)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch
