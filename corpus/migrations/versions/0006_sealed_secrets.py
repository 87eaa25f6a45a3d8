"""Connectors can be paused, and their secrets are sealed.

The key is no matter of the database: what lies here in clear text is sealed by the next start of Sourcebook
(`ConnectorRecords.seal_secrets`), and until then marked as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name in ("is_sealed", "is_paused"):
        op.add_column("connectors", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
