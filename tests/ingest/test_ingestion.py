"""From upload to search through the real job queue, on SQLite and on PostgreSQL."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event

import pytest

from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import Chunk, CollectionId, Document, DocumentStatus
from corpus.duplicates import Duplicates
from corpus.errors import CollectionNotFoundError, ConflictError, InvalidInputError, UnavailableError
from corpus.generations import Generations
from corpus.versions import Versions
from ingest.chunking import Chunker
from ingest.control import IngestControl
from ingest.generations import OpenGeneration, OpenGenerations
from ingest.intake import Intake
from ingest.isolation import ParserSandbox
from ingest.jobs import Jobs, JobsSettings
from ingest.pipeline import Pipeline
from ingest.sweeper import Sweeper
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import embedded_chunk_text
from retrieval.indexing import NOTHING_EMBEDDED, Indexer
from retrieval.passages import Passage, Query
from retrieval.retriever import Retriever

AT_A_TIME = JobsSettings().concurrency
LEAVE = b"# Leave\n\nEvery employee has 27 days of paid leave a year.\n"
TRAVEL = b"# Travel\n\nA hotel night may cost up to 140 euros.\n"


class CountingIndexer:
    """The real indexer, counting what is embedded and failing when told to."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self.embedded = self.reused = 0
        self.started, self.may_go_on = Event(), Event()
        self.may_go_on.set()
        self.failures: list[Exception] = []

    def index(
        self,
        chunks: Sequence[Chunk],
        *,
        collection_id: CollectionId,
        title: str,
        embedded: Mapping[str, str] = NOTHING_EMBEDDED,
    ) -> None:
        if self.failures:
            raise self.failures.pop()
        self.embedded += len(chunks)
        self.reused += sum(embedded_chunk_text(chunk, title) in embedded for chunk in chunks)
        self.started.set()
        assert self.may_go_on.wait(60)
        self._indexer.index(chunks, collection_id=collection_id, title=title, embedded=embedded)


class KnowledgeBase:
    def __init__(
        self, database: Database, folder: Path, sandbox: ParserSandbox, embedder: MiniLmEmbedder
    ) -> None:
        self.catalog, self.versions = Catalog(database), Versions(database)
        self.blobs = LocalBlobs(folder / "blobs")
        self.embedder = embedder
        self.index = QdrantEdgeIndex(folder / "index", dimension=embedder.dimension)
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
        pipeline = Pipeline(
            self.catalog, self.versions, self.blobs, sandbox, OpenGenerations(record, lambda _: opened)
        )
        self.jobs = Jobs(database, pipeline, JobsSettings(poll_seconds=0.05, step_attempts=2))
        self.intake = Intake(database, self.catalog, self.versions, self.blobs, self.jobs)
        self.control = IngestControl(database, self.catalog, self.jobs)
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
    accepted = base.intake.add(
        "hr", [(f"{number}.md", io.BytesIO(LEAVE + b"%d" % number)) for number in range(5)]
    )
    assert {base.catalog.document(each.id).status for each in accepted} == {DocumentStatus.QUEUED}
    base.jobs.stop()
    base.jobs.open(worker=True, only_owner=True)
    base.until(lambda: all(base.catalog.document(each.id).status.is_ready for each in accepted))
    assert base.index.count() == 5


PARAGRAPHS = [
    f"Rule {number} says that pump {number * 7} runs {number} hours a day. " * 12 for number in range(8)
]


def handbook(paragraphs: Sequence[str]) -> bytes:
    return ("# Pumps\n\n" + "\n\n".join(paragraphs)).encode()


def test_of_a_changed_document_only_new_chunks_are_embedded(base: KnowledgeBase) -> None:
    (first,) = base.add(("pumps.md", handbook(PARAGRAPHS)))
    assert first.chunks >= 6
    changed = [*PARAGRAPHS[:-1], "The last rule is another one: valves are closed at night."]
    (second,) = base.add(("pumps.md", handbook(changed)))
    assert second.active_version == 2
    assert first.chunks - 2 <= base.indexer.reused < second.chunks
    assert "valves" in base.search("When are valves closed?")[0].chunk.text
    old = {chunk.text: chunk.point_id for chunk in base.versions.chunks(first.id, 2)}
    vectors = base.index.vectors(list(old.values()))
    assert len(vectors) == second.chunks
    again = base.embedder.embed_documents(
        [embedded_chunk_text(chunk, "Pumps") for chunk in base.versions.chunks(first.id, 2)]
    )
    for chunk, vector in zip(base.versions.chunks(first.id, 2), again, strict=True):
        assert float(vectors[chunk.point_id] @ vector) > 0.999


def test_the_old_version_answers_until_the_new_one_is_published(base: KnowledgeBase) -> None:
    base.add(("leave.md", LEAVE))
    base.indexer.may_go_on.clear()
    base.indexer.started.clear()
    (accepted,) = base.intake.add("hr", [("leave.md", io.BytesIO(LEAVE.replace(b"27", b"30")))])
    assert base.indexer.started.wait(60)
    assert ["27 days" in passage.chunk.text for passage in base.search("days of leave")] == [True]
    base.indexer.may_go_on.set()
    base.until(lambda: base.catalog.document(accepted.id).status.is_ready)
    assert ["30 days" in passage.chunk.text for passage in base.search("days of leave")] == [True]


def test_a_file_type_that_cannot_be_read_is_unsupported(base: KnowledgeBase) -> None:
    (bad,) = base.add(("photo.bin", b"\x00\x01\x02\x03" * 100))
    assert bad.status is DocumentStatus.UNSUPPORTED
    assert bad.reason is not None
    assert bad.reason.code == "unsupported_format"


def test_a_duplicate_embeds_nothing_and_takes_over_when_the_first_is_deleted(base: KnowledgeBase) -> None:
    first, second = base.add(("leave.md", LEAVE), ("copy/leave.md", LEAVE))
    assert (second.status, second.duplicate_of) == (DocumentStatus.DUPLICATE, first.id)
    assert [passage.path for passage in base.search("days of leave")] == ["leave.md"]
    base.intake.delete(first.id)
    base.until(lambda: base.catalog.document(second.id).status.is_ready)
    assert [passage.path for passage in base.search("days of leave")] == ["copy/leave.md"]
    assert base.blobs.path(second.sha256).exists()


def test_kept_duplicates_are_found_under_both_paths(base: KnowledgeBase) -> None:
    files = [(name, io.BytesIO(LEAVE)) for name in ("one.md", "two.md")]
    accepted = base.intake.add("hr", files, duplicates_are=Duplicates.KEEP)
    base.until(lambda: all(base.catalog.document(each.id).status.is_ready for each in accepted))
    assert {passage.path for passage in base.search("days of leave")} == {"one.md", "two.md"}


def test_a_cancelled_document_leaves_nothing_and_can_be_tried_again(base: KnowledgeBase) -> None:
    base.indexer.may_go_on.clear()
    (accepted,) = base.intake.add("hr", [("leave.md", io.BytesIO(LEAVE))])
    assert base.indexer.started.wait(60)
    assert base.control.cancel(accepted.id).status is DocumentStatus.CANCELLED
    base.indexer.may_go_on.set()
    base.until(lambda: base.jobs.is_idle)
    assert base.index.count() == 0
    assert base.versions.chunks(accepted.id, 1) == []
    assert base.search("days of leave") == []
    with pytest.raises(ConflictError, match="cancelled"):
        base.control.cancel(accepted.id)
    base.control.retry(accepted.id)
    base.until(lambda: base.catalog.document(accepted.id).status.is_ready)
    assert len(base.search("days of leave")) == 1


def test_all_failed_documents_of_a_collection_are_tried_again(base: KnowledgeBase) -> None:
    base.indexer.failures = [ValueError("one"), ValueError("two")]
    files = (("leave.md", LEAVE), ("travel.md", TRAVEL), ("broken.pdf", b"%PDF-1.7\n"))
    failed = base.add(*files)
    assert {each.status for each in failed} == {DocumentStatus.FAILED}
    assert {each.reason.stage for each in failed if each.reason} == {"embedding", "parsing"}
    assert base.control.retry_failed(failed[0].collection_id) == 3
    base.until(lambda: all(base.catalog.document(each.id).status.is_final for each in failed))
    statuses = [base.catalog.document(each.id).status for each in failed]
    assert statuses == [DocumentStatus.READY, DocumentStatus.READY, DocumentStatus.FAILED]


def test_finished_jobs_are_forgotten_and_their_documents_are_not(
    base: KnowledgeBase, database: Database
) -> None:
    (document,) = base.add(("leave.md", LEAVE))
    base.until(lambda: base.jobs.is_idle)
    sweeper = Sweeper(database, "tidier", frozenset, lease_seconds=30, grace_seconds=30)
    assert sweeper.forget_finished() == 0
    assert sweeper.forget_finished(kept_seconds=-1) == 1
    assert sweeper.forget_finished(kept_seconds=-1) == 0
    assert base.search("leave")[0].path == "leave.md"
    assert base.add(("leave.md", LEAVE)) == [document]
    assert base.add(("leave.md", TRAVEL))[0].active_version == 2


def test_a_paused_collection_waits_and_others_go_on(base: KnowledgeBase) -> None:
    paused = base.catalog.ensure_collection("paused")
    base.control.pause([paused])
    (waiting,) = base.intake.add("paused", [("leave.md", io.BytesIO(LEAVE))])
    (other,) = base.add(("travel.md", TRAVEL))
    assert other.status is DocumentStatus.READY
    assert base.catalog.document(waiting.id).status is DocumentStatus.QUEUED
    base.control.resume([paused])
    base.until(lambda: base.catalog.document(waiting.id).status.is_ready)


def test_pausing_holds_back_what_is_queued_already(base: KnowledgeBase) -> None:
    base.jobs.stop()
    base.jobs.open(worker=False, only_owner=True)
    accepted = base.intake.add("hr", [(f"{n}.md", io.BytesIO(LEAVE + b"%d" % n)) for n in range(3)])
    base.control.pause([accepted[0].collection_id])
    base.jobs.stop()
    base.jobs.open(worker=True, only_owner=True)
    base.add(("travel.md", TRAVEL), collection="other")
    assert {base.catalog.document(each.id).status for each in accepted} == {DocumentStatus.QUEUED}
    base.control.resume([accepted[0].collection_id])
    base.until(lambda: all(base.catalog.document(each.id).status.is_ready for each in accepted))


def test_a_small_upload_overtakes_a_large_one_of_the_same_collection(base: KnowledgeBase) -> None:
    base.jobs.stop()
    base.jobs.open(worker=False, only_owner=True)
    bulk = base.intake.add("hr", [(f"{n}.md", io.BytesIO(LEAVE + b"%d" % n)) for n in range(3 * AT_A_TIME)])
    (urgent,) = base.intake.add("hr", [("travel.md", io.BytesIO(TRAVEL))])
    base.jobs.stop()
    base.jobs.open(worker=True, only_owner=True)
    base.until(lambda: base.catalog.document(urgent.id).status.is_ready)
    base.until(lambda: all(base.catalog.document(each.id).status.is_ready for each in bulk))
    finished = sorted((base.catalog.document(each.id).updated_at, each.id) for each in (*bulk, urgent))
    # It was among the first to be taken up; as many again may have been quicker at the end.
    assert urgent.id in [each for _, each in finished[: 2 * AT_A_TIME]]


def test_a_deletion_is_proved_by_count(base: KnowledgeBase) -> None:
    (document,) = base.add(("pumps.md", handbook(PARAGRAPHS)))
    base.intake.delete(document.id)
    base.until(lambda: base.versions.deletions.record(document.id).verified_at is not None)
    record = base.versions.deletions.record(document.id)
    assert (record.chunks, record.vectors, record.blobs) == (document.chunks, document.chunks, 1)
    assert base.index.count() == 0
    assert list(base.blobs.stored()) == []


def test_an_archive_and_a_replaced_file_leave_no_bytes_behind(base: KnowledgeBase) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("leave.md", LEAVE)
    base.add(("policies.zip", packed.getvalue()), ("travel.md", TRAVEL))
    (changed,) = base.add(("travel.md", TRAVEL.replace(b"140", b"150")))
    base.until(lambda: len(list(base.blobs.stored())) == 2)
    assert base.blobs.has(changed.sha256)


def test_deleted_while_it_is_embedded_nothing_is_left(base: KnowledgeBase) -> None:
    base.indexer.may_go_on.clear()
    (accepted,) = base.intake.add("hr", [("leave.md", io.BytesIO(LEAVE))])
    assert base.indexer.started.wait(60)
    base.intake.delete(accepted.id)
    base.until(lambda: not base.catalog.is_kept(accepted.id))
    base.indexer.may_go_on.set()
    base.until(lambda: base.jobs.is_idle)
    assert base.index.count() == 0
