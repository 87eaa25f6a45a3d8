"""How a document's row enters a stage and comes to its end."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from corpus.documents import Document, DocumentStatus, Reason
from corpus.rows import document_from, reason_row
from corpus.tables import CollectionRow, DocumentRow


def enter(row: DocumentRow, status: DocumentStatus) -> None:
    row.status = status
    row.stage_at = row.updated_at = datetime.now(UTC)


def end(row: DocumentRow, status: DocumentStatus, reason: Reason) -> None:
    enter(row, status)
    row.reason = reason_row(reason)


def noun(session: Session, row: DocumentRow) -> Document:
    """The document as it stands in this transaction."""
    session.flush()
    return document_from(row, session.get_one(CollectionRow, row.collection_id).name)
