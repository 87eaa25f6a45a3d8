"""Fixtures of the connectors' tests: a scripted origin in front of a real record, and a way to crash."""

import io
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database, Transaction
from corpus.documents import CollectionId, Document, DocumentId
from corpus.versions import Versions
from ingest.connectors.connectors import ConnectorId, Sync
from ingest.connectors.document_paths import DocumentPaths
from ingest.connectors.errors import ItemError, OriginError
from ingest.connectors.items import ItemRecords
from ingest.connectors.options import FolderOptions
from ingest.connectors.origin import Cursor, Item, Problem
from ingest.connectors.records import ConnectorRecords, NewConnector
from ingest.connectors.sealing import KEY_FILE, Sealing
from ingest.connectors.settings import ConnectorsSettings
from ingest.connectors.sync import Syncing
from ingest.intake import Intake
from ingest.job_queue import Priority


class Crash(BaseException):
    """The process dies here: nothing but `BaseException` may catch it."""


@dataclass
class ScriptedOrigin:
    """An origin whose items are a dict, and whose failures are told."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    problems: dict[str, str] = field(default_factory=dict[str, str])
    unfetchable: set[str] = field(default_factory=set[str])
    breaks_after: int | None = None
    fetched: list[str] = field(default_factory=list[str])
    cursors: list[Cursor | None] = field(default_factory=list[Cursor | None])
    before_fetch: Callable[[str], None] | None = None

    def list(self, cursor: Cursor | None) -> Iterator[Item | Problem]:
        self.cursors.append(cursor)
        for number, (key, content) in enumerate(sorted(self.files.items())):
            if number == self.breaks_after:
                raise OriginError("The listing broke off.")
            if key in self.problems:
                yield Problem(key=key, detail=self.problems[key])
            else:
                yield Item(key=key, path=key, revision=str(hash(content)), size_bytes=len(content))

    @contextmanager
    def fetch(self, item: Item) -> Generator[IO[bytes]]:
        if self.before_fetch:
            self.before_fetch(item.key)
        if item.key in self.unfetchable:
            raise ItemError("It is locked.")
        self.fetched.append(item.key)
        yield io.BytesIO(self.files[item.key])

    def cursor(self) -> Cursor | None:
        return {"listings": len(self.cursors)}

    @contextmanager
    def open(self, *_arguments: object) -> Generator["ScriptedOrigin"]:
        yield self


@dataclass
class Steps:
    """A durable job without its engine: what ran once gives its result again."""

    results: dict[str, Any] = field(default_factory=dict[str, Any])

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        if name not in self.results:
            self.results[name] = work()
        return self.results[name]

    def pause_point(self) -> None:
        pass


class Queue:
    """Notes which jobs would be done: nobody works here."""

    def __init__(self) -> None:
        self.ingested: list[str] = []

    def enqueue_ingest(
        self,
        _transaction: Transaction,
        document: Document,
        _priority: Priority = Priority.INTERACTIVE,
        *,
        is_paused: bool = False,  # noqa: ARG002  # by name, as the real queue has it
    ) -> None:
        self.ingested.append(document.id)

    def enqueue_delete(
        self, transaction: Transaction, document_id: DocumentId, collection_id: CollectionId
    ) -> None:
        pass


class CrashingDatabase(Database):
    """Dies at a given write, before or after it is on disk."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.writes = 0
        self.dies_at: int | None = None
        self.dies_after_commit = False

    @contextmanager
    def write(self) -> Generator[Transaction]:
        self.writes += 1
        is_last = self.writes == self.dies_at
        with super().write() as transaction:
            yield transaction
            if is_last and not self.dies_after_commit:
                raise Crash
        if is_last:
            raise Crash


class Place:
    """A collection, a connector and its scripted origin."""

    def __init__(self, database: CrashingDatabase, folder: Path, settings: ConnectorsSettings) -> None:
        self.database = database
        self.settings = settings
        self.catalog, self.versions = Catalog(database), Versions(database)
        self.jobs = Queue()
        self.blobs = LocalBlobs(folder / "blobs")
        self.intake = Intake(database, self.catalog, self.versions, self.blobs, self.jobs)  # type: ignore[arg-type]
        self.sealing = Sealing("", folder / KEY_FILE)
        self.records, self.items = ConnectorRecords(database, self.sealing), ItemRecords(database)
        self.origin = ScriptedOrigin()
        self.collection_id = self.catalog.ensure_collection("hr")
        self.connect()

    def connect(self) -> None:
        self.connector = self.records.add(
            NewConnector(
                collection_id=self.collection_id,
                name="wiki",
                options=FolderOptions(path="/nowhere"),
                secrets={},
                interval_seconds=60,
                is_watched=False,
            )
        )

    def syncing(self) -> Syncing:
        paths = DocumentPaths(self.database)
        return Syncing(self.records, self.items, paths, self.intake, self.origin, self.settings)  # type: ignore[arg-type]

    def request(self, *, may_delete_most: bool = False) -> int:
        with self.database.write() as transaction:
            number = self.records.request(transaction, self.connector, may_delete_most=may_delete_most)
        assert number is not None
        return number

    def sync(self, *, may_delete_most: bool = False) -> Sync:
        number = self.request(may_delete_most=may_delete_most)
        self.syncing().run(self.connector, number, Steps())
        return self.last

    @property
    def last(self) -> Sync:
        return self.records.connector(self.connector).last_sync

    @property
    def documents(self) -> dict[str, Document]:
        return {each.path: each for each in self.catalog.documents(collection_id=self.collection_id)}

    @property
    def paths(self) -> list[str]:
        return sorted(self.documents)

    def problems(self) -> dict[str, str]:
        return {each.key: each.detail for each in self.records.problems(ConnectorId(self.connector))}


@pytest.fixture
def settings() -> ConnectorsSettings:
    return ConnectorsSettings(max_item_bytes=1000)


@pytest.fixture
def place(database: Database, tmp_path: Path, settings: ConnectorsSettings) -> Iterator[Place]:
    crashing = CrashingDatabase(database.url)
    yield Place(crashing, tmp_path, settings)
    crashing.close()
