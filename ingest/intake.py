"""The door for documents: bytes and row are on disk before anybody hears "accepted"."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from corpus import submissions
from corpus.blobs import BlobStore
from corpus.catalog import Catalog
from corpus.crash_points import reach
from corpus.database import Database
from corpus.documents import CollectionId, Document, DocumentId, Reason
from corpus.duplicates import Duplicates
from corpus.errors import InvalidInputError, UnavailableError
from corpus.submissions import Upload
from corpus.versions import Versions
from ingest.archives import ARCHIVES, expand
from ingest.errors import EmptyDocumentError, IngestError
from ingest.job_queue import JobQueue, Priority
from ingest.pipeline import reason_of
from ingest.sniffing import sniff

ACCEPT_BATCH = 50
"""Documents recorded in one transaction: long ones would keep every other writer waiting."""
SMALL_UPLOAD = 10
"""Up to so many documents in one upload are ingested before larger uploads to the same collection."""
PAGE = 500


@dataclass(frozen=True, slots=True)
class _Received:
    """A file in the blob store, or why it goes no further."""

    upload: Upload
    refusal: Reason | None = None


class Intake:
    def __init__(
        self, database: Database, catalog: Catalog, versions: Versions, blobs: BlobStore, jobs: JobQueue
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._versions = versions
        self._blobs = blobs
        self._jobs = jobs

    def add(
        self,
        collection: str,
        files: Iterable[tuple[str, BinaryIO]],
        *,
        priority: Priority | None = None,
        duplicates_are: Duplicates = Duplicates.MERGE,
    ) -> list[Document]:
        """Accepts files (path, content) into a collection, made when missing.

        An archive becomes one document per member.
        A file already known under its path with the same bytes is returned as it stands.
        Without a `priority`, a few files go before many.
        """
        collection_id = self._catalog.ensure_collection(collection)
        documents: list[Document] = []
        batch: list[_Received] = []
        for path, content in files:
            for received in self._receive(_clean_path(path), content):
                batch.append(received)
                if len(batch) == ACCEPT_BATCH:
                    documents += self._record(collection_id, batch, priority or Priority.BULK, duplicates_are)
                    batch = []
        is_small = len(documents) + len(batch) <= SMALL_UPLOAD
        by_size = Priority.INTERACTIVE if is_small else Priority.BULK
        return documents + self._record(collection_id, batch, priority or by_size, duplicates_are)

    def delete(self, document_id: DocumentId) -> None:
        """When it returns, nothing shows the document; its copies are removed by a durable job.

        A duplicate of it takes its place: the same bytes are still wanted under another path.
        """
        document = self._catalog.document(document_id)
        with self._database.write() as transaction:
            self._versions.deletions.tombstone(transaction, document_id)
            self._jobs.enqueue_delete(transaction, document_id, document.collection_id)
            if heir := submissions.promote_duplicate(transaction, document_id):
                self._jobs.enqueue_ingest(transaction, heir)
        reach("delete.committed")

    def delete_collection(self, collection_id: CollectionId) -> None:
        """Retires a collection's name at once and deletes its documents; repeating it finishes it."""
        self._versions.deletions.retire_collection(collection_id)
        while documents := self._catalog.documents(collection_id=collection_id, limit=PAGE):
            for document in documents:
                self.delete(document.id)

    def _receive(self, path: str, content: BinaryIO) -> Iterator[_Received]:
        upload = self._store(path, content)
        if upload.media_type not in ARCHIVES:
            yield _Received(upload)
            return
        with tempfile.TemporaryDirectory(prefix="sourcebook-") as folder:
            members = 0
            try:
                for member in expand(self._blobs.path(upload.sha256), path, Path(folder)):
                    members += 1
                    with member.path.open("rb") as opened:
                        yield _Received(self._store(_clean_path(member.name), opened))
                    member.path.unlink()
                if not members:
                    raise EmptyDocumentError(f"The archive '{path}' holds no files.")
            except IngestError as error:
                yield _Received(upload, reason_of(error, stage="receiving"))
                return
        # Its members are stored; the archive itself is no document.
        self._versions.deletions.release(upload.sha256, self._blobs.delete)

    def _store(self, path: str, content: BinaryIO) -> Upload:
        blob = self._blobs.put(content)
        media_type = sniff(self._blobs.path(blob.sha256), path)
        return Upload(path=path, sha256=blob.sha256, size_bytes=blob.size_bytes, media_type=media_type)

    def _record(
        self,
        collection_id: CollectionId,
        batch: Sequence[_Received],
        priority: Priority,
        duplicates_are: Duplicates,
    ) -> list[Document]:
        documents: list[Document] = []
        replaced: list[str] = []
        with self._database.write() as transaction:
            for received in batch:
                accepted = submissions.accept(
                    transaction, collection_id, received.upload, duplicates_are=duplicates_are
                )
                document = accepted.document
                if accepted.is_new_version and received.refusal:
                    document = submissions.refuse(transaction, document.id, received.refusal)
                elif accepted.is_new_version:
                    self._jobs.enqueue_ingest(transaction, document, priority, is_paused=accepted.is_paused)
                if accepted.heir:
                    self._jobs.enqueue_ingest(
                        transaction, accepted.heir, priority, is_paused=accepted.is_paused
                    )
                if accepted.replaced_sha256:
                    replaced.append(accepted.replaced_sha256)
                documents.append(document)
            self._check_bytes(batch)
            reach("upload.recorded")
        reach("upload.committed")
        for sha256 in replaced:
            self._versions.deletions.release(sha256, self._blobs.delete)
        return documents

    def _check_bytes(self, batch: Sequence[_Received]) -> None:
        """A deletion of the same bytes may have come between storing and recording them.

        Once recorded, they stay: whoever removes bytes waits for this transaction.
        """
        for received in batch:
            if not self._blobs.has(received.upload.sha256):
                raise UnavailableError(
                    f"'{received.upload.path}' was being deleted elsewhere just now. Upload it again."
                )


def _clean_path(path: str) -> str:
    """The uploader's name for the file, as text: it is shown and compared, never opened."""
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    if not parts:
        raise InvalidInputError("A document needs a file name.")
    return "/".join(parts)
