"""What people ask for: upload, cancel, retry, move. Each is part of a transaction that also makes the job."""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus import duplicates
from corpus.database import Transaction, hold, share
from corpus.deletions import BLOBS
from corpus.documents import CollectionId, Document, DocumentId, DocumentStatus, Reason, new_id
from corpus.duplicates import Duplicates
from corpus.errors import CollectionNotFoundError, ConflictError, DocumentNotFoundError
from corpus.rows import document_from
from corpus.stages import end, noun
from corpus.tables import CollectionRow, DocumentRow

_LIVE = DocumentRow.status != DocumentStatus.DELETED
_RETRYABLE = (DocumentStatus.FAILED, DocumentStatus.UNSUPPORTED, DocumentStatus.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Bytes that already lie in the blob store, and the name their uploader gave them."""

    path: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of an upload."""

    document: Document
    is_new_version: bool
    """False when there is nothing to ingest: known under this path, or a duplicate."""
    is_paused: bool
    """Whether the collection's jobs wait for somebody to resume it."""
    heir: Document | None = None
    """A duplicate of the bytes that stood here before; it must be ingested now."""
    replaced_sha256: str | None = None
    """The bytes that stood here before."""


def accept(
    transaction: Transaction,
    collection_id: CollectionId,
    upload: Upload,
    *,
    duplicates_are: Duplicates = Duplicates.MERGE,
) -> Accepted:
    """Records an upload: a new document, a new version of the one at this path, or nothing new."""
    share(transaction, BLOBS)
    hold(transaction, collection_id)
    collection = transaction.get(CollectionRow, collection_id)
    if collection is None or collection.is_deleted:
        raise CollectionNotFoundError
    row = _at_path(transaction, collection_id, upload.path)
    replaced: str | None = None
    heir: DocumentRow | None = None
    if row is None:
        row = _new_document(collection_id, upload)
        first = None
        if duplicates_are is Duplicates.MERGE:
            first = duplicates.first_with(transaction, collection_id, upload.sha256, upload.media_type)
        transaction.add(row)
        if first is not None:
            duplicates.mark(row, first)
        is_new_version = first is None
    elif row.sha256 != upload.sha256:
        replaced, is_new_version = row.sha256, True
        row.sha256, row.size_bytes, row.media_type = upload.sha256, upload.size_bytes, upload.media_type
        duplicates.queue_again(row)
        heir = duplicates.promote(transaction, row.id)
    else:
        # The same bytes again after a failure: the uploader asks for another try.
        is_new_version = row.status in _RETRYABLE
        if is_new_version:
            duplicates.queue_again(row)
    transaction.flush()
    return Accepted(
        document=document_from(row, collection.name),
        is_new_version=is_new_version,
        is_paused=collection.is_paused,
        heir=document_from(heir, collection.name) if heir else None,
        replaced_sha256=replaced,
    )


def refuse(transaction: Transaction, document_id: DocumentId, reason: Reason) -> Document:
    """Ends a version just accepted, before any job was made for it."""
    row = transaction.get_one(DocumentRow, document_id)
    end(row, reason.status, reason)
    return noun(transaction, row)


def cancel(transaction: Transaction, document_id: DocumentId) -> Document:
    """Ends the version in work; an older one that answers goes on answering.

    Raises `ConflictError` when nothing is in work.
    """
    row = _live(transaction, document_id)
    status = DocumentStatus(row.status)
    if status.is_final:
        raise ConflictError(f"'{row.path}' is {status.value}: there is nothing to cancel.")
    reason = Reason(
        code="cancelled",
        title="Cancelled",
        detail=f"Somebody stopped the ingestion of '{row.path}'.",
        action="Retry it to ingest it after all.",
        retryable=True,
        stage=status.value,
        attempt=max(row.attempts, 1),
        at=datetime.now(UTC),
    )
    end(row, DocumentStatus.CANCELLED, reason)
    return noun(transaction, row)


def retry(transaction: Transaction, document_id: DocumentId) -> Document:
    """Queues a version that failed, was cancelled, or is a duplicate (then on its own).

    Raises `ConflictError` when there is nothing to try again.
    """
    row = _live(transaction, document_id)
    if row.status not in (*_RETRYABLE, DocumentStatus.DUPLICATE):
        raise ConflictError(f"'{row.path}' is {row.status}: there is nothing to retry.")
    duplicates.queue_again(row)
    return noun(transaction, row)


def requeue_stranded(transaction: Transaction, document_id: DocumentId) -> Document | None:
    """Queues a document whose job was lost; `None` when it has come to its end meanwhile."""
    row = transaction.get(DocumentRow, document_id, with_for_update=True)
    if row is None or DocumentStatus(row.status).is_final:
        return None
    duplicates.queue_again(row)
    return noun(transaction, row)


def promote_duplicate(transaction: Transaction, document_id: DocumentId) -> Document | None:
    """For a document that no longer holds its bytes: queues a duplicate of it, which must be ingested."""
    heir = duplicates.promote(transaction, document_id)
    return noun(transaction, heir) if heir else None


def move(transaction: Transaction, document_id: DocumentId, new_path: str) -> Document:
    """Gives a document another path: nothing is read or embedded again.

    For a source that found the same bytes under a new path and nothing at the old one. If the new path
    was already taken in as a duplicate of this document, that entry gives way. Raises `ConflictError`
    when another document stands there.
    """
    # Uploads lock in this order too: first the collection, then the row.
    hold(transaction, _collection_of(transaction, document_id))
    row = _live(transaction, document_id)
    there = _at_path(transaction, CollectionId(row.collection_id), new_path)
    if there is not None and there.id != row.id:
        if there.duplicate_of != row.id:
            raise ConflictError(f"There is already a document at '{new_path}'.")
        transaction.delete(there)
        transaction.flush()
    if row.title == row.path.rpartition("/")[2]:
        row.title = new_path.rpartition("/")[2]
    row.path, row.updated_at = new_path, datetime.now(UTC)
    transaction.flush()
    return noun(transaction, row)


def _at_path(session: Session, collection_id: CollectionId, path: str) -> DocumentRow | None:
    return session.scalar(
        sa.select(DocumentRow).where(
            DocumentRow.collection_id == collection_id, DocumentRow.path == path, _LIVE
        )
    )


def _collection_of(session: Session, document_id: DocumentId) -> str:
    found = session.scalar(sa.select(DocumentRow.collection_id).where(DocumentRow.id == document_id))
    if found is None:
        raise DocumentNotFoundError
    return found


def _live(session: Session, document_id: DocumentId) -> DocumentRow:
    row = session.get(DocumentRow, document_id, with_for_update=True)
    if row is None or row.status == DocumentStatus.DELETED:
        raise DocumentNotFoundError
    return row


def _new_document(collection_id: CollectionId, upload: Upload) -> DocumentRow:
    now = datetime.now(UTC)
    return DocumentRow(
        id=new_id("doc"),
        collection_id=collection_id,
        path=upload.path,
        title=upload.path.rsplit("/", 1)[-1],
        media_type=upload.media_type,
        sha256=upload.sha256,
        size_bytes=upload.size_bytes,
        status=DocumentStatus.QUEUED,
        reason=None,
        warnings=[],
        version=1,
        active_version=None,
        attempts=0,
        pages=None,
        chunks=0,
        duplicate_of=None,
        chunks_done=0,
        chunks_total=None,
        stage_at=now,
        created_at=now,
        updated_at=now,
    )
