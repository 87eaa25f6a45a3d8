"""Another index beside the one that answers: built, switched to, cancelled, on both databases."""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import Document
from corpus.errors import ConflictError, UnavailableError
from corpus.generations import Generation, Generations
from corpus.versions import Versions
from ingest import rebuilding
from ingest.chunking import Chunker, ChunkingSettings
from ingest.generations import OpenGeneration, OpenGenerations
from ingest.intake import Intake
from ingest.isolation import ParserSandbox
from ingest.jobs import Jobs, JobsSettings
from ingest.pipeline import Pipeline
from ingest.rebuilding import Rebuilding, Recipe, Reindexing
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import Embedder, Vectors
from retrieval.indexing import Indexer
from retrieval.passages import Passage, Query
from retrieval.retriever import CurrentRetriever
from retrieval.truncation import TruncatedEmbedder

LARGE = Recipe(name="large", parts={"dimension": 384, "max_tokens": 256})
SMALL = Recipe(name="small", parts={"dimension": 128, "max_tokens": 48})
LEAVE = "# Leave\n\n" + "\n\n".join(
    f"Whoever has worked here for {years} years has {20 + years} days of paid leave in each calendar year."
    for years in range(1, 13)
)
TRAVEL = "# Travel\n\nA hotel night may cost up to 140 euros.\n"


class HeldEmbedder:
    """The real one, which can be held up and made to fail."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.model, self.max_tokens = embedder.model, embedder.max_tokens
        self.dimension = embedder.dimension
        self.started, self.may_go_on = Event(), Event()
        self.may_go_on.set()
        self.failures: list[Exception] = []

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return self._embedder.token_offsets(text)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.started.set()
        assert self.may_go_on.wait(60)
        if self.failures:
            raise self.failures.pop()
        return self._embedder.embed_documents(texts)

    def embed_query(self, text: str) -> Vectors:
        return self._embedder.embed_query(text)


class Base:
    def __init__(self, database: Database, folder: Path, sandbox: ParserSandbox, embedder: Embedder) -> None:
        self.database, self.folder = database, folder
        self.catalog, self.versions = Catalog(database), Versions(database)
        self.record = Generations(database)
        self.record.ensure(LARGE.name, LARGE.parts)
        self.embedder = HeldEmbedder(TruncatedEmbedder(embedder, 128))
        self._whole = embedder
        self.generations = OpenGenerations(self.record, self._open)
        blobs = LocalBlobs(folder / "blobs")
        pipeline = Pipeline(self.catalog, self.versions, blobs, sandbox, self.generations)
        self.jobs = Jobs(
            database, pipeline, JobsSettings(poll_seconds=0.05, delete_poll_seconds=0.05, step_attempts=2)
        )
        self.jobs.use_rebuilding(Rebuilding(self.catalog, self.versions, self.record, self.generations))
        self.intake = Intake(database, self.catalog, self.versions, blobs, self.jobs)
        self.retriever = CurrentRetriever(self.generations.active, self.catalog)

    def _open(self, generation: Generation) -> OpenGeneration:
        used: Embedder = self._whole if generation.name == LARGE.name else self.embedder
        index = QdrantEdgeIndex(self.folder / "index" / generation.name, dimension=used.dimension)
        settings = ChunkingSettings(max_tokens=generation.recipe["max_tokens"], min_tokens=1)
        return OpenGeneration(
            number=generation.number,
            chunker=Chunker(used, settings),
            embedder=used,
            indexer=Indexer(index, used),
            index=index,
        )

    def reindexing(self, recipe: Recipe = SMALL) -> Reindexing:
        return Reindexing(self.database, self.record, self.jobs, recipe)

    def add(self, path: str, text: str) -> Document:
        document = self.accept(path, text)
        self.until(lambda: self.catalog.document(document.id).status.is_final)
        return self.catalog.document(document.id)

    def accept(self, path: str, text: str) -> Document:
        (document,) = self.intake.add("hr", [(path, io.BytesIO(text.encode()))])
        return document

    def search(self, text: str) -> list[Passage]:
        return self.retriever.retrieve(
            Query(text=text, collections=self.catalog.collection_ids(["hr"]), limit=3)
        )

    def folders(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "index").iterdir())

    def settled(self) -> bool:
        return [each.status.value for each in self.record.all()] == ["active"]

    def until(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, "it did not happen within a minute"
            time.sleep(0.02)


@pytest.fixture
def base(
    database: Database,
    tmp_path: Path,
    sandbox: ParserSandbox,
    embedder: MiniLmEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Base]:
    monkeypatch.setattr(rebuilding, "SETTLE_SECONDS", 0.2)
    opened = Base(database, tmp_path, sandbox, embedder)
    opened.jobs.open(worker=True, only_owner=True)
    yield opened
    opened.embedder.may_go_on.set()
    opened.jobs.stop()
    opened.generations.close()


def test_the_new_index_answers_alone_once_it_is_complete(base: Base) -> None:
    before = [base.add("leave.md", LEAVE), base.add("travel.md", TRAVEL)]
    text = base.catalog.text(before[0].id)
    base.reindexing().begin()
    base.until(base.settled)
    assert base.reindexing().state().answering == SMALL.name
    assert base.folders() == [SMALL.name]
    after = [base.catalog.document(each.id) for each in before]
    assert [each.active_version for each in after] == [1, 1]
    assert after[0].chunks > before[0].chunks
    assert base.generations.active().index.count() == sum(each.chunks for each in after)
    (first, *_) = base.search("How much leave after 7 years?")
    chunk = first.chunk
    assert "7 years" in chunk.text
    assert (chunk.generation, chunk.text) == (2, text.text[chunk.start : chunk.end])


def test_the_old_index_answers_until_then(base: Base) -> None:
    base.add("leave.md", LEAVE)
    base.embedder.may_go_on.clear()
    base.reindexing().begin()
    assert base.embedder.started.wait(30)
    state = base.reindexing().state()
    assert (state.answering, state.is_current) == (LARGE.name, False)
    assert state.building is not None
    assert (state.building.documents_done, state.building.documents_total) == (0, 1)
    (first, *_) = base.search("How much leave after 7 years?")
    assert first.chunk.generation == 1


def test_what_is_uploaded_changed_and_deleted_meanwhile_is_as_it_should_be(base: Base) -> None:
    base.add("leave.md", LEAVE)
    changed, doomed = base.add("travel.md", TRAVEL), base.add("doomed.md", "A doomed rule about parking.")
    base.embedder.may_go_on.clear()
    base.reindexing().begin()
    assert base.embedder.started.wait(30)
    base.add("new.md", "Tea is free on every floor.")
    base.add("travel.md", TRAVEL.replace("140", "160"))
    base.intake.delete(doomed.id)
    base.embedder.may_go_on.set()
    base.until(base.settled)
    base.until(lambda: not base.catalog.is_kept(doomed.id))
    assert ["160 euros" in each.chunk.text for each in base.search("What may a hotel night cost?")][:1] == [
        True
    ]
    assert "Tea" in base.search("Is tea free?")[0].chunk.text
    assert not any("parking" in each.chunk.text for each in base.search("doomed rule about parking"))
    assert base.catalog.document(changed.id).active_version == 2
    published = sum(each.chunks for each in base.catalog.documents())
    assert base.generations.active().index.count() == published


def test_a_version_in_work_at_the_switch_is_prepared_again(base: Base) -> None:
    """The switch does not wait for it, and it must not be published in the index that goes."""
    number = base.record.ensure(LARGE.name, LARGE.parts).number
    document = base.add("leave.md", LEAVE)
    base.reindexing().begin()
    base.until(base.settled)
    assert not base.versions.publish(document.id, 1, generation=number)
    added = base.add("travel.md", TRAVEL)
    assert added.status.is_ready
    assert {each.generation for each in base.versions.chunks(added.id, 1, generation=2)} == {2}


def test_cancelling_leaves_nothing_of_it(base: Base) -> None:
    document = base.add("leave.md", LEAVE)
    base.embedder.may_go_on.clear()
    base.reindexing().begin()
    assert base.embedder.started.wait(30)
    base.reindexing().cancel()
    base.embedder.may_go_on.set()
    base.until(base.settled)
    base.until(lambda: base.folders() == [LARGE.name])
    assert base.versions.chunks(document.id, 1, generation=2) == []
    assert base.catalog.document(document.id).chunks == document.chunks
    assert base.search("How much leave after 7 years?")
    base.reindexing().begin()
    base.until(lambda: base.reindexing().state().is_current)


def test_a_build_that_fails_says_why_and_goes_on_when_begun_again(base: Base) -> None:
    base.add("leave.md", LEAVE)
    base.embedder.failures = [UnavailableError("The embedder is away.")] * 2
    base.reindexing().begin()
    base.until(lambda: (building := base.reindexing().state().building) and building.problem)
    building = base.reindexing().state().building
    assert building is not None
    assert building.problem is not None
    assert "The embedder is away." in building.problem
    assert base.search("How much leave after 7 years?")
    base.reindexing().begin()
    base.until(lambda: base.reindexing().state().is_current)


def test_only_one_is_built_at_a_time(base: Base) -> None:
    base.add("leave.md", LEAVE)
    base.embedder.may_go_on.clear()
    base.reindexing().begin()
    with pytest.raises(ConflictError, match="being built"):
        base.reindexing(Recipe(name="other", parts={"dimension": 128, "max_tokens": 99})).begin()


def test_the_index_of_the_present_settings_is_not_built_again(base: Base) -> None:
    with pytest.raises(ConflictError, match="already"):
        base.reindexing(LARGE).begin()
    with pytest.raises(ConflictError, match="No index is being built"):
        base.reindexing().cancel()


def test_a_restart_goes_on_where_it_was(base: Base) -> None:
    base.add("leave.md", LEAVE)
    base.add("travel.md", TRAVEL)
    base.jobs.stop()
    base.jobs.open(worker=False, only_owner=True)
    base.reindexing().begin()
    base.jobs.stop()
    base.jobs.open(worker=True, only_owner=True)
    base.until(base.settled)
    assert base.reindexing().state().is_current
