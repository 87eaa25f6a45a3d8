"""The life of a document version: accepted, claimed, stored, published, failed, deleted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.database import Database, Transaction
from corpus.documents import (
    Block,
    Chunk,
    CollectionId,
    Document,
    DocumentId,
    DocumentStatus,
    Reason,
    new_id,
)
from corpus.errors import (
    CollectionNotFoundError,
    DocumentNotFoundError,
)
from corpus.rows import (
    block_row,
    chunk_from,
    chunk_row,
    document_from,
    reason_row,
)
from corpus.tables import ChunkRow, CollectionRow, DocumentRow, VersionRow

_LIVE = DocumentRow.status != DocumentStatus.DELETED


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
    """False when the same bytes under the same path are known already: there is nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """What parsing found out about one version."""

    title: str
    language: str
    pages: int | None
    text: str
    blocks: tuple[Block, ...]
    warnings: tuple[str, ...]


class Versions:
    """Every change of a document's state is one transaction here; a late worker changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, transaction: Transaction, collection_id: CollectionId, upload: Upload) -> Accepted:
        """Records an upload: a new document, a new version of the one at this path, or nothing new."""
        collection = transaction.get(CollectionRow, collection_id)
        if collection is None or collection.is_deleted:
            raise CollectionNotFoundError
        row = transaction.scalar(
            sa.select(DocumentRow).where(
                DocumentRow.collection_id == collection_id, DocumentRow.path == upload.path, _LIVE
            )
        )
        is_new_version = row is None or row.sha256 != upload.sha256
        if row is None:
            row = _new_document(collection_id, upload)
            transaction.add(row)
        elif is_new_version:
            row.version += 1
            row.sha256, row.size_bytes, row.media_type = upload.sha256, upload.size_bytes, upload.media_type
        elif row.status == DocumentStatus.FAILED:
            # The same bytes again after a failure: the uploader asks for another try.
            row.version += 1
            is_new_version = True
        if is_new_version:
            row.status, row.reason, row.attempts = DocumentStatus.QUEUED, None, 0
            row.updated_at = _now()
        transaction.flush()
        return Accepted(document=document_from(row, collection.name), is_new_version=is_new_version)

    def refuse(self, transaction: Transaction, document_id: DocumentId, reason: Reason) -> Document:
        """Ends a version just accepted as failed, before any job was made for it."""
        row = transaction.get_one(DocumentRow, document_id)
        row.status, row.reason = DocumentStatus.FAILED, reason_row(reason)
        return document_from(row, transaction.get_one(CollectionRow, row.collection_id).name)

    def claim(self, document_id: DocumentId, version: int) -> Document | None:
        """Counts an attempt at a version; `None` when it is no longer wanted (deleted, newer, done)."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is None:
                return None
            row.attempts += 1
            row.status = DocumentStatus.PARSING
            row.updated_at = _now()
            return document_from(row, session.get_one(CollectionRow, row.collection_id).name)

    def is_wanted(self, document_id: DocumentId, version: int) -> bool:
        """False once the document is deleted, a newer version has come, or this one is finished."""
        with self._database.read() as session:
            return _wanted(session, document_id, version) is not None

    def store_version(
        self, document_id: DocumentId, version: int, facts: VersionFacts, chunks: Sequence[Chunk]
    ) -> bool:
        """Replaces the version's text and chunks; False when the version is no longer wanted."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is None:
                return False
            _remove_versions(session, document_id, VersionRow.number == version, ChunkRow.version == version)
            session.add(
                VersionRow(
                    document_id=document_id,
                    number=version,
                    sha256=row.sha256,
                    title=facts.title,
                    language=facts.language,
                    pages=facts.pages,
                    text=facts.text,
                    blocks=[block_row(block) for block in facts.blocks],
                    created_at=_now(),
                )
            )
            session.flush()
            if chunks:
                session.execute(sa.insert(ChunkRow), [chunk_row(chunk) for chunk in chunks])
            row.warnings = list(facts.warnings)
            row.status, row.updated_at = DocumentStatus.EMBEDDING, _now()
            return True

    def chunks(
        self, document_id: DocumentId, version: int, *, first: int = 0, limit: int | None = None
    ) -> list[Chunk]:
        """The version's chunks from number `first` on, in order."""
        query = (
            sa.select(ChunkRow)
            .where(ChunkRow.document_id == document_id, ChunkRow.version == version, ChunkRow.number >= first)
            .order_by(ChunkRow.number)
            .limit(limit)
        )
        with self._database.read() as session:
            return [chunk_from(row) for row in session.scalars(query)]

    def version_title(self, document_id: DocumentId, version: int) -> str:
        with self._database.read() as session:
            return session.get_one(VersionRow, (document_id, version)).title

    def is_active(self, document_id: DocumentId, version: int) -> bool:
        with self._database.read() as session:
            row = session.get(DocumentRow, document_id)
            return row is not None and row.active_version == version

    def publish(self, document_id: DocumentId, version: int) -> bool:
        """Makes the version the one that answers; False when it is no longer wanted."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is None:
                return False
            stored = session.get_one(VersionRow, (document_id, version))
            chunks = sa.select(sa.func.count()).where(
                ChunkRow.document_id == document_id, ChunkRow.version == version
            )
            row.active_version = version
            row.title, row.pages = stored.title, stored.pages
            row.chunks = session.scalars(chunks).one()
            row.status = DocumentStatus.READY_WITH_WARNINGS if row.warnings else DocumentStatus.READY
            row.updated_at = _now()
            return True

    def drop_other_versions(self, document_id: DocumentId, version: int) -> None:
        with self._database.write() as session:
            _remove_versions(session, document_id, VersionRow.number < version, ChunkRow.version < version)

    def fail(self, document_id: DocumentId, version: int, reason: Reason) -> None:
        """Ends the version as failed; an older version that answers goes on answering."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is not None:
                row.status, row.reason = DocumentStatus.FAILED, reason_row(reason)
                row.updated_at = _now()

    def tombstone(self, transaction: Transaction, document_id: DocumentId) -> None:
        """From the commit on nothing shows the document. Raises `DocumentNotFoundError`."""
        row = transaction.get(DocumentRow, document_id)
        if row is None or row.status == DocumentStatus.DELETED:
            raise DocumentNotFoundError
        row.status, row.active_version, row.updated_at = DocumentStatus.DELETED, None, _now()

    def retire_collection(self, collection_id: CollectionId) -> None:
        """Hides a collection and frees its name; its row goes with the last of its documents."""
        with self._database.write() as session:
            row = session.get(CollectionRow, collection_id)
            if row is None or row.is_deleted:
                raise CollectionNotFoundError
            row.is_deleted = True
            session.flush()
            _remove_empty_retired(session, row)

    def purge(self, document_id: DocumentId, delete_blob: Callable[[str], None]) -> None:
        """Removes a deleted document's rows, and its bytes when no other document has the same.

        The bytes go inside the transaction, so that no upload of the same file slips in between.
        """
        with self._database.write() as session:
            row = session.get(DocumentRow, document_id)
            if row is None or row.status != DocumentStatus.DELETED:
                return
            sha256 = row.sha256
            _remove_versions(session, document_id, sa.true(), sa.true())
            collection = session.get_one(CollectionRow, row.collection_id)
            session.delete(row)
            session.flush()
            _remove_empty_retired(session, collection)
            if not session.scalar(sa.select(DocumentRow.id).where(DocumentRow.sha256 == sha256).limit(1)):
                delete_blob(sha256)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_document(collection_id: CollectionId, upload: Upload) -> DocumentRow:
    now = _now()
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
        created_at=now,
        updated_at=now,
    )


def _wanted(session: Session, document_id: DocumentId, version: int) -> DocumentRow | None:
    """The row, if this version is still the newest and not finished: else a late worker writes nothing."""
    row = session.get(DocumentRow, document_id, with_for_update=True)
    if row is None or row.version != version or DocumentStatus(row.status).is_final:
        return None
    return row


def _remove_versions(
    session: Session,
    document_id: DocumentId,
    which_versions: sa.ColumnElement[bool],
    which_chunks: sa.ColumnElement[bool],
) -> None:
    session.execute(sa.delete(ChunkRow).where(ChunkRow.document_id == document_id, which_chunks))
    session.execute(sa.delete(VersionRow).where(VersionRow.document_id == document_id, which_versions))


def _remove_empty_retired(session: Session, collection: CollectionRow) -> None:
    left = sa.select(DocumentRow.id).where(DocumentRow.collection_id == collection.id).limit(1)
    if collection.is_deleted and session.scalar(left) is None:
        session.delete(collection)
