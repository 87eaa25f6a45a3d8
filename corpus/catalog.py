"""The record as readers see it: which collections, documents, texts and chunks there are."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.database import Database
from corpus.documents import (
    Chunk,
    Collection,
    CollectionId,
    Document,
    DocumentId,
    DocumentStatus,
    DocumentText,
    new_id,
)
from corpus.errors import (
    CollectionNotFoundError,
    ConflictError,
    DocumentNotFoundError,
    InvalidInputError,
)
from corpus.rows import (
    chunk_from,
    collection_from,
    document_from,
    text_from,
)
from corpus.tables import ChunkRow, CollectionRow, DocumentRow, VersionRow

NAME_LIMIT = 200
_LIVE = DocumentRow.status != DocumentStatus.DELETED


class Catalog:
    def __init__(self, database: Database) -> None:
        self._database = database

    # Collections

    def collections(self) -> list[Collection]:
        documents = sa.func.count(DocumentRow.id)
        query = (
            sa.select(CollectionRow, documents)
            .outerjoin(DocumentRow, sa.and_(DocumentRow.collection_id == CollectionRow.id, _LIVE))
            .where(sa.not_(CollectionRow.is_deleted))
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

    def is_kept(self, document_id: DocumentId) -> bool:
        """Whether anything of the document, even a deleted one, is still stored."""
        with self._database.read() as session:
            return session.get(DocumentRow, document_id) is not None

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

    def counts_by_status(self, collection_id: CollectionId | None = None) -> dict[DocumentStatus, int]:
        query = sa.select(DocumentRow.status, sa.func.count()).group_by(DocumentRow.status)
        if collection_id:
            query = query.where(DocumentRow.collection_id == collection_id)
        with self._database.read() as session:
            return {DocumentStatus(status): count for status, count in session.execute(query)}


def _documents_query() -> sa.Select[DocumentRow, str]:
    return sa.select(DocumentRow, CollectionRow.name).join(
        CollectionRow, CollectionRow.id == DocumentRow.collection_id
    )


def _find_collection(session: Session, name: str) -> CollectionRow | None:
    live = sa.select(CollectionRow).where(CollectionRow.name == name, sa.not_(CollectionRow.is_deleted))
    return session.scalar(live)


def _add_collection(session: Session, name: str) -> CollectionRow:
    if not name.strip() or len(name) > NAME_LIMIT or any(ord(char) < 32 for char in name):
        raise InvalidInputError(f"A collection's name has 1 to {NAME_LIMIT} printable characters.")
    row = CollectionRow(id=new_id("col"), name=name, is_deleted=False, created_at=datetime.now(UTC))
    session.add(row)
    session.flush()
    return row
