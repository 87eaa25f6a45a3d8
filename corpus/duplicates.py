"""The same bytes under several paths of a collection: the first document answers for all of them."""

from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.documents import CollectionId, DocumentStatus, Reason
from corpus.rows import reason_row
from corpus.tables import CollectionRow, DocumentRow

# Bytes that could not be read here, or were not wanted, answer for nobody.
_ANSWERS_FOR_NOBODY = (
    DocumentStatus.FAILED,
    DocumentStatus.UNSUPPORTED,
    DocumentStatus.DUPLICATE,
    DocumentStatus.CANCELLED,
    DocumentStatus.DELETED,
)


class Duplicates(StrEnum):
    """What becomes of bytes that the collection holds already under another path."""

    MERGE = "merge"
    """They end as `duplicate` of the first."""
    KEEP = "keep"
    """They become a document of their own: for question sets, whose documents are known by their paths."""


def first_with(
    session: Session, collection_id: CollectionId, sha256: str, media_type: str
) -> DocumentRow | None:
    """The oldest document of the collection with these bytes, read in the same way."""
    return session.scalar(
        sa.select(DocumentRow)
        .where(
            DocumentRow.collection_id == collection_id,
            DocumentRow.sha256 == sha256,
            DocumentRow.media_type == media_type,
            DocumentRow.status.not_in(_ANSWERS_FOR_NOBODY),
        )
        .order_by(DocumentRow.id)
        .limit(1)
    )


def mark(row: DocumentRow, first: DocumentRow) -> None:
    row.status, row.duplicate_of = DocumentStatus.DUPLICATE, first.id
    row.reason = reason_row(
        Reason(
            code="duplicate",
            title="Already in this collection",
            detail=f"'{row.path}' has the same content as '{first.path}', which answers for both.",
            action=f"Nothing to do. If '{first.path}' is deleted, this one takes its place.",
            retryable=True,
            stage="receiving",
            attempt=1,
            at=datetime.now(UTC),
        )
    )


def promote(session: Session, document_id: str) -> DocumentRow | None:
    """Queues the oldest duplicate of a document that no longer holds their common bytes.

    The other duplicates become duplicates of that one. `None` when there is none, or the collection goes too.
    """
    rows = session.scalars(
        sa.select(DocumentRow)
        .where(DocumentRow.duplicate_of == document_id, DocumentRow.status == DocumentStatus.DUPLICATE)
        .order_by(DocumentRow.id)
        .with_for_update()
    ).all()
    if not rows or session.get_one(CollectionRow, rows[0].collection_id).is_deleted:
        return None
    heir, *others = rows
    queue_again(heir)
    for other in others:
        mark(other, heir)
    return heir


def queue_again(row: DocumentRow) -> None:
    """As a new version, so that it gets a job of its own and a late worker of the old one changes nothing."""
    now = datetime.now(UTC)
    row.version += 1
    row.status, row.reason, row.duplicate_of = DocumentStatus.QUEUED, None, None
    row.attempts, row.chunks_done, row.chunks_total = 0, 0, None
    row.stage_at = row.updated_at = now
