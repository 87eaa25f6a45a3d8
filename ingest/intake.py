"""The door for documents: bytes and row are on disk before anybody hears "accepted"."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from corpus.blobs import BlobStore
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import CollectionId, Document, DocumentId, Reason
from corpus.errors import InvalidInputError
from corpus.versions import Upload, Versions
from ingest.archives import ARCHIVES, expand
from ingest.errors import EmptyDocumentError, IngestError
from ingest.jobs import Jobs
from ingest.pipeline import reason_of
from ingest.sniffing import sniff

ACCEPT_BATCH = 50
"""Documents recorded in one transaction: long ones would keep every other writer waiting."""
PAGE = 500


@dataclass(frozen=True, slots=True)
class _Received:
    """A file in the blob store, or why it goes no further."""

    upload: Upload
    refusal: Reason | None = None


class Intake:
    def __init__(
        self, database: Database, catalog: Catalog, versions: Versions, blobs: BlobStore, jobs: Jobs
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._versions = versions
        self._blobs = blobs
        self._jobs = jobs

    def add(self, collection: str, files: Iterable[tuple[str, BinaryIO]]) -> list[Document]:
        """Accepts files (path, content) into a collection, made when missing.

        An archive becomes one document per member.
        A file already known under its path with the same bytes is returned as it stands.
        """
        collection_id = self._catalog.ensure_collection(collection)
        documents: list[Document] = []
        batch: list[_Received] = []
        for path, content in files:
            for received in self._receive(_clean_path(path), content):
                batch.append(received)
                if len(batch) == ACCEPT_BATCH:
                    documents += self._record(collection_id, batch)
                    batch = []
        return documents + self._record(collection_id, batch)

    def delete(self, document_id: DocumentId) -> None:
        """When it returns, nothing shows the document; its copies are removed by a durable job."""
        document = self._catalog.document(document_id)
        with self._database.write() as transaction:
            self._versions.tombstone(transaction, document_id)
            self._jobs.enqueue_delete(transaction, document_id, document.collection_id)

    def delete_collection(self, collection_id: CollectionId) -> None:
        """Deletes every document of a collection and retires its name at once."""
        while documents := self._catalog.documents(collection_id=collection_id, limit=PAGE):
            for document in documents:
                self.delete(document.id)
        self._versions.retire_collection(collection_id)

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
                yield _Received(upload, reason_of(error, stage="receiving", attempt=1))

    def _store(self, path: str, content: BinaryIO) -> Upload:
        blob = self._blobs.put(content)
        media_type = sniff(self._blobs.path(blob.sha256), path)
        return Upload(path=path, sha256=blob.sha256, size_bytes=blob.size_bytes, media_type=media_type)

    def _record(self, collection_id: CollectionId, batch: Sequence[_Received]) -> list[Document]:
        documents: list[Document] = []
        with self._database.write() as transaction:
            for received in batch:
                accepted = self._versions.accept(transaction, collection_id, received.upload)
                document = accepted.document
                if accepted.is_new_version and received.refusal:
                    document = self._versions.refuse(transaction, document.id, received.refusal)
                elif accepted.is_new_version:
                    self._jobs.enqueue_ingest(transaction, document.id, document.version, collection_id)
                documents.append(document)
        return documents


def _clean_path(path: str) -> str:
    """The uploader's name for the file, as text: it is shown and compared, never opened."""
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    if not parts:
        raise InvalidInputError("A document needs a file name.")
    return "/".join(parts)
