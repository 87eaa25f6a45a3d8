"""Connectors and the items they follow."""

import sqlalchemy as sa
from alembic import op

from corpus.tables import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "connectors",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column(
            "collection_id",
            sa.String(40),
            sa.ForeignKey("collections.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("secrets", sa.JSON, nullable=False),
        sa.Column("interval_seconds", sa.Integer),
        sa.Column("is_watched", sa.Boolean, nullable=False),
        sa.Column("cursor", sa.JSON),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_sync_at", UtcDateTime()),
        sa.Column("sync_number", sa.Integer, nullable=False),
        sa.Column("sync_state", sa.String(30), nullable=False),
        sa.Column("sync_reason", sa.Text),
        sa.Column("may_delete_most", sa.Boolean, nullable=False),
        sa.Column("is_listed", sa.Boolean, nullable=False),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("moved", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Integer, nullable=False),
    )
    op.create_index("connectors_name", "connectors", ["collection_id", "name"], unique=True)
    op.create_table(
        "connector_items",
        sa.Column(
            "connector_id",
            sa.String(40),
            sa.ForeignKey("connectors.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("listed_revision", sa.Text, nullable=False),
        sa.Column("revision", sa.Text),
        sa.Column("sha256", sa.String(64)),
        sa.Column("document_ids", sa.JSON, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("seen_sync", sa.Integer, nullable=False),
        sa.Column("tried_sync", sa.Integer, nullable=False),
    )
    op.create_index("connector_items_seen", "connector_items", ["connector_id", "seen_sync"])
    op.create_index("connector_items_sha256", "connector_items", ["connector_id", "sha256"])
