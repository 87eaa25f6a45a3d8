"""How documents and their copies leave: hidden at once, removed by a job, the removal counted and kept."""

from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.crash_points import reach
from corpus.database import Database, Transaction, hold
from corpus.documents import CollectionId, Deletion, DocumentId, DocumentStatus
from corpus.errors import CollectionNotFoundError, DocumentNotFoundError
from corpus.rows import deletion_from
from corpus.tables import ChunkRow, CollectionRow, DeletionRow, DocumentRow, RebuiltDocumentRow, VersionRow

BLOBS = "blobs"
"""Held by whoever removes bytes, shared by whoever records an upload: bytes just uploaded stay."""

DeleteBlob = Callable[[str], None]


class Deletions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def tombstone(self, transaction: Transaction, document_id: DocumentId) -> None:
        """From the commit on nothing shows the document. Raises `DocumentNotFoundError`."""
        row = transaction.get(DocumentRow, document_id, with_for_update=True)
        if row is None or row.status == DocumentStatus.DELETED:
            raise DocumentNotFoundError
        now = datetime.now(UTC)
        row.status, row.active_version, row.duplicate_of = DocumentStatus.DELETED, None, None
        row.updated_at = now
        transaction.add(
            DeletionRow(
                document_id=document_id,
                collection=transaction.get_one(CollectionRow, row.collection_id).name,
                collection_id=row.collection_id,
                path=row.path,
                requested_at=now,
                chunks=0,
                vectors=0,
                blobs=0,
                verified_at=None,
            )
        )

    def retire_collection(self, collection_id: CollectionId) -> None:
        """Hides a collection and frees its name; its row goes with the last of its documents."""
        with self._database.write() as session:
            row = session.get(CollectionRow, collection_id)
            if row is None or row.is_deleted:
                raise CollectionNotFoundError
            row.is_deleted = True
            session.flush()
            _remove_empty_retired(session, row)

    def purge(self, document_id: DocumentId, delete_blob: DeleteBlob, *, vectors: int) -> None:
        """Removes a deleted document's rows, and its bytes when nobody else has the same; records it.

        `vectors`: how many of the document the index held; none are left there by now.
        The bytes go inside the transaction, so that no upload of the same file slips in between.
        """
        with self._database.write() as session:
            hold(session, BLOBS)
            row = session.get(DocumentRow, document_id)
            if row is None or row.status != DocumentStatus.DELETED:
                return
            contents = {row.sha256, *_version_contents(session, document_id, sa.true())}
            chunks = session.scalars(
                sa.select(sa.func.count()).where(ChunkRow.document_id == document_id)
            ).one()
            remove_versions(session, document_id, sa.true(), sa.true())
            session.execute(
                sa.delete(RebuiltDocumentRow).where(RebuiltDocumentRow.document_id == document_id)
            )
            collection = session.get_one(CollectionRow, row.collection_id)
            session.delete(row)
            session.flush()
            _remove_empty_retired(session, collection)
            blobs = sum(release_blob(session, sha256, delete_blob) for sha256 in sorted(contents))
            if record := session.get(DeletionRow, document_id):
                record.chunks, record.vectors, record.blobs = chunks, vectors, blobs
                record.verified_at = datetime.now(UTC)
            reach("delete.blob_removed")

    def drop_versions_before(self, document_id: DocumentId, version: int, delete_blob: DeleteBlob) -> None:
        """Removes what a newly published version replaced."""
        with self._database.write() as session:
            hold(session, BLOBS)
            older = VersionRow.number < version
            contents = _version_contents(session, document_id, older)
            remove_versions(session, document_id, older, ChunkRow.version < version)
            for sha256 in contents:
                release_blob(session, sha256, delete_blob)

    def drop_version(self, document_id: DocumentId, version: int) -> None:
        """Removes a version that was never published and is no longer wanted."""
        with self._database.write() as session:
            remove_versions(session, document_id, VersionRow.number == version, ChunkRow.version == version)

    def release(self, sha256: str, delete_blob: DeleteBlob) -> None:
        """Removes bytes that nothing refers to any more."""
        with self._database.write() as session:
            hold(session, BLOBS)
            release_blob(session, sha256, delete_blob)

    def records(
        self, *, collection: str | None = None, after: str | None = None, limit: int = 100
    ) -> list[Deletion]:
        """By document id; `after` is the id where the last page ended."""
        query = sa.select(DeletionRow).order_by(DeletionRow.document_id).limit(limit)
        if collection is not None:
            query = query.where(DeletionRow.collection == collection)
        if after is not None:
            query = query.where(DeletionRow.document_id > after)
        with self._database.read() as session:
            return [deletion_from(row) for row in session.scalars(query)]

    def since(self, moment: datetime, collection_id: CollectionId | None = None) -> list[Deletion]:
        """Deletions requested at `moment` or later, oldest first."""
        query = (
            sa.select(DeletionRow)
            .where(DeletionRow.requested_at >= moment)
            .order_by(DeletionRow.requested_at)
        )
        if collection_id is not None:
            query = query.where(DeletionRow.collection_id == collection_id)
        with self._database.read() as session:
            return [deletion_from(row) for row in session.scalars(query)]

    def record(self, document_id: DocumentId) -> Deletion:
        """Raises `DocumentNotFoundError` when no such document was deleted."""
        with self._database.read() as session:
            row = session.get(DeletionRow, document_id)
        if row is None:
            raise DocumentNotFoundError("No document of this id was deleted.")
        return deletion_from(row)


def release_blob(session: Session, sha256: str, delete_blob: DeleteBlob) -> int:
    """Removes bytes unless a document or a version has them; the number of files removed."""
    for column in (DocumentRow.sha256, VersionRow.sha256):
        if session.scalar(sa.select(sa.literal(1)).where(column == sha256).limit(1)):
            return 0
    delete_blob(sha256)
    return 1


def remove_versions(
    session: Session,
    document_id: DocumentId,
    which_versions: sa.ColumnElement[bool],
    which_chunks: sa.ColumnElement[bool],
) -> None:
    session.execute(sa.delete(ChunkRow).where(ChunkRow.document_id == document_id, which_chunks))
    session.execute(sa.delete(VersionRow).where(VersionRow.document_id == document_id, which_versions))


def _version_contents(session: Session, document_id: DocumentId, which: sa.ColumnElement[bool]) -> set[str]:
    return set(
        session.scalars(sa.select(VersionRow.sha256).where(VersionRow.document_id == document_id, which))
    )


def _remove_empty_retired(session: Session, collection: CollectionRow) -> None:
    left = sa.select(DocumentRow.id).where(DocumentRow.collection_id == collection.id).limit(1)
    if collection.is_deleted and session.scalar(left) is None:
        session.delete(collection)
