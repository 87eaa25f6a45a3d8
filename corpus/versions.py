"""The life of a document version: accepted, claimed, stored, published, failed, cancelled, tried again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus import duplicates
from corpus.database import Database, Transaction, hold, share
from corpus.deletions import BLOBS, Deletions, remove_versions
from corpus.documents import (
    FINAL_STATUSES,
    Block,
    Chunk,
    CollectionId,
    Document,
    DocumentId,
    DocumentStatus,
    Reason,
    new_id,
)
from corpus.duplicates import Duplicates
from corpus.errors import CollectionNotFoundError, ConflictError, DocumentNotFoundError
from corpus.generations import FIRST, answering_generation
from corpus.rows import (
    block_row,
    chunk_from,
    chunk_row,
    document_from,
    reason_row,
)
from corpus.tables import ChunkRow, CollectionRow, DocumentRow, VersionRow

_LIVE = DocumentRow.status != DocumentStatus.DELETED
_RETRYABLE = (
    DocumentStatus.FAILED,
    DocumentStatus.UNSUPPORTED,
    DocumentStatus.CANCELLED,
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """What parsing found out about one version."""

    title: str
    language: str
    pages: int | None
    text: str
    blocks: tuple[Block, ...]
    warnings: tuple[str, ...]


class Standing(Enum):
    WANTED = "wanted"
    """The newest version, not yet finished."""
    ACTIVE = "active"
    """Published, and the one that answers."""
    GONE = "gone"
    """Replaced, failed, cancelled or deleted, for good: whatever of it is left can go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A sign of life of a version in work."""

    document_id: DocumentId
    version: int
    status: DocumentStatus
    chunks_done: int
    stage_at: datetime
    at: datetime


class Versions:
    """Every change of a document's state is one transaction here; a late worker changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.deletions = Deletions(database)

    # Asked for by people

    def accept(
        self,
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

    def refuse(self, transaction: Transaction, document_id: DocumentId, reason: Reason) -> Document:
        """Ends a version just accepted, before any job was made for it."""
        row = transaction.get_one(DocumentRow, document_id)
        _end(row, reason.status, reason)
        return _noun(transaction, row)

    def cancel(self, transaction: Transaction, document_id: DocumentId) -> Document:
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
            at=_now(),
        )
        _end(row, DocumentStatus.CANCELLED, reason)
        return _noun(transaction, row)

    def retry(self, transaction: Transaction, document_id: DocumentId) -> Document:
        """Queues a version that failed, was cancelled, or is a duplicate (then on its own).

        Raises `ConflictError` when there is nothing to try again.
        """
        row = _live(transaction, document_id)
        if row.status not in (*_RETRYABLE, DocumentStatus.DUPLICATE):
            raise ConflictError(f"'{row.path}' is {row.status}: there is nothing to retry.")
        duplicates.queue_again(row)
        return _noun(transaction, row)

    def requeue_stranded(self, transaction: Transaction, document_id: DocumentId) -> Document | None:
        """Queues a document whose job was lost; `None` when it has come to its end meanwhile."""
        row = transaction.get(DocumentRow, document_id, with_for_update=True)
        if row is None or DocumentStatus(row.status).is_final:
            return None
        duplicates.queue_again(row)
        return _noun(transaction, row)

    def promote_duplicate(self, transaction: Transaction, document_id: DocumentId) -> Document | None:
        """For a document that no longer holds its bytes: queues a duplicate of it, which must be ingested."""
        heir = duplicates.promote(transaction, document_id)
        return _noun(transaction, heir) if heir else None

    def move(self, transaction: Transaction, document_id: DocumentId, new_path: str) -> Document:
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
        row.path, row.updated_at = new_path, _now()
        transaction.flush()
        return _noun(transaction, row)

    # Done by workers

    def claim(self, document_id: DocumentId, version: int, *, is_new_attempt: bool = True) -> Document | None:
        """Counts an attempt at a version; `None` when it is no longer wanted (deleted, newer, done)."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is None:
                return None
            row.attempts += is_new_attempt
            _enter(row, DocumentStatus.PARSING)
            row.chunks_done, row.chunks_total = 0, None
            return _noun(session, row)

    def attempts(self, document_id: DocumentId, version: int) -> int:
        """At the newest version; 0 for others, which are no longer wanted."""
        with self._database.read() as session:
            row = session.get(DocumentRow, document_id)
            return row.attempts if row and row.version == version else 0

    def begin_again(self, document_id: DocumentId, version: int) -> int:
        """Counts an attempt at a version that was prepared before; how many there have been."""
        return self._count_attempt(document_id, version, 1)

    def take_attempt_back(self, document_id: DocumentId, version: int) -> None:
        self._count_attempt(document_id, version, -1)

    def _count_attempt(self, document_id: DocumentId, version: int, more: int) -> int:
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is None:
                return 0
            row.attempts += more
            return row.attempts

    def standing(self, document_id: DocumentId, version: int) -> Standing:
        with self._database.read() as session:
            row = session.get(DocumentRow, document_id)
            if row is not None and row.active_version == version:
                return Standing.ACTIVE
            is_wanted = row is not None and row.version == version and row.status not in FINAL_STATUSES
            return Standing.WANTED if is_wanted else Standing.GONE

    def store_version(
        self, document_id: DocumentId, version: int, facts: VersionFacts, chunks: Sequence[Chunk]
    ) -> bool:
        """Replaces the version's text and chunks; False when the version is no longer wanted."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is None:
                return False
            remove_versions(session, document_id, VersionRow.number == version, ChunkRow.version == version)
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
            row.chunks_done, row.chunks_total = 0, len(chunks)
            row.pages = facts.pages if row.active_version is None else row.pages
            _enter(row, DocumentStatus.EMBEDDING)
            return True

    def chunks(
        self,
        document_id: DocumentId,
        version: int,
        *,
        generation: int = FIRST,
        first: int = 0,
        limit: int | None = None,
    ) -> list[Chunk]:
        """The version's chunks of one index generation, from number `first` on, in order."""
        query = (
            sa.select(ChunkRow)
            .where(*_of_version(document_id, version, generation), ChunkRow.number >= first)
            .order_by(ChunkRow.number)
            .limit(limit)
        )
        with self._database.read() as session:
            return [chunk_from(row) for row in session.scalars(query)]

    def chunks_saying(
        self, document_id: DocumentId, version: int, texts: Iterable[str], *, generation: int = FIRST
    ) -> list[Chunk]:
        """The version's chunks of one index generation whose text is one of these."""
        query = sa.select(ChunkRow).where(
            *_of_version(document_id, version, generation), ChunkRow.text.in_(set(texts))
        )
        with self._database.read() as session:
            return [chunk_from(row) for row in session.scalars(query)]

    def version_title(self, document_id: DocumentId, version: int) -> str:
        with self._database.read() as session:
            return session.scalars(
                sa.select(VersionRow.title).where(
                    VersionRow.document_id == document_id, VersionRow.number == version
                )
            ).one()

    def record_steps(self, steps: Sequence[Step]) -> None:
        """Shows where versions in work stand; those that ended meanwhile stay as they ended."""
        if not steps:
            return
        with self._database.write() as session:
            for step in steps:
                session.execute(
                    sa.update(DocumentRow)
                    .where(
                        DocumentRow.id == step.document_id,
                        DocumentRow.version == step.version,
                        DocumentRow.status.not_in(FINAL_STATUSES),
                    )
                    .values(
                        status=step.status,
                        chunks_done=step.chunks_done,
                        stage_at=step.stage_at,
                        updated_at=step.at,
                    )
                )

    def publish(self, document_id: DocumentId, version: int, *, generation: int = FIRST) -> bool:
        """Makes the version the one that answers, through its chunks of an index generation.

        False when the version is no longer wanted, or another generation answers by now.
        """
        with self._database.write() as session:
            if answering_generation(session) != generation:
                return False
            row = _wanted(session, document_id, version)
            if row is None:
                return False
            # Not the whole row: it holds the text.
            title, pages = session.execute(
                sa.select(VersionRow.title, VersionRow.pages).where(
                    VersionRow.document_id == document_id, VersionRow.number == version
                )
            ).one()
            row.active_version = version
            row.title, row.pages = title, pages
            row.chunks = row.chunks_done = row.chunks_total or 0
            _enter(row, DocumentStatus.READY_WITH_WARNINGS if row.warnings else DocumentStatus.READY)
            return True

    def fail(self, document_id: DocumentId, version: int, reason: Reason) -> None:
        """Ends the version as failed; an older version that answers goes on answering."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is not None:
                _end(row, reason.status, replace(reason, attempt=max(row.attempts, 1)))


def _of_version(document_id: DocumentId, version: int, generation: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        ChunkRow.document_id == document_id,
        ChunkRow.version == version,
        ChunkRow.generation == generation,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _enter(row: DocumentRow, status: DocumentStatus) -> None:
    row.status = status
    row.stage_at = row.updated_at = _now()


def _end(row: DocumentRow, status: DocumentStatus, reason: Reason) -> None:
    _enter(row, status)
    row.reason = reason_row(reason)


def _noun(session: Session, row: DocumentRow) -> Document:
    session.flush()
    return document_from(row, session.get_one(CollectionRow, row.collection_id).name)


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
        duplicate_of=None,
        chunks_done=0,
        chunks_total=None,
        stage_at=now,
        created_at=now,
        updated_at=now,
    )


def _wanted(session: Session, document_id: DocumentId, version: int) -> DocumentRow | None:
    """The row, if this version is still the newest and not finished: else a late worker writes nothing."""
    row = session.get(DocumentRow, document_id, with_for_update=True)
    if row is None or row.version != version or DocumentStatus(row.status).is_final:
        return None
    return row
