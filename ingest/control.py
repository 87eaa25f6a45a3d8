"""What people may do to ingestion: cancel, try again, pause, resume."""

from collections.abc import Iterable

from corpus import submissions
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import CollectionId, Document, DocumentId, DocumentStatus
from corpus.errors import ConflictError
from ingest.job_queue import JobQueue
from ingest.sniffing import ZIP

PAGE = 50
"""Documents queued in one transaction."""


class IngestControl:
    """Every change is in the record, together with its job, when the call returns."""

    def __init__(self, database: Database, catalog: Catalog, jobs: JobQueue) -> None:
        self._database = database
        self._catalog = catalog
        self._jobs = jobs

    def cancel(self, document_id: DocumentId) -> Document:
        """Raises `ConflictError` when the document is at its end. A duplicate of it takes its place."""
        with self._database.write() as transaction:
            document = submissions.cancel(transaction, document_id)
            if document.active_version is None:
                heir = submissions.promote_duplicate(transaction, document_id)
                if heir:
                    self._jobs.enqueue_ingest(transaction, heir)
        return document

    def retry(self, document_id: DocumentId) -> Document:
        """Queues a document that failed, was cancelled, or is a duplicate (to be found by its own path).

        Raises `ConflictError` when there is nothing to try again.
        """
        return self._retry_all([self._catalog.document(document_id)])[0]

    def retry_failed(self, collection_id: CollectionId | None = None) -> int:
        """Queues every failed document, of a collection or of all; how many there were."""
        after: DocumentId | None = None
        retried = 0
        while page := self._catalog.documents(
            collection_id=collection_id, statuses=[DocumentStatus.FAILED], after=after, limit=PAGE
        ):
            after = page[-1].id
            retried += len(self._retry_all([each for each in page if each.media_type != ZIP]))
        return retried

    def pause(self, collections: Iterable[CollectionId]) -> None:
        """Documents that wait go on waiting, and new ones with them; those in work go on to their end."""
        for collection_id in collections:
            with self._database.write() as transaction:
                self._catalog.set_paused(transaction, collection_id, is_paused=True)
            self._jobs.pause(collection_id)

    def resume(self, collections: Iterable[CollectionId]) -> None:
        for collection_id in collections:
            with self._database.write() as transaction:
                self._catalog.set_paused(transaction, collection_id, is_paused=False)
            self._jobs.resume(collection_id)

    def settle(self) -> None:
        """Finishes a pausing or resuming that a crash interrupted between the record and the queue."""
        for collection in self._catalog.collections():
            move = self._jobs.pause if collection.is_paused else self._jobs.resume
            move(collection.id)

    def _retry_all(self, documents: list[Document]) -> list[Document]:
        paused = {each.id for each in self._catalog.collections() if each.is_paused}
        queued: list[Document] = []
        with self._database.write() as transaction:
            for document in documents:
                if document.media_type == ZIP:
                    raise ConflictError(f"'{document.path}' is an archive: upload it again.")
                again = submissions.retry(transaction, document.id)
                self._jobs.enqueue_ingest(transaction, again, is_paused=again.collection_id in paused)
                queued.append(again)
        return queued
