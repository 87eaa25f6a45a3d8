"""The record's tables. Rows never leave this room; `catalog` turns them into nouns."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware datetimes in UTC on every database; SQLite itself drops the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        dict[str, Any]: sa.JSON,
        list[Any]: sa.JSON,
    }


class CollectionRow(Base):
    __tablename__ = "collections"
    __table_args__ = (
        sa.Index(
            "collections_name",
            "name",
            unique=True,
            sqlite_where=sa.text("not is_deleted"),
            postgresql_where=sa.text("not is_deleted"),
        ),
    )

    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    is_deleted: Mapped[bool]
    is_paused: Mapped[bool]
    created_at: Mapped[datetime]


class DocumentRow(Base):
    __tablename__ = "documents"
    __table_args__ = (
        sa.Index(
            "documents_path",
            "collection_id",
            "path",
            unique=True,
            sqlite_where=sa.text("status <> 'deleted'"),
            postgresql_where=sa.text("status <> 'deleted'"),
        ),
        sa.Index("documents_status", "collection_id", "status"),
        sa.Index("documents_stage", "status", "updated_at"),
        sa.Index("documents_updated", "updated_at"),
        sa.Index("documents_duplicate_of", "duplicate_of"),
    )

    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    collection_id: Mapped[str] = mapped_column(sa.ForeignKey("collections.id"))
    path: Mapped[str] = mapped_column(sa.Text)
    title: Mapped[str] = mapped_column(sa.Text)
    media_type: Mapped[str] = mapped_column(sa.String(200))
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    status: Mapped[str] = mapped_column(sa.String(30))
    reason: Mapped[dict[str, Any] | None]
    warnings: Mapped[list[Any]]
    version: Mapped[int]
    active_version: Mapped[int | None]
    attempts: Mapped[int]
    pages: Mapped[int | None]
    chunks: Mapped[int]
    duplicate_of: Mapped[str | None] = mapped_column(sa.String(40))
    chunks_done: Mapped[int]
    chunks_total: Mapped[int | None]
    stage_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class VersionRow(Base):
    __tablename__ = "versions"

    document_id: Mapped[str] = mapped_column(sa.ForeignKey("documents.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    title: Mapped[str] = mapped_column(sa.Text)
    language: Mapped[str] = mapped_column(sa.String(8))
    pages: Mapped[int | None]
    text: Mapped[str] = mapped_column(sa.Text)
    blocks: Mapped[list[Any]]
    created_at: Mapped[datetime]


class ChunkRow(Base):
    __tablename__ = "chunks"
    __table_args__ = (
        sa.Index("chunks_of_version", "document_id", "version", "generation", "number", unique=True),
        sa.Index("chunks_of_generation", "generation"),
    )

    point_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    document_id: Mapped[str] = mapped_column(sa.ForeignKey("documents.id"))
    version: Mapped[int]
    generation: Mapped[int] = mapped_column(server_default="1")
    number: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    text: Mapped[str] = mapped_column(sa.Text)
    header: Mapped[str] = mapped_column(sa.Text, server_default="")
    heading_path: Mapped[list[Any]]
    page: Mapped[int | None]
    regions: Mapped[list[Any]]
    language: Mapped[str] = mapped_column(sa.String(8))
    tokens: Mapped[int]


class DeletionRow(Base):
    """Outlives the document's own row."""

    __tablename__ = "deletions"

    document_id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    collection: Mapped[str] = mapped_column(sa.String(200))
    collection_id: Mapped[str] = mapped_column(sa.String(40))
    path: Mapped[str] = mapped_column(sa.Text)
    requested_at: Mapped[datetime] = mapped_column(index=True)
    chunks: Mapped[int]
    vectors: Mapped[int]
    blobs: Mapped[int]
    verified_at: Mapped[datetime | None]


class GenerationRow(Base):
    __tablename__ = "generations"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(sa.String(200))
    recipe: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(sa.String(30))
    run: Mapped[int]
    problem: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime]


class RebuiltDocumentRow(Base):
    """A version that a generation in building holds whole."""

    __tablename__ = "rebuilt_documents"

    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document_id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    version: Mapped[int]
    chunks: Mapped[int]
