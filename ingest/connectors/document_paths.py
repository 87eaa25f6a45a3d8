"""What a sync needs of documents beyond the catalog: which lie at a path, and moving them to another."""

from datetime import UTC, datetime

import sqlalchemy as sa

from corpus.database import Database, Transaction
from corpus.documents import CollectionId, DocumentId, DocumentStatus
from corpus.errors import ConflictError
from corpus.tables import DocumentRow

_LIVE = DocumentRow.status != DocumentStatus.DELETED


class DocumentPaths:
    def __init__(self, database: Database) -> None:
        self._database = database

    def at(self, collection_id: CollectionId, path: str) -> list[DocumentId]:
        """The document at a path, or those of the archive's members."""
        below = sa.and_(DocumentRow.path >= f"{path}/", DocumentRow.path < f"{path}0")  # "0" follows "/"
        query = sa.select(DocumentRow.id).where(
            DocumentRow.collection_id == collection_id, sa.or_(DocumentRow.path == path, below), _LIVE
        )
        with self._database.read() as session:
            return [DocumentId(found) for found in session.scalars(query)]

    def move(self, transaction: Transaction, document_id: DocumentId, old: str, new: str) -> bool:
        """Moves a document from below `old` to below `new`; its versions, chunks and vectors stay.

        False when it is deleted. Raises `ConflictError` when another document is there.
        """
        row = transaction.get(DocumentRow, document_id, with_for_update=True)
        if row is None or row.status == DocumentStatus.DELETED or not row.path.startswith(old):
            return False
        path = new + row.path.removeprefix(old)
        taken = sa.select(DocumentRow.id).where(
            DocumentRow.collection_id == row.collection_id, DocumentRow.path == path, _LIVE
        )
        if transaction.scalar(taken):
            raise ConflictError(f"There is already a document at '{path}'.")
        if row.title == row.path.rpartition("/")[2]:
            row.title = path.rpartition("/")[2]
        row.path, row.updated_at = path, datetime.now(UTC)
        transaction.flush()
        return True
