"""The tables of this room: which worker processes are alive, and what connectors follow."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from corpus.tables import Base


class WorkerLeaseRow(Base):
    __tablename__ = "worker_leases"

    worker: Mapped[str] = mapped_column(String(64), primary_key=True)
    beat: Mapped[float] = mapped_column(Double)
    """Seconds since 1970 by the database's clock: workers' own clocks may differ."""


class ConnectorRow(Base):
    __tablename__ = "connectors"
    __table_args__ = (Index("connectors_name", "collection_id", "name", unique=True),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    collection_id: Mapped[str] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    options: Mapped[dict[str, Any]]
    secrets: Mapped[dict[str, Any]]
    """By name; each value is sealed (ingest/connectors/sealing.py) once `is_sealed` says so."""
    is_sealed: Mapped[bool] = mapped_column(server_default=sa.false())
    """False in rows of versions that kept secrets in clear text, until the next start seals them."""
    interval_seconds: Mapped[int | None]
    """`None` for a connector that syncs only when told to."""
    is_watched: Mapped[bool]
    is_paused: Mapped[bool] = mapped_column(server_default=sa.false())
    """Syncs only when told to, whatever its interval."""
    cursor: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    next_sync_at: Mapped[datetime | None]
    # The newest sync.
    sync_number: Mapped[int]
    """From 1; 0 before the first."""
    sync_state: Mapped[str] = mapped_column(String(30))
    sync_reason: Mapped[str | None] = mapped_column(Text)
    may_delete_most: Mapped[bool]
    """An administrator has confirmed that this sync may delete more than its share."""
    is_listed: Mapped[bool]
    """Its listing is complete: what was not seen in it has vanished."""
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    added: Mapped[int]
    changed: Mapped[int]
    moved: Mapped[int]
    deleted: Mapped[int]


class ConnectorItemRow(Base):
    __tablename__ = "connector_items"
    __table_args__ = (
        Index("connector_items_seen", "connector_id", "seen_sync"),
        Index("connector_items_sha256", "connector_id", "sha256"),
    )

    connector_id: Mapped[str] = mapped_column(
        ForeignKey("connectors.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    """Below the connector's folder, as last listed."""
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    listed_revision: Mapped[str] = mapped_column(Text)
    revision: Mapped[str | None] = mapped_column(Text)
    """The revision that the documents hold; `None` before the item was ever taken."""
    sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the bytes that the documents hold."""
    document_ids: Mapped[list[Any]]
    """One document, or one per member of an archive."""
    problem: Mapped[str | None] = mapped_column(Text)
    seen_sync: Mapped[int]
    """Number of the last sync whose listing had the item."""
    tried_sync: Mapped[int]
    """Number of the last sync that fetched the item, or tried to."""
