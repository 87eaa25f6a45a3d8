"""The record: which collections, documents, versions and chunks exist, and in what state."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.database import Database, Transaction
from corpus.documents import (
    Block,
    Chunk,
    Collection,
    CollectionId,
    Document,
    DocumentId,
    DocumentStatus,
    DocumentText,
    Reason,
    new_id,
)
from corpus.errors import (
    CollectionNotFoundError,
    ConflictError,
    DocumentNotFoundError,
    InvalidInputError,
)
from corpus.rows import (
    block_row,
    chunk_from,
    chunk_row,
    collection_from,
    document_from,
    reason_row,
    text_from,
)
from corpus.tables import ChunkRow, CollectionRow, DocumentRow, VersionRow

NAME_LIMIT = 200
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


class Catalog:
    def __init__(self, database: Database) -> None:
        self._database = database

    # Collections

    def collections(self) -> list[Collection]:
        documents = sa.func.count(DocumentRow.id)
        query = (
            sa.select(CollectionRow, documents)
            .outerjoin(DocumentRow, sa.and_(DocumentRow.collection_id == CollectionRow.id, _LIVE))
            .group_by(CollectionRow.id)
            .order_by(CollectionRow.name)
        )
        with self._database.read() as session:
            return [collection_from(row, count) for row, count in session.execute(query)]

    def collection_ids(self, names: Iterable[str]) -> frozenset[CollectionId]:
        """Ids of the named collections; raises `CollectionNotFoundError` for the first unknown name."""
        known = {collection.name: collection.id for collection in self.collections()}
        wanted = list(names)
        for name in wanted:
            if name not in known:
                raise CollectionNotFoundError(f"There is no collection '{name}'.")
        return frozenset(known[name] for name in wanted)

    def create_collection(self, name: str) -> Collection:
        """Raises `ConflictError` when the name is taken, `InvalidInputError` when it is unusable."""
        with self._database.write() as session:
            if _find_collection(session, name):
                raise ConflictError(f"There is already a collection '{name}'.")
            return collection_from(_add_collection(session, name), 0)

    def ensure_collection(self, name: str) -> CollectionId:
        with self._database.write() as session:
            row = _find_collection(session, name) or _add_collection(session, name)
            return CollectionId(row.id)

    def remove_collection(self, collection_id: CollectionId) -> None:
        """Removes an empty collection's row. Raises `ConflictError` while documents are left in it."""
        with self._database.write() as session:
            row = session.get(CollectionRow, collection_id)
            if row is None:
                raise CollectionNotFoundError
            left = sa.select(DocumentRow.id).where(DocumentRow.collection_id == collection_id)
            if session.scalar(left.limit(1)):
                raise ConflictError("The collection still holds documents.")
            session.delete(row)

    # Documents

    def documents(
        self,
        *,
        collection_id: CollectionId | None = None,
        status: DocumentStatus | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Document]:
        """Oldest first, those that are not deleted; `after` is the id where the last page ended."""
        query = _documents_query().where(_LIVE).order_by(DocumentRow.id).limit(limit)
        if collection_id:
            query = query.where(DocumentRow.collection_id == collection_id)
        if status:
            query = query.where(DocumentRow.status == status)
        if after:
            query = query.where(DocumentRow.id > after)
        with self._database.read() as session:
            return [document_from(row, name) for row, name in session.execute(query)]

    def document(self, document_id: DocumentId) -> Document:
        """Raises `DocumentNotFoundError` when there is none or it is deleted."""
        with self._database.read() as session:
            row = session.execute(
                _documents_query().where(DocumentRow.id == document_id, _LIVE)
            ).one_or_none()
        if row is None:
            raise DocumentNotFoundError
        return document_from(row[0], row[1])

    def text(self, document_id: DocumentId) -> DocumentText:
        """Canonical text of the active version; raises `DocumentNotFoundError` when there is none yet."""
        query = (
            sa.select(VersionRow, DocumentRow.media_type)
            .join(DocumentRow, DocumentRow.id == VersionRow.document_id)
            .where(DocumentRow.id == document_id, _LIVE, VersionRow.number == DocumentRow.active_version)
        )
        with self._database.read() as session:
            row = session.execute(query).one_or_none()
        if row is None:
            raise DocumentNotFoundError("There is no such document, or it has no readable text yet.")
        return text_from(row[0], row[1])

    def readable_chunks(self, point_ids: Sequence[str]) -> dict[str, tuple[Chunk, Document]]:
        """Of these chunks those that may be shown: of the active version of a document not deleted."""
        query = (
            sa.select(ChunkRow, DocumentRow, CollectionRow.name)
            .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
            .join(CollectionRow, CollectionRow.id == DocumentRow.collection_id)
            .where(ChunkRow.point_id.in_(point_ids), _LIVE, ChunkRow.version == DocumentRow.active_version)
        )
        with self._database.read() as session:
            return {
                chunk.point_id: (chunk_from(chunk), document_from(document, name))
                for chunk, document, name in session.execute(query)
            }

    # Ingestion, in the order of its steps

    def accept(self, transaction: Transaction, collection_id: CollectionId, upload: Upload) -> Accepted:
        """Records an upload: a new document, a new version of the one at this path, or nothing new."""
        if not upload.path.strip() or "\0" in upload.path:
            raise InvalidInputError("A document needs a file name.")
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
        name = transaction.scalars(
            sa.select(CollectionRow.name).where(CollectionRow.id == collection_id)
        ).one()
        return Accepted(document=document_from(row, name), is_new_version=is_new_version)

    def claim(self, document_id: DocumentId, version: int) -> Document | None:
        """Counts an attempt at a version; `None` when it is no longer wanted (deleted, newer, done)."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is None:
                return None
            row.attempts += 1
            row.status = DocumentStatus.PARSING
            row.updated_at = _now()
            name = session.scalars(
                sa.select(CollectionRow.name).where(CollectionRow.id == row.collection_id)
            ).one()
            return document_from(row, name)

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

    # Deletion

    def tombstone(self, transaction: Transaction, document_id: DocumentId) -> None:
        """From the commit on nothing shows the document. Raises `DocumentNotFoundError`."""
        row = transaction.get(DocumentRow, document_id)
        if row is None or row.status == DocumentStatus.DELETED:
            raise DocumentNotFoundError
        row.status, row.active_version, row.updated_at = DocumentStatus.DELETED, None, _now()

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
            session.delete(row)
            session.flush()
            if not session.scalar(sa.select(DocumentRow.id).where(DocumentRow.sha256 == sha256).limit(1)):
                delete_blob(sha256)

    # Counts

    def counts_by_status(self, collection_id: CollectionId | None = None) -> dict[DocumentStatus, int]:
        query = sa.select(DocumentRow.status, sa.func.count()).group_by(DocumentRow.status)
        if collection_id:
            query = query.where(DocumentRow.collection_id == collection_id)
        with self._database.read() as session:
            return {DocumentStatus(status): count for status, count in session.execute(query)}


def _now() -> datetime:
    return datetime.now(UTC)


def _documents_query() -> sa.Select[DocumentRow, str]:
    return sa.select(DocumentRow, CollectionRow.name).join(
        CollectionRow, CollectionRow.id == DocumentRow.collection_id
    )


def _find_collection(session: Session, name: str) -> CollectionRow | None:
    return session.scalar(sa.select(CollectionRow).where(CollectionRow.name == name))


def _add_collection(session: Session, name: str) -> CollectionRow:
    if not name.strip() or len(name) > NAME_LIMIT or any(ord(char) < 32 for char in name):
        raise InvalidInputError(f"A collection's name has 1 to {NAME_LIMIT} printable characters.")
    row = CollectionRow(id=new_id("col"), name=name, created_at=_now())
    session.add(row)
    session.flush()
    return row


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
