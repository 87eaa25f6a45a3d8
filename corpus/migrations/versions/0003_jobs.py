"""Progress, duplicates, paused collections and deletion records."""

import sqlalchemy as sa
from alembic import op

from corpus.tables import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "collections", sa.Column("is_paused", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("documents", sa.Column("duplicate_of", sa.String(40)))
    op.add_column("documents", sa.Column("chunks_done", sa.Integer, nullable=False, server_default="0"))
    op.add_column("documents", sa.Column("chunks_total", sa.Integer))
    # SQLite adds no column without a constant default; every row gets its real value at once.
    op.add_column(
        "documents",
        sa.Column("stage_at", UtcDateTime(), nullable=False, server_default="1970-01-01 00:00:00+00:00"),
    )
    op.execute("update documents set stage_at = updated_at")
    op.create_index("documents_stage", "documents", ["status", "updated_at"])
    op.create_index("documents_updated", "documents", ["updated_at"])
    op.create_index("documents_duplicate_of", "documents", ["duplicate_of"])
    op.create_index("ix_versions_sha256", "versions", ["sha256"])
    op.create_table(
        "deletions",
        sa.Column("document_id", sa.String(40), primary_key=True),
        sa.Column("collection", sa.String(200), nullable=False),
        sa.Column("collection_id", sa.String(40), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("vectors", sa.Integer, nullable=False),
        sa.Column("blobs", sa.Integer, nullable=False),
        sa.Column("verified_at", UtcDateTime()),
    )
    op.create_index("ix_deletions_requested_at", "deletions", ["requested_at"])
