"""Index generations: chunks of several ways to chunk and embed, side by side."""

import sqlalchemy as sa
from alembic import op

from corpus.tables import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "generations",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("recipe", sa.JSON, nullable=False),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "rebuilt_documents",
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("document_id", sa.String(40), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
    )
    op.add_column("chunks", sa.Column("generation", sa.Integer, nullable=False, server_default="1"))
    op.drop_index("chunks_of_version", "chunks")
    op.create_index(
        "chunks_of_version", "chunks", ["document_id", "version", "generation", "number"], unique=True
    )
    op.create_index("chunks_of_generation", "chunks", ["generation"])
