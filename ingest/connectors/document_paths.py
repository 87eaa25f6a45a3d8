"""What a sync needs of documents beyond the catalog: which lie at a path, and moving them to another."""

import sqlalchemy as sa

from corpus import submissions
from corpus.database import Database, Transaction
from corpus.documents import CollectionId, DocumentId, DocumentStatus
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
        row = transaction.get(DocumentRow, document_id)
        if row is None or row.status == DocumentStatus.DELETED or not row.path.startswith(old):
            return False
        submissions.move(transaction, document_id, new + row.path.removeprefix(old))
        return True
