"""What workers do to a document version: claim, store, publish, fail. People ask through `submissions`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.database import Database
from corpus.deletions import Deletions, remove_versions
from corpus.documents import (
    FINAL_STATUSES,
    Block,
    Chunk,
    Document,
    DocumentId,
    DocumentStatus,
    Reason,
)
from corpus.generations import FIRST, answering_generation
from corpus.rows import (
    block_row,
    chunk_from,
    chunk_row,
)
from corpus.stages import end, enter, noun
from corpus.tables import ChunkRow, DocumentRow, VersionRow


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

    def claim(self, document_id: DocumentId, version: int, *, is_new_attempt: bool = True) -> Document | None:
        """Counts an attempt at a version; `None` when it is no longer wanted (deleted, newer, done)."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is None:
                return None
            row.attempts += is_new_attempt
            enter(row, DocumentStatus.PARSING)
            row.chunks_done, row.chunks_total = 0, None
            return noun(session, row)

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
                    created_at=datetime.now(UTC),
                )
            )
            session.flush()
            if chunks:
                session.execute(sa.insert(ChunkRow), [chunk_row(chunk) for chunk in chunks])
            row.warnings = list(facts.warnings)
            row.chunks_done, row.chunks_total = 0, len(chunks)
            row.pages = facts.pages if row.active_version is None else row.pages
            enter(row, DocumentStatus.EMBEDDING)
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
            enter(row, DocumentStatus.READY_WITH_WARNINGS if row.warnings else DocumentStatus.READY)
            return True

    def fail(self, document_id: DocumentId, version: int, reason: Reason) -> None:
        """Ends the version as failed; an older version that answers goes on answering."""
        with self._database.write() as session:
            row = _wanted(session, document_id, version)
            if row is not None:
                end(row, reason.status, replace(reason, attempt=max(row.attempts, 1)))


def _of_version(document_id: DocumentId, version: int, generation: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        ChunkRow.document_id == document_id,
        ChunkRow.version == version,
        ChunkRow.generation == generation,
    )


def _wanted(session: Session, document_id: DocumentId, version: int) -> DocumentRow | None:
    """The row, if this version is still the newest and not finished: else a late worker writes nothing."""
    row = session.get(DocumentRow, document_id, with_for_update=True)
    if row is None or row.version != version or DocumentStatus(row.status).is_final:
        return None
    return row
