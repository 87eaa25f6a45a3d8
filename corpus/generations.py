"""Index generations in the record: which one answers, which one is being built, how far that is.

A generation is one way to chunk and embed. Its chunks stand in the record under its number, its vectors in an
index of its own, so that another can be built beside the one that answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.database import Database, Transaction, hold, share
from corpus.documents import Chunk, DocumentId, DocumentStatus
from corpus.errors import ConflictError
from corpus.rows import chunk_row
from corpus.tables import ChunkRow, DocumentRow, GenerationRow, RebuiltDocumentRow

FIRST = 1
_GENERATIONS = "generations"
"""Held by whoever lets another generation answer, shared by whoever publishes a version."""

_REMOVED_AT_ONCE = 5_000


class GenerationStatus(StrEnum):
    BUILDING = "building"
    ACTIVE = "active"
    """The one that answers, and the only one that new versions are published in."""
    RETIRED = "retired"
    """On its way out: its chunks and its index are being removed."""
    REMOVED = "removed"
    """Nothing is left of it but its number, which is never given again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    number: int
    name: str
    """Of its index: a folder's, or a collection's on a server."""
    recipe: dict[str, Any]
    """How it chunks and embeds, in the words of whoever opens it."""
    status: GenerationStatus
    run: int
    """How often it was begun: names the job that builds it."""
    problem: str | None
    """Why building it stopped, until somebody begins it again."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """How far a generation is."""

    documents_done: int
    documents_total: int


class Generations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Generation]:
        """Those of which anything is left, oldest first."""
        with self._database.read() as session:
            rows = session.scalars(_KEPT.order_by(GenerationRow.number))
            return [_noun(row) for row in rows]

    def ensure(self, name: str, recipe: dict[str, Any]) -> Generation:
        """The one that answers; the first, if there is none yet, is made by this recipe."""
        with self._database.write() as session:
            hold(session, _GENERATIONS)
            row = _with_status(session, GenerationStatus.ACTIVE)
            return _noun(row or _add(session, FIRST, name, recipe, GenerationStatus.ACTIVE))

    def begin(self, transaction: Transaction, name: str, recipe: dict[str, Any]) -> Generation:
        """The generation to build by this recipe: a new one, or the one that was begun and stopped.

        Raises `ConflictError` when it answers already or is still being removed, or another is being built.
        """
        hold(transaction, _GENERATIONS)
        for row in transaction.scalars(_KEPT):
            if row.name == name and row.status == GenerationStatus.BUILDING:
                row.run += 1
                row.problem = None
                return _noun(row)
            if row.name == name and row.status == GenerationStatus.ACTIVE:
                raise ConflictError("The index is built by the present settings already: nothing to do.")
            if row.name == name:
                raise ConflictError("The last index of these settings is still being removed: wait for it.")
            if row.status == GenerationStatus.BUILDING:
                raise ConflictError(f"Another index ({row.name}) is being built: wait for it, or cancel it.")
        last = transaction.scalars(sa.select(sa.func.max(GenerationRow.number))).one() or FIRST
        return _noun(_add(transaction, last + 1, name, recipe, GenerationStatus.BUILDING))

    def lacking(self, number: int, *, limit: int) -> list[tuple[DocumentId, int]]:
        """Documents, with the version that answers, which a generation does not yet hold; oldest first."""
        query = _lacking(number).order_by(DocumentRow.id).limit(limit)
        with self._database.read() as session:
            return [(DocumentId(document), version or 0) for document, version in session.execute(query)]

    def progress(self, number: int) -> Rebuilding:
        total = sa.select(sa.func.count()).where(DocumentRow.active_version.is_not(None))
        with self._database.read() as session:
            documents = session.scalars(total).one()
            lacking = session.scalars(
                sa.select(sa.func.count()).select_from(_lacking(number).subquery())
            ).one()
        return Rebuilding(documents_done=documents - lacking, documents_total=documents)

    def store_chunks(
        self, number: int, document_id: DocumentId, version: int, chunks: Sequence[Chunk]
    ) -> bool:
        """Replaces a version's chunks of a generation in building; False when nobody wants them any more."""
        with self._database.write() as session:
            if not _is_building(session, number) or not _answers(session, document_id, version):
                return False
            session.execute(
                sa.delete(ChunkRow).where(
                    ChunkRow.document_id == document_id,
                    ChunkRow.version == version,
                    ChunkRow.generation == number,
                )
            )
            if chunks:
                session.execute(sa.insert(ChunkRow), [chunk_row(chunk) for chunk in chunks])
            return True

    def complete(self, number: int, document_id: DocumentId, version: int, chunks: int) -> bool:
        """Records that a generation in building holds a version whole; False when nobody wants it by now."""
        with self._database.write() as session:
            if not _is_building(session, number) or not _answers(session, document_id, version):
                return False
            session.merge(
                RebuiltDocumentRow(generation=number, document_id=document_id, version=version, chunks=chunks)
            )
            return True

    def is_building(self, number: int) -> bool:
        with self._database.read() as session:
            return _is_building(session, number)

    def switch(self, number: int) -> bool:
        """Lets a generation answer in the place of the present one; False while it lacks a document.

        True as well when there is nothing to switch any more: it answers already, or was cancelled.
        """
        with self._database.write() as session:
            hold(session, _GENERATIONS)
            row = session.get(GenerationRow, number)
            if row is None or row.status != GenerationStatus.BUILDING:
                return True
            if session.execute(_lacking(number).limit(1)).first():
                return False
            if active := _with_status(session, GenerationStatus.ACTIVE):
                active.status = GenerationStatus.RETIRED
            row.status = GenerationStatus.ACTIVE
            rebuilt = sa.select(RebuiltDocumentRow.chunks).where(
                RebuiltDocumentRow.generation == number, RebuiltDocumentRow.document_id == DocumentRow.id
            )
            session.execute(
                sa.update(DocumentRow)
                .where(DocumentRow.active_version.is_not(None))
                .values(chunks=rebuilt.scalar_subquery())
            )
            session.execute(sa.delete(RebuiltDocumentRow).where(RebuiltDocumentRow.generation == number))
            return True

    def stop(self, number: int, problem: str) -> None:
        """Records why a generation could not be built to its end."""
        with self._database.write() as session:
            row = session.get(GenerationRow, number)
            if row and row.status == GenerationStatus.BUILDING:
                row.problem = problem

    def cancel(self, transaction: Transaction) -> Generation:
        """Gives up the generation that is being built. Raises `ConflictError` when there is none."""
        hold(transaction, _GENERATIONS)
        row = _with_status(transaction, GenerationStatus.BUILDING)
        if row is None:
            raise ConflictError("No index is being built.")
        row.status = GenerationStatus.RETIRED
        row.run += 1
        return _noun(row)

    def remove_chunks(self, number: int) -> int:
        """Some of a retired generation's chunks; how many there were."""
        some = sa.select(ChunkRow.point_id).where(ChunkRow.generation == number).limit(_REMOVED_AT_ONCE)
        with self._database.write() as session:
            doomed = list(session.scalars(some))
            for start in range(0, len(doomed), 500):
                session.execute(sa.delete(ChunkRow).where(ChunkRow.point_id.in_(doomed[start : start + 500])))
            return len(doomed)

    def forget(self, number: int) -> None:
        """The last of a retired generation."""
        with self._database.write() as session:
            session.execute(sa.delete(RebuiltDocumentRow).where(RebuiltDocumentRow.generation == number))
            row = session.get(GenerationRow, number)
            if row and row.status == GenerationStatus.RETIRED:
                row.status = GenerationStatus.REMOVED


_KEPT = sa.select(GenerationRow).where(GenerationRow.status != GenerationStatus.REMOVED)


def answering_generation(transaction: Transaction) -> int:
    """Number of the generation that answers, and will until the transaction ends."""
    share(transaction, _GENERATIONS)
    row = _with_status(transaction, GenerationStatus.ACTIVE)
    return row.number if row else FIRST


def _add(
    session: Session, number: int, name: str, recipe: dict[str, Any], status: GenerationStatus
) -> GenerationRow:
    row = GenerationRow(
        number=number,
        name=name,
        recipe=recipe,
        status=status,
        run=1,
        problem=None,
        created_at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    return row


def _with_status(session: Session, status: GenerationStatus) -> GenerationRow | None:
    return session.scalar(sa.select(GenerationRow).where(GenerationRow.status == status))


def _is_building(session: Session, number: int) -> bool:
    row = session.get(GenerationRow, number)
    return row is not None and row.status == GenerationStatus.BUILDING


def _answers(session: Session, document_id: DocumentId, version: int) -> bool:
    row = session.get(DocumentRow, document_id, with_for_update=True)
    return row is not None and row.status != DocumentStatus.DELETED and row.active_version == version


def _lacking(number: int) -> sa.Select[str, int | None]:
    held = sa.and_(
        RebuiltDocumentRow.generation == number,
        RebuiltDocumentRow.document_id == DocumentRow.id,
        RebuiltDocumentRow.version == DocumentRow.active_version,
    )
    return (
        sa.select(DocumentRow.id, DocumentRow.active_version)
        .outerjoin(RebuiltDocumentRow, held)
        .where(DocumentRow.active_version.is_not(None), RebuiltDocumentRow.document_id.is_(None))
    )


def _noun(row: GenerationRow) -> Generation:
    return Generation(
        number=row.number,
        name=row.name,
        recipe=dict(row.recipe),
        status=GenerationStatus(row.status),
        run=row.run,
        problem=row.problem,
        created_at=row.created_at,
    )
