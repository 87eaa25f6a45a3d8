"""What the record says there must be, for comparing it with the index, the blobs and the job queue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from corpus.database import Database
from corpus.documents import (
    FINAL_STATUSES,
    UNFINISHED_STATUSES,
    CollectionId,
    DocumentId,
    DocumentStatus,
)
from corpus.tables import ChunkRow, CollectionRow, DocumentRow, VersionRow

PAGE = 500
FILE_MISSING = "The original file is missing from the file store. Upload it again."
"""The warning of a document that answers although its file is gone."""

_READY = (DocumentStatus.READY, DocumentStatus.READY_WITH_WARNINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A document that is not deleted, as far as its copies matter."""

    id: DocumentId
    collection_id: CollectionId
    path: str
    sha256: str
    status: DocumentStatus
    version: int
    active_version: int | None
    chunks: int
    """Of the active version."""
    is_marked_missing: bool
    is_paused: bool


class Inventory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def published_chunks(self) -> int:
        """Chunks of all active versions: so many vectors there must be."""
        query = sa.select(sa.func.coalesce(sa.func.sum(DocumentRow.chunks), 0)).where(
            DocumentRow.active_version.is_not(None), DocumentRow.status != DocumentStatus.DELETED
        )
        with self._database.read() as session:
            return int(session.scalars(query).one())

    def documents(self) -> Iterator[Held]:
        """All documents that are not deleted, oldest first."""
        after = ""
        while True:
            query = (
                sa.select(DocumentRow, CollectionRow.is_paused)
                .join(CollectionRow, CollectionRow.id == DocumentRow.collection_id)
                .where(DocumentRow.id > after, DocumentRow.status != DocumentStatus.DELETED)
                .order_by(DocumentRow.id)
                .limit(PAGE)
            )
            with self._database.read() as session:
                page = [_held(row, is_paused=is_paused) for row, is_paused in session.execute(query)]
            if not page:
                return
            yield from page
            after = page[-1].id

    def deleted_documents(self) -> list[tuple[DocumentId, CollectionId]]:
        """Deleted documents of which something is still stored."""
        query = sa.select(DocumentRow.id, DocumentRow.collection_id).where(
            DocumentRow.status == DocumentStatus.DELETED
        )
        with self._database.read() as session:
            return [
                (DocumentId(each), CollectionId(collection)) for each, collection in session.execute(query)
            ]

    def known_points(self, point_ids: Sequence[str]) -> set[str]:
        """Those that belong to a version which answers or is in work, or are being removed already."""
        is_in_work = sa.and_(
            ChunkRow.version == DocumentRow.version, DocumentRow.status.not_in(FINAL_STATUSES)
        )
        query = (
            sa.select(ChunkRow.point_id)
            .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
            .where(
                ChunkRow.point_id.in_(point_ids),
                sa.or_(
                    ChunkRow.version == DocumentRow.active_version,
                    is_in_work,
                    DocumentRow.status == DocumentStatus.DELETED,
                ),
            )
        )
        with self._database.read() as session:
            return set(session.scalars(query))

    def known_contents(self, contents: Sequence[str]) -> set[str]:
        """Those of the sha256 sums that a document or a version has."""
        with self._database.read() as session:
            of_documents = session.scalars(
                sa.select(DocumentRow.sha256).where(DocumentRow.sha256.in_(contents))
            )
            of_versions = session.scalars(sa.select(VersionRow.sha256).where(VersionRow.sha256.in_(contents)))
            return {*of_documents, *of_versions}

    def mark_file(self, document_id: DocumentId, *, is_missing: bool) -> None:
        """Warns of a ready document that its file is gone, or takes the warning back."""
        with self._database.write() as session:
            row = session.get(DocumentRow, document_id, with_for_update=True)
            if row is None or row.status not in _READY:
                return
            others = [warning for warning in row.warnings if warning != FILE_MISSING]
            row.warnings = [*others, FILE_MISSING] if is_missing else others
            row.status = DocumentStatus.READY_WITH_WARNINGS if row.warnings else DocumentStatus.READY

    def is_unfinished(self, document_id: DocumentId, version: int) -> bool:
        with self._database.read() as session:
            row = session.get(DocumentRow, document_id)
            return row is not None and row.version == version and row.status in UNFINISHED_STATUSES


def _held(row: DocumentRow, *, is_paused: bool) -> Held:
    return Held(
        id=DocumentId(row.id),
        collection_id=CollectionId(row.collection_id),
        path=row.path,
        sha256=row.sha256,
        status=DocumentStatus(row.status),
        version=row.version,
        active_version=row.active_version,
        chunks=row.chunks,
        is_marked_missing=FILE_MISSING in row.warnings,
        is_paused=is_paused,
    )
