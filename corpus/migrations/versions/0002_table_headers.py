"""The header row of the table that a chunk continues."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("chunks", sa.Column("header", sa.Text, nullable=False, server_default=""))
