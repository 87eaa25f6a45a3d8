"""Changes of connectors in the record."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from corpus.database import Database, Transaction
from corpus.errors import ConflictError
from ingest.connectors.connectors import ConnectorId, SyncState
from ingest.connectors.options import Options, options_row
from ingest.connectors.records import locked
from ingest.connectors.sealing import Sealing
from ingest.tables import ConnectorItemRow, ConnectorRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a connector is to be."""

    name: str
    options: Options
    secrets: dict[str, str | None]
    """Those that change; `None` takes one away."""
    interval_seconds: int | None
    is_watched: bool
    is_paused: bool
    is_elsewhere: bool
    """The options lead to another place: nothing known of the items there holds any more."""

    def __repr__(self) -> str:
        return f"Change({self.name!r}, {self.options!r})"


class Changes:
    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing

    def apply(
        self, connector_id: ConnectorId, change: Change, rename: Callable[[Transaction], None] | None
    ) -> None:
        """Changes a connector; a sync in work ends when that makes its work wrong. `rename` moves documents.

        Raises `ConflictError` when the name is taken.
        """
        given = self._sealing.seal({name: text for name, text in change.secrets.items() if text is not None})
        try:
            with self._database.write() as session:
                row = locked(session, connector_id)
                if rename or options_row(change.options) != row.options:
                    _end(row, "The connector was changed meanwhile.")
                if rename:
                    rename(session)
                if change.is_elsewhere:
                    _forget_revisions(session, row)
                row.name, row.options = change.name, options_row(change.options)
                held = row.secrets if row.is_sealed else self._sealing.seal(row.secrets)
                kept = {name: text for name, text in held.items() if name not in change.secrets}
                row.secrets, row.is_sealed = kept | given, True
                _plan(row, change)
        except IntegrityError as error:
            raise ConflictError(f"The collection already has a connector '{change.name}'.") from error


def _end(row: ConnectorRow, reason: str) -> None:
    """A sync that waits or runs finds itself over."""
    if not SyncState(row.sync_state).is_final:
        row.sync_number += 1
        row.sync_state, row.sync_reason, row.finished_at = SyncState.FAILED, reason, datetime.now(UTC)


def _forget_revisions(session: Session, row: ConnectorRow) -> None:
    """A revision says nothing of another place, even where the keys are the same."""
    row.cursor = None
    session.execute(
        sa.update(ConnectorItemRow).where(ConnectorItemRow.connector_id == row.id).values(revision=None)
    )


def _plan(row: ConnectorRow, change: Change) -> None:
    is_replanned = (row.interval_seconds, row.is_paused) != (change.interval_seconds, change.is_paused)
    row.interval_seconds, row.is_watched = change.interval_seconds, change.is_watched
    row.is_paused = change.is_paused
    if is_replanned and SyncState(row.sync_state).is_final:
        after = timedelta(seconds=change.interval_seconds or 0)
        row.next_sync_at = (row.finished_at or datetime.now(UTC)) + after if change.interval_seconds else None
