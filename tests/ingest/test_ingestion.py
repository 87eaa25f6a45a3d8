"""From upload to search through the real job queue, on SQLite and on PostgreSQL."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import Chunk, CollectionId, Document, DocumentStatus
from corpus.errors import CollectionNotFoundError, InvalidInputError, UnavailableError
from corpus.versions import Versions
from ingest.chunking import Chunker
from ingest.intake import Intake
from ingest.isolation import ParserSandbox
from ingest.jobs import Jobs, JobsSettings
from ingest.pipeline import Pipeline
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.indexing import Indexer
from retrieval.passages import Passage, Query
from retrieval.retriever import Retriever

LEAVE = b"# Leave\n\nEvery employee has 27 days of paid leave a year.\n"
TRAVEL = b"# Travel\n\nA hotel night may cost up to 140 euros.\n"


class CountingIndexer:
    """The real indexer, counting what is embedded and failing when told to."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self.embedded = 0
        self.failures: list[Exception] = []

    def index(self, chunks: Sequence[Chunk], *, collection_id: CollectionId, title: str) -> None:
        if self.failures:
            raise self.failures.pop()
        self.embedded += len(chunks)
        self._indexer.index(chunks, collection_id=collection_id, title=title)


class KnowledgeBase:
    def __init__(
        self, database: Database, folder: Path, sandbox: ParserSandbox, embedder: MiniLmEmbedder
    ) -> None:
        self.catalog, self.versions = Catalog(database), Versions(database)
        self.blobs = LocalBlobs(folder / "blobs")
        self.index = QdrantEdgeIndex(folder / "index", dimension=embedder.dimension)
        self.indexer = CountingIndexer(Indexer(self.index, embedder))
        pipeline = Pipeline(
            self.catalog, self.versions, self.blobs, sandbox, Chunker(embedder), self.indexer, self.index
        )
        self.jobs = Jobs(database, pipeline, JobsSettings(poll_seconds=0.05, step_attempts=2))
        self.intake = Intake(database, self.catalog, self.versions, self.blobs, self.jobs)
        self.retriever = Retriever(self.index, embedder, self.catalog)

    def add(self, *files: tuple[str, bytes], collection: str = "hr") -> list[Document]:
        accepted = self.intake.add(collection, [(name, io.BytesIO(content)) for name, content in files])
        self.until(lambda: all(self.catalog.document(each.id).status.is_final for each in accepted))
        return [self.catalog.document(each.id) for each in accepted]

    def search(self, text: str, collection: str = "hr") -> list[Passage]:
        query = Query(text=text, collections=self.catalog.collection_ids([collection]), limit=5)
        return self.retriever.retrieve(query)

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, "it did not happen within a minute"
            time.sleep(0.02)


@pytest.fixture
def base(
    database: Database, tmp_path: Path, sandbox: ParserSandbox, embedder: MiniLmEmbedder
) -> Iterator[KnowledgeBase]:
    opened = KnowledgeBase(database, tmp_path, sandbox, embedder)
    opened.jobs.open(worker=True, only_owner=True)
    yield opened
    opened.jobs.stop()
    opened.index.close()


def test_an_uploaded_document_is_found(base: KnowledgeBase) -> None:
    (document,) = base.add(("policies/leave.md", LEAVE))
    assert (document.status, document.chunks, document.title) == (DocumentStatus.READY, 1, "Leave")
    (passage,) = base.search("How much leave do I have?")
    assert "27 days" in passage.chunk.text
    assert (passage.path, passage.collection) == ("policies/leave.md", "hr")
    assert base.index.count() == 1


def test_the_same_files_again_embed_nothing(base: KnowledgeBase) -> None:
    files = (("leave.md", LEAVE), ("travel.md", TRAVEL))
    first = base.add(*files)
    embedded = base.indexer.embedded
    assert base.add(*files) == first
    assert base.indexer.embedded == embedded == base.index.count()


def test_a_changed_file_replaces_what_it_said(base: KnowledgeBase) -> None:
    (first,) = base.add(("leave.md", LEAVE))
    (second,) = base.add(("leave.md", LEAVE.replace(b"27", b"30")))
    assert (second.id, second.version, second.active_version) == (first.id, 2, 2)
    assert ["30 days" in passage.chunk.text for passage in base.search("days of leave")] == [True]
    base.until(lambda: base.index.count() == 1)
    assert base.versions.chunks(first.id, 1) == []


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.txt", b"", "empty"),
        ("blank.md", b"  \n\n ", "empty"),
        ("broken.pdf", b"%PDF-1.7\nnothing of a PDF", "corrupt"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "unsupported_format"),
        ("broken.docx", b"PK\x03\x04" + bytes(60), "corrupt"),
        ("broken.zip", b"PK\x03\x04" + bytes(60), "corrupt"),
    ],
)
def test_a_file_that_cannot_be_read_fails_alone_and_says_why(
    base: KnowledgeBase, name: str, content: bytes, code: str
) -> None:
    bad, good = base.add((name, content), ("leave.md", LEAVE))
    assert good.status is DocumentStatus.READY
    assert bad.status is DocumentStatus.FAILED
    assert bad.reason is not None
    assert bad.reason.code == code
    assert bad.reason.action
    assert name in bad.reason.detail


def test_an_archive_becomes_a_document_per_member(base: KnowledgeBase) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("hr/leave.md", LEAVE)
        archive.writestr("../../travel.md", TRAVEL)
        archive.writestr("__MACOSX/hr/._leave.md", b"junk")
    documents = base.add(("policies.zip", packed.getvalue()))
    assert [document.path for document in documents] == [
        "policies.zip/hr/leave.md",
        "policies.zip/travel.md",
    ]
    assert all(document.status is DocumentStatus.READY for document in documents)


def test_an_empty_archive_fails_with_a_reason(base: KnowledgeBase) -> None:
    packed = io.BytesIO()
    zipfile.ZipFile(packed, "w").close()
    (document,) = base.add(("nothing.zip", packed.getvalue()))
    assert document.reason is not None
    assert document.reason.code == "empty"


def test_a_deleted_document_is_gone_at_once_and_its_copies_soon(base: KnowledgeBase) -> None:
    gone, kept = base.add(("leave.md", LEAVE), ("travel.md", TRAVEL))
    base.intake.delete(gone.id)
    assert [passage.path for passage in base.search("days of leave")] == ["travel.md"]
    base.until(lambda: not base.catalog.is_kept(gone.id))
    assert base.index.count(gone.id) == 0
    assert base.index.count(kept.id) == 1
    with pytest.raises(FileNotFoundError):
        base.blobs.path(gone.sha256)


def test_deleting_a_collection_deletes_its_documents_only(base: KnowledgeBase) -> None:
    base.add(("leave.md", LEAVE), collection="old")
    base.add(("leave.md", LEAVE), collection="new")
    (old,) = base.catalog.collection_ids(["old"])
    base.intake.delete_collection(old)
    with pytest.raises(CollectionNotFoundError):
        base.search("leave", collection="old")
    assert len(base.search("leave", collection="new")) == 1
    base.until(lambda: base.index.count() == 1)


def test_a_passing_outage_of_the_index_delays_but_fails_nothing(base: KnowledgeBase) -> None:
    base.indexer.failures = [UnavailableError("The index is away.")]
    (document,) = base.add(("leave.md", LEAVE))
    assert document.status is DocumentStatus.READY


def test_an_unforeseen_error_ends_the_document_not_the_worker(
    base: KnowledgeBase, caplog: pytest.LogCaptureFixture
) -> None:
    base.indexer.failures = [ValueError("secret detail")]
    (bad,) = base.add(("leave.md", LEAVE))
    (good,) = base.add(("travel.md", TRAVEL))
    assert bad.status is DocumentStatus.FAILED
    assert bad.reason is not None
    assert "secret" not in bad.reason.detail
    assert "secret detail" in caplog.text
    assert good.status is DocumentStatus.READY


def test_a_failed_file_uploaded_again_is_tried_again(base: KnowledgeBase) -> None:
    base.indexer.failures = [ValueError("once")]
    (failed,) = base.add(("leave.md", LEAVE))
    (again,) = base.add(("leave.md", LEAVE))
    assert failed.id == again.id
    assert again.status is DocumentStatus.READY


def test_a_nameless_file_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(InvalidInputError, match="file name"):
        base.add(("../..", LEAVE))


def test_what_a_stopped_worker_left_goes_on_with_the_next(base: KnowledgeBase, database: Database) -> None:
    base.jobs.stop()
    base.jobs.open(worker=False, only_owner=True)
    accepted = base.intake.add("hr", [(f"{number}.md", io.BytesIO(LEAVE)) for number in range(5)])
    assert {base.catalog.document(each.id).status for each in accepted} == {DocumentStatus.QUEUED}
    base.jobs.stop()
    base.jobs.open(worker=True, only_owner=True)
    base.until(lambda: all(base.catalog.document(each.id).status.is_ready for each in accepted))
    assert base.index.count() == 5
