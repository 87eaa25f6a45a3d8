"""Connectors in the record: what there is, and where the newest sync of each stands."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from corpus.database import Database, Transaction
from corpus.documents import CollectionId, new_id
from corpus.errors import CollectionNotFoundError, ConflictError
from corpus.tables import CollectionRow
from ingest.connectors.connectors import Connector, ConnectorId, ItemProblem, Sync, SyncState
from ingest.connectors.errors import ConnectorNotFoundError
from ingest.connectors.options import Options, options_from, options_row
from ingest.connectors.origin import Cursor
from ingest.connectors.sealing import Sealing
from ingest.tables import ConnectorItemRow, ConnectorRow

PROBLEMS_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnector:
    collection_id: CollectionId
    name: str
    options: Options
    secrets: dict[str, str]
    interval_seconds: int | None
    is_watched: bool

    def __repr__(self) -> str:
        """Without the secrets: what is printed ends in logs."""
        return f"NewConnector({self.name!r}, {self.options!r})"


class ConnectorRecords:
    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing

    # What there is

    def add(self, new: NewConnector) -> ConnectorId:
        """Raises `ConflictError` when the collection has a connector of that name."""
        row = ConnectorRow(
            id=new_id("con"),
            collection_id=new.collection_id,
            name=new.name,
            options=options_row(new.options),
            secrets=self._sealing.seal(new.secrets),
            is_sealed=True,
            interval_seconds=new.interval_seconds,
            is_watched=new.is_watched,
            is_paused=False,
            cursor=None,
            created_at=_now(),
            next_sync_at=None,
            sync_number=0,
            sync_state=SyncState.NEVER,
            **_FRESH,
        )
        try:
            with self._database.write() as session:
                collection = session.get(CollectionRow, new.collection_id)
                if collection is None or collection.is_deleted:
                    raise CollectionNotFoundError
                session.add(row)
        except IntegrityError as error:
            raise ConflictError(f"The collection already has a connector '{new.name}'.") from error
        return ConnectorId(row.id)

    def connectors(self, collection_id: CollectionId | None = None) -> list[Connector]:
        query = _connectors_query().order_by(CollectionRow.name, ConnectorRow.name)
        if collection_id:
            query = query.where(ConnectorRow.collection_id == collection_id)
        with self._database.read() as session:
            rows = session.execute(query).all()
            return [_connector_from(session, row, collection) for row, collection in rows]

    def connector(self, connector_id: ConnectorId) -> Connector:
        """Raises `ConnectorNotFoundError`, also when its collection is deleted."""
        with self._database.read() as session:
            found = session.execute(_connectors_query().where(ConnectorRow.id == connector_id)).one_or_none()
            if found is None:
                raise ConnectorNotFoundError
            return _connector_from(session, found[0], found[1])

    def secrets(self, connector_id: ConnectorId) -> dict[str, str]:
        """For whoever opens the origin; nobody else asks. Raises `SecretKeyError` when the key is wrong."""
        with self._database.read() as session:
            row = _row(session, connector_id)
            return self._sealing.unseal(row.secrets) if row.is_sealed else dict(row.secrets)

    def cursor(self, connector_id: ConnectorId) -> Cursor | None:
        with self._database.read() as session:
            return _row(session, connector_id).cursor

    def problems(self, connector_id: ConnectorId) -> list[ItemProblem]:
        """The first two hundred, by key."""
        query = (
            sa.select(ConnectorItemRow.key, ConnectorItemRow.problem)
            .where(ConnectorItemRow.connector_id == connector_id, ConnectorItemRow.problem.is_not(None))
            .order_by(ConnectorItemRow.key)
            .limit(PROBLEMS_SHOWN)
        )
        with self._database.read() as session:
            return [ItemProblem(key=key, detail=detail or "") for key, detail in session.execute(query)]

    def retire(self, connector_id: ConnectorId) -> None:
        """No sync goes on or begins any more; a sync that runs finds itself over."""
        with self._database.write() as session:
            row = locked(session, connector_id)
            row.sync_number += 1
            row.sync_state, row.sync_reason = SyncState.FAILED, "The connector is being removed."
            row.interval_seconds, row.next_sync_at, row.is_watched = None, None, False

    def remove(self, connector_id: ConnectorId) -> None:
        """Forgets the connector and its items, not their documents."""
        with self._database.write() as session:
            session.delete(_row(session, connector_id))

    # Syncs

    def due(self) -> list[ConnectorId]:
        """Whose next sync should have begun."""
        query = _connectors_query().where(
            ConnectorRow.next_sync_at <= _now(),
            sa.not_(ConnectorRow.is_paused),
            ConnectorRow.sync_state.not_in((SyncState.QUEUED, SyncState.RUNNING)),
        )
        with self._database.read() as session:
            return [ConnectorId(row.id) for row, _ in session.execute(query)]

    def watched(self) -> list[ConnectorId]:
        query = _connectors_query().where(ConnectorRow.is_watched, sa.not_(ConnectorRow.is_paused))
        with self._database.read() as session:
            return [ConnectorId(row.id) for row, _ in session.execute(query)]

    def request(
        self, transaction: Transaction, connector_id: ConnectorId, *, may_delete_most: bool
    ) -> int | None:
        """Number of the sync to enqueue, or `None` when one waits or runs already: one at a time."""
        row = locked(transaction, connector_id)
        if not SyncState(row.sync_state).is_final:
            return None
        row.sync_number += 1
        row.sync_state, row.next_sync_at = SyncState.QUEUED, None
        for name, value in _FRESH.items():
            setattr(row, name, value)
        row.may_delete_most = may_delete_most
        return row.sync_number

    def start(self, connector_id: ConnectorId, number: int) -> None:
        with self._database.write() as session:
            row = current(session, connector_id, number)
            row.sync_state, row.started_at = SyncState.RUNNING, row.started_at or _now()

    def may_delete_most(self, connector_id: ConnectorId, number: int) -> bool:
        with self._database.write() as session:
            return current(session, connector_id, number).may_delete_most

    def finish(
        self,
        connector_id: ConnectorId,
        number: int,
        state: SyncState,
        reason: str | None,
        rest_seconds: float = 0.0,
    ) -> None:
        """Ends a sync and plans the next one, not sooner than after `rest_seconds`.

        Raises `ConnectorNotFoundError` when it is not wanted.
        """
        with self._database.write() as session:
            row = current(session, connector_id, number)
            row.sync_state, row.sync_reason, row.finished_at = state, reason, _now()
            if row.interval_seconds is not None:
                row.next_sync_at = _now() + timedelta(seconds=max(row.interval_seconds, rest_seconds))


_FRESH: dict[str, Any] = {
    "sync_reason": None,
    "may_delete_most": False,
    "is_listed": False,
    "started_at": None,
    "finished_at": None,
    "added": 0,
    "changed": 0,
    "moved": 0,
    "deleted": 0,
}


def current(session: Session, connector_id: ConnectorId, number: int) -> ConnectorRow:
    """The row, locked, while this sync is the one that counts: a late worker changes nothing."""
    row = locked(session, connector_id)
    if row.sync_number != number or SyncState(row.sync_state).is_final:
        raise ConnectorNotFoundError("This sync is over.")
    return row


def locked(session: Session, connector_id: ConnectorId) -> ConnectorRow:
    row = session.get(ConnectorRow, connector_id, with_for_update=True)
    if row is None:
        raise ConnectorNotFoundError
    return row


def _row(session: Session, connector_id: ConnectorId) -> ConnectorRow:
    row = session.get(ConnectorRow, connector_id)
    if row is None:
        raise ConnectorNotFoundError
    return row


def _connectors_query() -> sa.Select[ConnectorRow, str]:
    return (
        sa.select(ConnectorRow, CollectionRow.name)
        .join(CollectionRow, CollectionRow.id == ConnectorRow.collection_id)
        .where(sa.not_(CollectionRow.is_deleted))
    )


def _connector_from(session: Session, row: ConnectorRow, collection: str) -> Connector:
    of_it = ConnectorItemRow.connector_id == row.id
    items, failed = session.execute(
        sa.select(sa.func.count(), sa.func.count(ConnectorItemRow.problem)).where(of_it)
    ).one()
    return Connector(
        id=ConnectorId(row.id),
        collection_id=CollectionId(row.collection_id),
        collection=collection,
        name=row.name,
        options=options_from(row.options),
        secret_names=tuple(sorted(row.secrets)),
        interval_seconds=row.interval_seconds,
        is_watched=row.is_watched,
        is_paused=row.is_paused,
        created_at=row.created_at,
        next_sync_at=None if row.is_paused else row.next_sync_at,
        items=items,
        last_sync=_sync_from(row, failed),
    )


def _sync_from(row: ConnectorRow, failed: int) -> Sync:
    return Sync(
        number=row.sync_number,
        state=SyncState(row.sync_state),
        reason=row.sync_reason,
        started_at=row.started_at,
        finished_at=row.finished_at,
        added=row.added,
        changed=row.changed,
        moved=row.moved,
        deleted=row.deleted,
        failed=failed,
    )


def _now() -> datetime:
    return datetime.now(UTC)
