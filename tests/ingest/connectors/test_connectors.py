"""Connectors through the real job queue and a real folder, on SQLite and on PostgreSQL."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event

import pytest

from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import Chunk, CollectionId
from corpus.errors import ConflictError, InvalidInputError
from corpus.generations import Generations
from corpus.versions import Versions
from ingest.chunking import Chunker
from ingest.connectors.connectors import Connector, SyncState
from ingest.connectors.document_paths import DocumentPaths
from ingest.connectors.errors import ConnectorNotFoundError, OriginRefusedError
from ingest.connectors.items import ItemRecords
from ingest.connectors.keeping import Connectors
from ingest.connectors.opening import Origins
from ingest.connectors.options import FolderOptions, GitOptions, S3Options, WebsiteOptions
from ingest.connectors.records import ConnectorRecords
from ingest.connectors.scheduling import Scheduler
from ingest.connectors.sealing import KEY_FILE, Sealing
from ingest.connectors.settings import ConnectorsSettings
from ingest.connectors.sync import Syncing
from ingest.generations import OpenGeneration, OpenGenerations
from ingest.intake import Intake
from ingest.isolation import ParserSandbox
from ingest.jobs import Jobs, JobsSettings
from ingest.pipeline import Pipeline
from retrieval.adapters.in_memory import InMemoryIndex
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.indexing import NOTHING_EMBEDDED, Indexer


class CountingIndexer:
    """The real indexer, counting what is embedded."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self.embedded = 0

    def index(
        self,
        chunks: Sequence[Chunk],
        *,
        collection_id: CollectionId,
        title: str,
        embedded: Mapping[str, str] = NOTHING_EMBEDDED,
    ) -> None:
        self.embedded += len(chunks)
        self._indexer.index(chunks, collection_id=collection_id, title=title, embedded=embedded)


class Base:
    def __init__(
        self, database: Database, tmp_path: Path, sandbox: ParserSandbox, embedder: MiniLmEmbedder
    ) -> None:
        self.root = tmp_path / "handbook"
        self.root.mkdir()
        self.database = database
        self.catalog = Catalog(database)
        blobs, versions = LocalBlobs(tmp_path / "data" / "blobs"), Versions(database)
        self.index = InMemoryIndex()
        self.indexer = CountingIndexer(Indexer(self.index, embedder))
        opened = OpenGeneration(
            number=1,
            chunker=Chunker(embedder),
            embedder=embedder,
            indexer=self.indexer,
            index=self.index,
        )
        record = Generations(database)
        record.ensure("first", {})
        pipeline = Pipeline(self.catalog, versions, blobs, sandbox, OpenGenerations(record, lambda _: opened))
        self.jobs = Jobs(database, pipeline, JobsSettings(poll_seconds=0.05, step_attempts=2))
        self.intake = Intake(database, self.catalog, versions, blobs, self.jobs)
        settings = ConnectorsSettings(allowed_folders=(self.root,))
        self.origins = Origins(settings, tmp_path / "data")
        self.sealing = Sealing("", tmp_path / "data" / KEY_FILE)
        self.records, self.items = ConnectorRecords(database, self.sealing), ItemRecords(database)
        paths = DocumentPaths(database)
        self.jobs.use(
            Syncing(self.records, self.items, paths, self.intake, self.origins, settings), concurrency=2
        )
        self.connectors = Connectors(
            database, self.catalog, self.records, self.items, self.intake, self.origins, self.jobs
        )

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def add(self, **options: object) -> Connector:
        chosen = {"name": "handbook", **options}
        added = self.connectors.add("hr", FolderOptions(path=str(self.root)), **chosen)  # type: ignore[arg-type]
        return self.settled(added)

    def sync(self, connector: Connector) -> Connector:
        return self.settled(self.connectors.sync(connector.id))

    def settled(self, connector: Connector) -> Connector:
        """Waits until the sync and all documents are done."""
        self.until(lambda: self.connectors.connector(connector.id).last_sync.state.is_final)
        self.until(lambda: all(each.status.is_final for each in self.catalog.documents()))
        return self.connectors.connector(connector.id)

    @property
    def paths(self) -> list[str]:
        return sorted(each.path for each in self.catalog.documents())

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, "it did not happen within a minute"
            time.sleep(0.02)


@pytest.fixture
def base(
    database: Database, tmp_path: Path, sandbox: ParserSandbox, embedder: MiniLmEmbedder
) -> Iterator[Base]:
    opened = Base(database, tmp_path, sandbox, embedder)
    opened.write("leave.md", "# Leave\n\nEvery employee has 27 days of paid leave a year.\n")
    opened.write("sub/travel.md", "# Travel\n\nA hotel night may cost up to 140 euros.\n")
    opened.jobs.open(worker=True, only_owner=True)
    yield opened
    opened.jobs.stop()


def test_a_folder_is_followed_through_adding_changing_moving_and_deleting(base: Base) -> None:
    connector = base.add()
    assert (connector.last_sync.state, connector.last_sync.added) == (SyncState.DONE, 2)
    assert base.paths == ["handbook/leave.md", "handbook/sub/travel.md"]
    assert [each.status.is_ready for each in base.catalog.documents()] == [True, True]
    embedded = base.indexer.embedded
    (base.root / "sub" / "travel.md").rename(base.root / "business-trips.md")
    moved = base.sync(connector)
    assert (moved.last_sync.moved, moved.last_sync.added, moved.last_sync.deleted) == (1, 0, 0)
    assert base.paths == ["handbook/business-trips.md", "handbook/leave.md"]
    assert base.indexer.embedded == embedded, "a move embeds nothing"
    base.write("leave.md", "# Leave\n\nEvery employee has 30 days of paid leave a year.\n")
    assert base.sync(connector).last_sync.changed == 1
    (base.root / "leave.md").unlink()
    assert base.sync(connector).last_sync.deleted == 1
    base.until(lambda: base.index.count() == 1)


def test_a_sync_left_by_a_stopped_worker_goes_on_with_the_next(base: Base) -> None:
    connector = base.add()
    base.jobs.stop()
    base.jobs.open(worker=False, only_owner=True)
    base.write("new.md", "# New")
    waiting = base.connectors.sync(connector.id)
    assert waiting.last_sync.state is SyncState.QUEUED
    assert base.connectors.sync(connector.id).last_sync.number == waiting.last_sync.number
    base.jobs.stop()
    base.jobs.open(worker=True, only_owner=True)
    assert base.settled(connector).last_sync.added == 1


class Endless:
    """A sync that goes on until it is told to end."""

    def __init__(self) -> None:
        self.began, self.may_end, self.ended = Event(), Event(), Event()

    def run(self, connector_id: str, number: int, steps: Jobs) -> None:  # noqa: ARG002  # the seam's
        def work() -> None:
            self.began.set()
            while not self.may_end.wait(0.01):
                steps.pause_point()

        steps.step("endless", work)
        self.ended.set()


def test_a_stopping_worker_leaves_a_long_step_and_the_next_begins_it_again(base: Base) -> None:
    endless = Endless()
    base.jobs.stop()
    base.jobs.use(endless, concurrency=1)
    base.jobs.open(worker=True, only_owner=True)
    with base.database.write() as transaction:
        base.jobs.enqueue_sync(transaction, "con_x", 1)
    assert endless.began.wait(30)
    assert base.jobs.is_idle, "a sync keeps nobody from tidying the index"
    base.jobs.stop()
    assert not endless.ended.is_set()
    endless.began.clear()
    base.jobs.open(worker=True, only_owner=True)
    assert endless.began.wait(60)
    endless.may_end.set()
    assert endless.ended.wait(30)


def test_the_scheduler_syncs_what_is_due_and_watched_folders_that_changed(base: Base) -> None:
    connector = base.add(interval_seconds=3600, is_watched=True)
    assert connector.next_sync_at is not None
    scheduler = Scheduler(base.connectors, base.origins, seconds=1)
    scheduler.tick()
    scheduler.tick()
    seen = base.settled(connector).last_sync.number
    for _ in range(3):
        scheduler.tick()
    assert base.settled(connector).last_sync.number == seen, "nothing has changed"
    base.write("new.md", "# New")
    scheduler.tick()
    assert base.settled(connector).last_sync.number == seen, "it may still be written"
    scheduler.tick()
    after = base.settled(connector).last_sync
    assert (after.number, after.added) == (seen + 1, 1)


def test_a_connector_whose_time_has_come_is_due_once(base: Base) -> None:
    connector = base.add(interval_seconds=10)
    assert base.connectors.due() == []
    with base.database.write() as transaction:
        transaction.connection().exec_driver_sql("update connectors set next_sync_at = '2020-01-01 00:00:00'")
    assert base.connectors.due() == [connector.id]
    Scheduler(base.connectors, base.origins, seconds=1).tick()
    assert base.connectors.due() == []
    assert base.settled(connector).last_sync.number == 2


def test_a_removed_connector_leaves_its_documents_or_takes_them_along(base: Base) -> None:
    first = base.add()
    base.connectors.remove(first.id, with_documents=False)
    assert len(base.paths) == 2
    again = base.add()
    assert again.last_sync.added == 2
    assert len(base.paths) == 2, "the same files are the same documents"
    base.connectors.remove(again.id, with_documents=True)
    assert base.paths == []
    with pytest.raises(ConnectorNotFoundError):
        base.connectors.connector(again.id)
    base.until(lambda: base.index.count() == 0)


def test_what_makes_no_sense_is_refused_and_leaves_nothing(base: Base) -> None:
    folder = FolderOptions(path=str(base.root))
    base.add()
    with pytest.raises(ConflictError):
        base.connectors.add("hr", folder, name="handbook")
    for name in ("a/b", "..", "x" * 201, "new\nline"):
        with pytest.raises(InvalidInputError):
            base.connectors.add("hr", folder, name=name)
    with pytest.raises(InvalidInputError, match="interval"):
        base.connectors.add("hr", folder, name="n", interval_seconds=1)
    with pytest.raises(InvalidInputError, match="secret"):
        base.connectors.add("hr", folder, name="n", secrets={"token": "x"})
    with pytest.raises(InvalidInputError, match="watched"):
        base.connectors.add("hr", S3Options(bucket="files"), name="n", is_watched=True)
    assert len(base.connectors.connectors()) == 1


@pytest.mark.parametrize(
    "options",
    [
        FolderOptions(path="/etc"),
        GitOptions(url="https://example.com/x.git"),
        GitOptions(url="/etc"),
        WebsiteOptions(url="file:///etc/passwd"),
    ],
)
def test_a_place_that_is_not_allowed_makes_no_connector(base: Base, options: FolderOptions) -> None:
    with pytest.raises(OriginRefusedError):
        base.connectors.add("other", options, name="n")
    assert base.connectors.connectors() == []
    assert [each.name for each in base.catalog.collections()] == []


def test_connectors_go_with_their_collection(base: Base) -> None:
    connector = base.add()
    (collection_id,) = base.catalog.collection_ids(["hr"])
    base.intake.delete_collection(collection_id)
    with pytest.raises(ConnectorNotFoundError):
        base.connectors.connector(connector.id)
    base.until(lambda: _rows(base.database, "connectors") == _rows(base.database, "connector_items") == 0)


def _rows(database: Database, table: str) -> int:
    with database.read() as session:
        return session.connection().exec_driver_sql(f"select count(*) from {table}").scalar_one()
