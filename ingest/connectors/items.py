"""The items that connectors remember. Each change is one transaction, and counts for its sync."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from corpus.database import Database, Transaction
from corpus.documents import DocumentId
from ingest.connectors.connectors import ConnectorId, RememberedItem
from ingest.connectors.origin import Cursor, Item, Problem, storable_key
from ingest.connectors.records import current
from ingest.tables import ConnectorItemRow, ConnectorRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """What following a listing's deletions would take away."""

    vanished: int
    """Items with documents that the listing does not have any more."""
    all: int
    """All items with documents."""


class ItemRecords:
    def __init__(self, database: Database) -> None:
        self._database = database

    def see(self, connector_id: ConnectorId, number: int, found: Sequence[Item | Problem]) -> None:
        """Notes a part of a listing."""
        with self._database.write() as session:
            current(session, connector_id, number)
            keys = [storable_key(each.key) for each in found]
            known = {
                row.key: row
                for row in session.scalars(
                    sa.select(ConnectorItemRow).where(
                        ConnectorItemRow.connector_id == connector_id, ConnectorItemRow.key.in_(keys)
                    )
                )
            }
            for key, each in zip(keys, found, strict=True):
                if key not in known:
                    known[key] = _new_row(connector_id, key)
                    session.add(known[key])
                _see(known[key], each, number)

    def complete(self, connector_id: ConnectorId, number: int, cursor: Cursor | None) -> None:
        """The listing has come to its end: only now may anything count as vanished."""
        with self._database.write() as session:
            row = current(session, connector_id, number)
            row.is_listed, row.cursor = True, cursor

    def waiting(self, connector_id: ConnectorId, number: int, limit: int) -> list[RememberedItem]:
        """Items seen by this sync that are new or changed, but for those that failed in it."""
        query = (
            sa.select(ConnectorItemRow)
            .where(
                ConnectorItemRow.connector_id == connector_id,
                ConnectorItemRow.seen_sync == number,
                sa.or_(ConnectorItemRow.tried_sync < number, ConnectorItemRow.problem.is_(None)),
                ConnectorItemRow.listed_revision != "",
                sa.or_(
                    ConnectorItemRow.revision.is_(None),
                    ConnectorItemRow.revision != ConnectorItemRow.listed_revision,
                ),
            )
            .order_by(ConnectorItemRow.key)
            .limit(limit)
        )
        with self._database.read() as session:
            return [_remembered(row) for row in session.scalars(query)]

    def vanished(self, connector_id: ConnectorId, number: int, limit: int) -> list[RememberedItem]:
        query = (
            sa.select(ConnectorItemRow)
            .where(ConnectorItemRow.connector_id == connector_id, _is_vanished(number))
            .order_by(ConnectorItemRow.key)
            .limit(limit)
        )
        with self._database.read() as session:
            return [_remembered(row) for row in session.scalars(query)]

    def deletions(self, connector_id: ConnectorId, number: int) -> Deletions:
        query = sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((_is_vanished(number), 1), else_=0)), 0)
        ).where(ConnectorItemRow.connector_id == connector_id, ConnectorItemRow.sha256.is_not(None))
        with self._database.read() as session:
            every, vanished = session.execute(query).one()
            return Deletions(vanished=vanished, all=every)

    def twin(self, connector_id: ConnectorId, number: int, sha256: str) -> RememberedItem | None:
        """A vanished item with the same bytes: it was moved, not deleted."""
        query = (
            sa.select(ConnectorItemRow)
            .where(
                ConnectorItemRow.connector_id == connector_id,
                ConnectorItemRow.sha256 == sha256,
                _is_vanished(number),
            )
            .order_by(ConnectorItemRow.key)
            .limit(1)
        )
        with self._database.read() as session:
            row = session.scalar(query)
            return _remembered(row) if row else None

    def try_item(self, connector_id: ConnectorId, number: int, key: str) -> None:
        """Notes, before anything is done, that documents may come of this item."""
        with self._database.write() as session:
            current(session, connector_id, number)
            row = _item(session, connector_id, key)
            row.tried_sync, row.problem = number, None

    def fail(self, connector_id: ConnectorId, number: int, key: str, detail: str) -> None:
        with self._database.write() as session:
            current(session, connector_id, number)
            row = _item(session, connector_id, key)
            row.problem, row.tried_sync = detail, number

    def take(
        self,
        connector_id: ConnectorId,
        number: int,
        item: RememberedItem,
        sha256: str,
        document_ids: Sequence[DocumentId],
    ) -> None:
        """The documents now hold this revision of the item."""
        with self._database.write() as session:
            connector = current(session, connector_id, number)
            row = _item(session, connector_id, item.key)
            if row.sha256 is None:
                connector.added += 1
            elif row.sha256 != sha256:
                connector.changed += 1
            _hold(row, item.listed_revision, sha256, document_ids, number)

    def move(
        self,
        connector_id: ConnectorId,
        number: int,
        item: RememberedItem,
        twin: RememberedItem,
        move: Callable[[Transaction], object],
    ) -> None:
        """The item takes over its vanished twin's documents; `move` gives them their new paths."""
        with self._database.write() as session:
            connector = current(session, connector_id, number)
            move(session)
            connector.moved += 1
            session.delete(_item(session, connector_id, twin.key))
            row = _item(session, connector_id, item.key)
            _hold(row, item.listed_revision, twin.sha256 or "", twin.document_ids, number)

    def forget(self, connector_id: ConnectorId, number: int, item: RememberedItem) -> None:
        """The item is gone, and its documents are."""
        with self._database.write() as session:
            connector = current(session, connector_id, number)
            session.delete(_item(session, connector_id, item.key))
            connector.deleted += bool(item.sha256)

    def document_ids(self, connector_id: ConnectorId) -> list[DocumentId]:
        query = sa.select(ConnectorItemRow.document_ids).where(ConnectorItemRow.connector_id == connector_id)
        with self._database.read() as session:
            return [DocumentId(found) for ids in session.scalars(query) for found in ids]

    def documents(self, connector_id: ConnectorId) -> list[tuple[str, list[DocumentId]]]:
        """Path and documents of every item that was ever tried."""
        query = sa.select(ConnectorItemRow.path, ConnectorItemRow.document_ids).where(
            ConnectorItemRow.connector_id == connector_id, ConnectorItemRow.tried_sync > 0
        )
        with self._database.read() as session:
            return [(path, [DocumentId(one) for one in ids]) for path, ids in session.execute(query)]


def _is_vanished(number: int) -> sa.ColumnElement[bool]:
    """Not in this sync's listing, once that is complete."""
    is_listed = sa.exists().where(ConnectorRow.id == ConnectorItemRow.connector_id, ConnectorRow.is_listed)
    return sa.and_(ConnectorItemRow.seen_sync < number, is_listed)


def _item(session: Session, connector_id: ConnectorId, key: str) -> ConnectorItemRow:
    return session.get_one(ConnectorItemRow, (connector_id, key))


def _new_row(connector_id: ConnectorId, key: str) -> ConnectorItemRow:
    return ConnectorItemRow(
        connector_id=connector_id,
        key=key,
        path="",
        size_bytes=None,
        listed_revision="",
        revision=None,
        sha256=None,
        document_ids=[],
        problem=None,
        seen_sync=0,
        tried_sync=0,
    )


def _see(row: ConnectorItemRow, found: Item | Problem, number: int) -> None:
    row.seen_sync = number
    if isinstance(found, Problem):
        row.problem, row.tried_sync = found.detail, number
        return
    if row.path != found.path:
        row.revision = None  # it has to be taken anew, to its new path
    row.path, row.size_bytes, row.listed_revision = found.path, found.size_bytes, found.revision
    if row.revision == found.revision:
        row.problem = None


def _hold(
    row: ConnectorItemRow, revision: str, sha256: str, document_ids: Sequence[DocumentId], number: int
) -> None:
    row.revision, row.sha256, row.problem, row.tried_sync = revision, sha256, None, number
    row.document_ids = list(document_ids)


def _remembered(row: ConnectorItemRow) -> RememberedItem:
    return RememberedItem(
        key=row.key,
        path=row.path,
        listed_revision=row.listed_revision,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        document_ids=tuple(DocumentId(found) for found in row.document_ids),
        was_tried=row.tried_sync > 0,
    )
