"""The record as readers see it: which collections, documents, texts and chunks there are."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.database import Database, Transaction, hold
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
from corpus.stalls import StallCheck
from corpus.tables import ChunkRow, CollectionRow, DocumentRow, VersionRow

NAME_LIMIT = 200
STALL_AFTER = timedelta(minutes=15)
"""Without a step for so long, a document that is not at its end counts as stalled."""
_LIVE = DocumentRow.status != DocumentStatus.DELETED


class Catalog:
    def __init__(self, database: Database, stall_after: timedelta = STALL_AFTER) -> None:
        self._database = database
        self._stall_after = stall_after

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
            hold(session, name)
            if _find_collection(session, name):
                raise ConflictError(f"There is already a collection '{name}'.")
            return collection_from(_add_collection(session, name), 0)

    def ensure_collection(self, name: str) -> CollectionId:
        with self._database.write() as session:
            hold(session, name)  # two first uploads at once
            row = _find_collection(session, name) or _add_collection(session, name)
            return CollectionId(row.id)

    def set_paused(self, transaction: Transaction, collection_id: CollectionId, *, is_paused: bool) -> None:
        """Whether new documents of the collection wait. Raises `CollectionNotFoundError`."""
        hold(transaction, collection_id)
        row = transaction.get(CollectionRow, collection_id)
        if row is None or row.is_deleted:
            raise CollectionNotFoundError
        row.is_paused = is_paused

    # Documents

    def documents(
        self,
        *,
        collection_id: CollectionId | None = None,
        statuses: Iterable[DocumentStatus] = (),
        after: str | None = None,
        limit: int = 100,
    ) -> list[Document]:
        """Oldest first, those that are not deleted; `after` is the id where the last page ended.

        No `statuses` means any.
        """
        query = _documents_query().where(_LIVE).order_by(DocumentRow.id).limit(limit)
        if collection_id:
            query = query.where(DocumentRow.collection_id == collection_id)
        if wanted := list(statuses):
            query = query.where(DocumentRow.status.in_(wanted))
        if after:
            query = query.where(DocumentRow.id > after)
        with self._database.read() as session:
            return self._nouns(session, query)

    def document(self, document_id: DocumentId) -> Document:
        """Raises `DocumentNotFoundError` when there is none or it is deleted."""
        with self._database.read() as session:
            found = self._nouns(session, _documents_query().where(DocumentRow.id == document_id, _LIVE))
        if not found:
            raise DocumentNotFoundError
        return found[0]

    def changed_documents(
        self, since: datetime, collection_id: CollectionId | None = None, *, limit: int = 1000
    ) -> list[Document]:
        """Documents, deleted ones too, whose state changed at `since` or later; the oldest change first."""
        query = (
            _documents_query()
            .where(DocumentRow.updated_at >= since)
            .order_by(DocumentRow.updated_at, DocumentRow.id)
            .limit(limit)
        )
        if collection_id:
            query = query.where(DocumentRow.collection_id == collection_id)
        with self._database.read() as session:
            return self._nouns(session, query)

    def stalled_documents(self) -> list[DocumentId]:
        with self._database.read() as session:
            stalled = StallCheck(session, self._stall_after).stalled()
        return [DocumentId(row.id) for row in stalled]

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

    def _nouns(self, session: Session, query: "sa.Select[DocumentRow, str, bool]") -> list[Document]:
        check = StallCheck(session, self._stall_after)
        return [
            document_from(row, name, is_stalled=check.is_stalled(row, is_paused=is_paused))
            for row, name, is_paused in session.execute(query).all()
        ]


def _documents_query() -> sa.Select[DocumentRow, str, bool]:
    return sa.select(DocumentRow, CollectionRow.name, CollectionRow.is_paused).join(
        CollectionRow, CollectionRow.id == DocumentRow.collection_id
    )


def _find_collection(session: Session, name: str) -> CollectionRow | None:
    live = sa.select(CollectionRow).where(CollectionRow.name == name, sa.not_(CollectionRow.is_deleted))
    return session.scalar(live)


def _add_collection(session: Session, name: str) -> CollectionRow:
    if not name.strip() or len(name) > NAME_LIMIT or any(ord(char) < 32 for char in name):
        raise InvalidInputError(f"A collection's name has 1 to {NAME_LIMIT} printable characters.")
    row = CollectionRow(
        id=new_id("col"), name=name, is_deleted=False, is_paused=False, created_at=datetime.now(UTC)
    )
    session.add(row)
    session.flush()
    return row
