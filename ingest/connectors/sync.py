"""One sync: list the origin, take what is new or changed, follow deletions and moves.

Every step may run twice, and may be the last before a crash: what is done is in the record, item by item, and
the next attempt goes on from there. Nothing counts as vanished before a listing has come to its end.
"""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol, TypeVar

from corpus.database import Transaction
from corpus.documents import Document, DocumentId
from corpus.errors import (
    CollectionNotFoundError,
    ConflictError,
    DocumentNotFoundError,
    SourcebookError,
    UnavailableError,
)
from ingest.connectors.connectors import Connector, ConnectorId, RememberedItem, SyncState
from ingest.connectors.document_paths import DocumentPaths
from ingest.connectors.errors import ConnectorNotFoundError, OriginBusyError, OriginError
from ingest.connectors.http import TooLargeError
from ingest.connectors.items import ItemRecords
from ingest.connectors.opening import Origins
from ingest.connectors.origin import Item, Origin, Problem
from ingest.connectors.records import ConnectorRecords
from ingest.connectors.settings import ConnectorsSettings

LIST_BATCH = 500
FETCH_BATCH = 20
"""Items that one step of the job takes: between two steps a stopping worker may stop."""
DELETE_BATCH = 50
PIECE_BYTES = 1 << 20

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Steps(Protocol):
    """The durable job that a sync runs in."""

    def step(self, name: str, work: Callable[[], Result]) -> Result:
        """Runs a step, or gives its result if it ran before a crash."""
        ...

    def pause_point(self) -> None:
        """Leaves the job, to go on at the next start, when the worker stops."""
        ...


class Door(Protocol):
    """The way into a collection and out of it: `Intake`."""

    def add(self, collection: str, files: Iterable[tuple[str, BinaryIO]]) -> list[Document]: ...

    def delete(self, document_id: DocumentId) -> None: ...


@dataclass(frozen=True, slots=True)
class _Running:
    """What the steps of one sync share."""

    connector: Connector
    number: int
    steps: Steps

    @property
    def id(self) -> ConnectorId:
        return self.connector.id

    def path(self, item: RememberedItem) -> str:
        """Where the item's document lies in the collection."""
        return f"{self.connector.name}/{item.path}"


class Syncing:
    def __init__(
        self,
        records: ConnectorRecords,
        items: ItemRecords,
        paths: DocumentPaths,
        door: Door,
        origins: Origins,
        settings: ConnectorsSettings,
    ) -> None:
        self._records = records
        self._items = items
        self._paths = paths
        self._door = door
        self._origins = origins
        self._settings = settings

    def run(self, connector_id: str, number: int, steps: Steps) -> None:
        """Brings a collection in step with its origin; ends in a final state, whatever happens."""
        identity, rest_seconds = ConnectorId(connector_id), 0.0
        try:
            state, reason = self._run(identity, number, steps)
        except ConnectorNotFoundError:
            return  # removed meanwhile, alone or with its collection
        except SourcebookError as error:
            state, reason = SyncState.FAILED, str(error)
            rest_seconds = error.seconds if isinstance(error, OriginBusyError) else 0.0
        except Exception:  # the worker's edge: the sync must end
            log.exception("the sync of connector %s failed", connector_id)
            state, reason = SyncState.FAILED, "Something went wrong on our side. The server's log has it."
        with suppress(ConnectorNotFoundError):
            steps.step("finish", lambda: self._records.finish(identity, number, state, reason, rest_seconds))

    def _run(self, connector_id: ConnectorId, number: int, steps: Steps) -> tuple[SyncState, str | None]:
        running = _Running(self._records.connector(connector_id), number, steps)
        steps.step("start", lambda: self._records.start(connector_id, number))
        with self._origins.open(
            connector_id, running.connector.options, lambda: self._records.secrets(connector_id)
        ) as origin:
            steps.step("list", lambda: self._list(running, origin))
            batch = 0
            while steps.step(f"fetch:{batch}", lambda: self._take_some(running, origin)):
                batch += 1
        too_many = steps.step("weigh", lambda: self._weigh_deletions(running))
        if too_many:
            return SyncState.NEEDS_CONFIRMATION, too_many
        batch = 0
        while steps.step(f"delete:{batch}", lambda: self._delete_some(running)):
            batch += 1
        return SyncState.DONE, None

    def _list(self, running: _Running, origin: Origin) -> None:
        batch: list[Item | Problem] = []
        listing = origin.list(self._records.cursor(running.id))
        for count, found in enumerate(listing, start=1):
            running.steps.pause_point()
            batch.append(found)
            if count > self._settings.max_items:
                raise OriginError(
                    f"There are more than {self._settings.max_items} items. Take fewer with patterns."
                )
            if len(batch) == LIST_BATCH:
                self._items.see(running.id, running.number, batch)
                batch = []
        self._items.see(running.id, running.number, batch)
        self._items.complete(running.id, running.number, origin.cursor())

    def _take_some(self, running: _Running, origin: Origin) -> bool:
        """Takes some of the items that wait; False when none did."""
        waiting = self._items.waiting(running.id, running.number, FETCH_BATCH)
        for item in waiting:
            running.steps.pause_point()
            try:
                self._take(running, origin, item)
            except (OriginError, ConnectorNotFoundError, CollectionNotFoundError, UnavailableError):
                raise
            except SourcebookError as error:
                self._items.fail(running.id, running.number, item.key, str(error))
        return bool(waiting)

    def _take(self, running: _Running, origin: Origin, item: RememberedItem) -> None:
        with tempfile.TemporaryFile() as file:
            sha256 = self._copy(origin, item, file)
            if item.sha256 is None and self._move(running, item, sha256):
                return
            self._items.try_item(running.id, running.number, item.key)
            file.seek(0)
            documents = self._door.add(running.connector.collection, [(running.path(item), file)])
        new = [document.id for document in documents]
        self._delete_documents(set(item.document_ids) - set(new))
        try:
            self._items.take(running.id, running.number, item, sha256, new)
        except ConnectorNotFoundError:
            # Removed or renamed in this moment: nobody would ever follow a document that has just come.
            self._delete_documents(set(new) - set(item.document_ids))
            raise

    def _copy(self, origin: Origin, item: RememberedItem, file: BinaryIO) -> str:
        """Copies the item's bytes, as many as one item may have, and gives their sha256."""
        limit = self._settings.max_item_bytes
        if item.size_bytes is not None and item.size_bytes > limit:
            raise TooLargeError(f"It is larger than the {limit >> 20} MB allowed.")
        listed = Item(key=item.key, path=item.path, revision=item.listed_revision, size_bytes=item.size_bytes)
        digest, size = hashlib.sha256(), 0
        with origin.fetch(listed) as content:
            while piece := content.read(PIECE_BYTES):
                size += len(piece)
                if size > limit:
                    raise TooLargeError(f"It is larger than the {limit >> 20} MB allowed.")
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()

    def _move(self, running: _Running, item: RememberedItem, sha256: str) -> bool:
        """Gives a new item the documents of a vanished one with the same bytes: nothing is embedded again."""
        twin = self._items.twin(running.id, running.number, sha256)
        if twin is None or _suffix(twin.path) != _suffix(item.path):
            return False  # another suffix may mean another parser
        old, new = running.path(twin), running.path(item)

        def move(transaction: Transaction) -> None:
            for document_id in twin.document_ids:
                self._paths.move(transaction, document_id, old, new)

        try:
            self._items.move(running.id, running.number, item, twin, move)
        except ConflictError:
            return False  # somebody else's document lies there: it becomes a new version of that one
        return True

    def _weigh_deletions(self, running: _Running) -> str | None:
        """Why the deletions have to be confirmed first, or `None`; an empty drive looks like this."""
        deletions = self._items.deletions(running.id, running.number)
        is_much = deletions.vanished > deletions.all * self._settings.max_deleted_share
        if not is_much or self._records.may_delete_most(running.id, running.number):
            return None
        return (
            f"{deletions.vanished} of {deletions.all} items are gone at the origin. "
            "If that is right, sync again and confirm the deletions."
        )

    def _delete_some(self, running: _Running) -> bool:
        """Deletes the documents of some vanished items; False when there were none."""
        vanished = self._items.vanished(running.id, running.number, DELETE_BATCH)
        for item in vanished:
            running.steps.pause_point()
            documents = list(item.document_ids)
            if item.was_tried and not documents:
                # A crash may have come between the document and the note of it.
                documents = self._paths.at(running.connector.collection_id, running.path(item))
            self._delete_documents(documents)
            self._items.forget(running.id, running.number, item)
        return bool(vanished)

    def _delete_documents(self, document_ids: Iterable[DocumentId]) -> None:
        for document_id in document_ids:
            with suppress(DocumentNotFoundError):
                self._door.delete(document_id)


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()
