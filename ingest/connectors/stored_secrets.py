"""What every start does with the secrets in the record: none stays in clear text or under an old key."""

import logging
from contextlib import closing, suppress

import sqlalchemy as sa

from corpus.database import Database
from ingest.connectors.connectors import ConnectorId
from ingest.connectors.errors import ConnectorNotFoundError, SecretKeyError
from ingest.connectors.sealing import Sealing
from ingest.tables import ConnectorRow

log = logging.getLogger(__name__)


def seal_all(database: Database, sealing: Sealing) -> None:
    """Seals what an older version left in clear text, and anew what the newest key did not seal.

    A connector whose key is missing is logged and left as it is: its syncs say what to do.
    """
    was_clear = False
    for connector_id in _with_secrets(database):
        try:
            with suppress(ConnectorNotFoundError):
                was_clear |= _seal(database, sealing, connector_id)
        except SecretKeyError as error:
            log.warning("connector %s: %s", connector_id, error)
    if was_clear and database.engine.dialect.name == "sqlite":
        _wipe(database)


def _with_secrets(database: Database) -> list[ConnectorId]:
    with database.read() as session:
        rows = session.execute(sa.select(ConnectorRow.id, ConnectorRow.secrets))
        return [ConnectorId(row_id) for row_id, secrets in rows if secrets]


def _seal(database: Database, sealing: Sealing, connector_id: ConnectorId) -> bool:
    """Whether they lay in clear text."""
    with database.write() as session:
        row = session.get(ConnectorRow, connector_id, with_for_update=True)
        if row is None:
            raise ConnectorNotFoundError
        was_clear = not row.is_sealed
        sealed = sealing.seal(row.secrets) if was_clear else sealing.renewed(row.secrets)
        if sealed is not None:
            row.secrets, row.is_sealed = sealed, True
        return was_clear


def _wipe(database: Database) -> None:
    """SQLite leaves what was overwritten in its file and log until it needs the room."""
    with closing(database.engine.raw_connection()) as connection:  # SQLAlchemy's own are in a transaction
        for statement in ("vacuum", "pragma wal_checkpoint(truncate)"):
            connection.cursor().execute(statement)
