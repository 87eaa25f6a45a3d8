"""The life of a document version, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from corpus import submissions
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import (
    Block,
    BlockKind,
    Box,
    Chunk,
    CollectionId,
    Document,
    DocumentId,
    DocumentStatus,
    Progress,
    Reason,
    Region,
)
from corpus.duplicates import Duplicates
from corpus.errors import CollectionNotFoundError, ConflictError, DocumentNotFoundError, InvalidInputError
from corpus.submissions import Accepted, Upload
from corpus.versions import Standing, Step, VersionFacts, Versions

TEXT = "Leave\n\nEvery employee has 27 days of leave."


class Record:
    """Both halves of the record over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.catalog = Catalog(database)
        self.versions = Versions(database)
        self.collection = self.catalog.ensure_collection("hr")

    def accept(
        self,
        sha256: str = "a" * 64,
        path: str = "leave.md",
        duplicates_are: Duplicates = Duplicates.KEEP,
    ) -> tuple[Document, bool]:
        accepted = self.upload(sha256, path, duplicates_are)
        return accepted.document, accepted.is_new_version

    def upload(
        self, sha256: str, path: str, duplicates_are: Duplicates = Duplicates.MERGE, kind: str = "markdown"
    ) -> Accepted:
        upload = Upload(path=path, sha256=sha256, size_bytes=40, media_type=f"text/{kind}")
        with self.database.write() as transaction:
            return submissions.accept(transaction, self.collection, upload, duplicates_are=duplicates_are)

    def show(self, document: Document) -> Document:
        return self.catalog.document(document.id)

    def make_ready(self, document: Document) -> None:
        self.versions.claim(document.id, document.version)
        chunk = chunk_of(document.id, document.version)
        self.versions.store_version(document.id, document.version, facts(), [chunk])
        assert self.versions.publish(document.id, document.version)

    def delete(self, document_id: DocumentId) -> None:
        with self.database.write() as transaction:
            self.versions.deletions.tombstone(transaction, document_id)


def facts(*, warnings: tuple[str, ...] = ()) -> VersionFacts:
    blocks = (
        Block(kind=BlockKind.HEADING, start=0, end=5, heading_path=(), level=1),
        Block(kind=BlockKind.PARAGRAPH, start=7, end=len(TEXT), heading_path=("Leave",), page=1),
    )
    return VersionFacts(
        title="Leave policy", language="en", pages=1, text=TEXT, blocks=blocks, warnings=warnings
    )


def chunk_of(document_id: DocumentId, version: int) -> Chunk:
    region = Region(start=7, end=len(TEXT), box=Box(page=1, x0=0.1, y0=0.2, x1=0.9, y1=0.25))
    return Chunk(
        document_id=document_id,
        version=version,
        number=0,
        start=0,
        end=len(TEXT),
        text=TEXT,
        heading_path=("Leave",),
        page=1,
        regions=(region,),
        language="en",
        tokens=12,
        header="Kind | Days",
    )


@pytest.fixture
def record(database: Database) -> Record:
    return Record(database)


def test_a_new_upload_is_queued_as_version_one(record: Record) -> None:
    document, is_new = record.accept()
    assert is_new
    assert (document.status, document.version, document.active_version) == (DocumentStatus.QUEUED, 1, None)
    assert document.collection == "hr"


def test_the_same_bytes_under_the_same_path_change_nothing(record: Record) -> None:
    first, _ = record.accept()
    record.make_ready(first)
    again, is_new = record.accept()
    assert not is_new
    assert (again.id, again.version, again.status) == (first.id, 1, DocumentStatus.READY)


def test_changed_bytes_make_a_version_while_the_old_one_still_answers(record: Record) -> None:
    first, _ = record.accept()
    record.make_ready(first)
    second, is_new = record.accept(sha256="b" * 64)
    assert is_new
    assert (second.id, second.version, second.active_version) == (first.id, 2, 1)
    old = chunk_of(first.id, 1).point_id
    assert set(record.catalog.readable_chunks([old])) == {old}
    record.make_ready(second)
    assert record.catalog.readable_chunks([old]) == {}


def test_a_failed_upload_may_be_tried_again_with_the_same_bytes(record: Record) -> None:
    document, _ = record.accept()
    record.versions.claim(document.id, 1)
    record.versions.fail(document.id, 1, a_reason())
    again, is_new = record.accept()
    assert is_new
    assert (again.id, again.version, again.status) == (document.id, 2, DocumentStatus.QUEUED)
    assert again.reason is None


def test_only_a_published_version_is_readable(record: Record) -> None:
    document, _ = record.accept()
    point = chunk_of(document.id, 1).point_id
    record.versions.claim(document.id, 1)
    record.versions.store_version(document.id, 1, facts(), [chunk_of(document.id, 1)])
    assert record.catalog.readable_chunks([point]) == {}
    with pytest.raises(DocumentNotFoundError):
        record.catalog.text(document.id)
    record.versions.publish(document.id, 1)
    ((chunk, shown),) = record.catalog.readable_chunks([point]).values()
    assert chunk == chunk_of(document.id, 1)
    assert (shown.title, shown.status, shown.chunks, shown.pages) == (
        "Leave policy",
        DocumentStatus.READY,
        1,
        1,
    )
    text = record.catalog.text(document.id)
    assert text.text == TEXT
    assert text.blocks == facts().blocks


def test_storing_a_version_twice_keeps_one_copy(record: Record) -> None:
    document, _ = record.accept()
    record.versions.claim(document.id, 1)
    for _ in range(2):
        assert record.versions.store_version(document.id, 1, facts(), [chunk_of(document.id, 1)])
    assert record.versions.chunks(document.id, 1) == [chunk_of(document.id, 1)]


def test_warnings_of_the_parser_show_in_the_status(record: Record) -> None:
    document, _ = record.accept()
    record.versions.claim(document.id, 1)
    record.versions.store_version(document.id, 1, facts(warnings=("two pages are pictures",)), [])
    record.versions.publish(document.id, 1)
    ready = record.catalog.document(document.id)
    assert (ready.status, ready.warnings) == (
        DocumentStatus.READY_WITH_WARNINGS,
        ("two pages are pictures",),
    )


def test_each_claim_counts_as_an_attempt(record: Record) -> None:
    document, _ = record.accept()
    attempts = [record.versions.claim(document.id, 1) for _ in range(3)]
    assert [claimed.attempts for claimed in attempts if claimed] == [1, 2, 3]


def test_a_late_worker_of_an_old_version_changes_nothing(record: Record) -> None:
    document, _ = record.accept()
    record.accept(sha256="b" * 64)
    assert record.versions.claim(document.id, 1) is None
    assert not record.versions.store_version(document.id, 1, facts(), [chunk_of(document.id, 1)])
    assert not record.versions.publish(document.id, 1)
    record.versions.fail(document.id, 1, a_reason())
    assert record.catalog.document(document.id).status is DocumentStatus.QUEUED


def test_a_failure_keeps_its_reason_and_the_older_version(record: Record) -> None:
    document, _ = record.accept()
    record.make_ready(document)
    record.accept(sha256="b" * 64)
    record.versions.fail(document.id, 2, a_reason())
    failed = record.catalog.document(document.id)
    assert (failed.status, failed.reason, failed.active_version) == (DocumentStatus.FAILED, a_reason(), 1)
    assert record.catalog.readable_chunks([chunk_of(document.id, 1).point_id])


def test_a_deleted_document_is_gone_from_every_reading(record: Record) -> None:
    document, _ = record.accept()
    record.make_ready(document)
    record.delete(document.id)
    assert record.catalog.documents() == []
    assert record.catalog.readable_chunks([chunk_of(document.id, 1).point_id]) == {}
    assert record.catalog.collections()[0].documents == 0
    for read in (record.catalog.document, record.catalog.text):
        with pytest.raises(DocumentNotFoundError):
            read(document.id)
    with pytest.raises(DocumentNotFoundError):
        record.delete(document.id)


def test_a_path_is_free_again_after_deletion(record: Record) -> None:
    document, _ = record.accept()
    record.delete(document.id)
    again, is_new = record.accept()
    assert is_new
    assert again.id != document.id


def test_purging_removes_rows_and_bytes_nobody_else_uses(record: Record) -> None:
    gone: list[str] = []
    first, _ = record.accept(path="one.md")
    second, _ = record.accept(path="two.md")
    for document in (first, second):
        record.make_ready(document)
        record.delete(document.id)
        record.versions.deletions.purge(document.id, gone.append, vectors=1)
        record.versions.deletions.purge(document.id, gone.append, vectors=1)
    assert gone == ["a" * 64]
    assert record.versions.chunks(first.id, 1) == []


def test_purging_spares_a_document_that_is_not_deleted(record: Record) -> None:
    document, _ = record.accept()
    record.make_ready(document)
    record.versions.deletions.purge(document.id, lambda _: pytest.fail("bytes were removed"), vectors=1)
    assert record.catalog.document(document.id).status is DocumentStatus.READY


def test_a_retired_collection_frees_its_name_and_takes_no_more_uploads(record: Record) -> None:
    document, _ = record.accept()
    record.delete(document.id)
    record.versions.deletions.retire_collection(record.collection)
    assert record.catalog.collections() == []
    with pytest.raises(CollectionNotFoundError):
        record.accept()
    record.versions.deletions.purge(document.id, lambda _: None, vectors=1)
    assert record.catalog.ensure_collection("hr") != record.collection


def test_collections_have_one_owner_of_a_name(record: Record) -> None:
    with pytest.raises(ConflictError, match="already a collection 'hr'"):
        record.catalog.create_collection("hr")
    assert record.catalog.ensure_collection("hr") == record.collection


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb"])
def test_an_unusable_collection_name_is_refused(record: Record, name: str) -> None:
    with pytest.raises(InvalidInputError):
        record.catalog.create_collection(name)


def test_documents_are_listed_page_by_page(record: Record) -> None:
    expected = [record.accept(path=f"{number}.md")[0].id for number in range(5)]
    first = record.catalog.documents(collection_id=record.collection, limit=3)
    rest = record.catalog.documents(collection_id=record.collection, limit=3, after=first[-1].id)
    assert sorted(document.id for document in (*first, *rest)) == sorted(expected)
    assert record.catalog.documents(collection_id=CollectionId("col_other")) == []


def test_unknown_collections_are_named(record: Record) -> None:
    with pytest.raises(CollectionNotFoundError, match="'finance'"):
        record.catalog.collection_ids(["hr", "finance"])


def test_the_same_bytes_under_another_path_are_a_duplicate_of_the_first(record: Record) -> None:
    first = record.upload("a" * 64, "one.md").document
    second = record.upload("a" * 64, "two.md")
    assert not second.is_new_version
    shown = record.show(second.document)
    assert (shown.status, shown.duplicate_of) == (DocumentStatus.DUPLICATE, first.id)
    assert shown.reason is not None
    assert "'one.md'" in shown.reason.detail
    again = record.upload("a" * 64, "two.md")
    assert (again.document.id, again.is_new_version) == (shown.id, False)


def test_bytes_that_are_read_differently_or_elsewhere_are_no_duplicates(record: Record) -> None:
    record.upload("a" * 64, "one.md")
    assert record.upload("a" * 64, "one.txt", kind="plain").is_new_version
    assert record.upload("a" * 64, "two.md", Duplicates.KEEP).is_new_version
    record.collection = record.catalog.ensure_collection("it")
    assert record.upload("a" * 64, "one.md").is_new_version


def test_bytes_that_failed_before_are_tried_under_their_new_path(record: Record) -> None:
    failed = record.upload("a" * 64, "one.md").document
    record.versions.fail(failed.id, 1, a_reason())
    assert record.upload("a" * 64, "two.md").is_new_version


@pytest.mark.parametrize("loss", ["deleted", "changed"])
def test_a_duplicate_takes_the_place_of_a_first_that_loses_the_bytes(record: Record, loss: str) -> None:
    first = record.upload("a" * 64, "one.md").document
    second = record.upload("a" * 64, "two.md").document
    third = record.upload("a" * 64, "three.md").document
    if loss == "changed":
        heir = record.upload("b" * 64, "one.md").heir
    else:
        with record.database.write() as transaction:
            record.versions.deletions.tombstone(transaction, first.id)
            heir = submissions.promote_duplicate(transaction, first.id)
    assert heir is not None
    assert (heir.id, heir.status, heir.duplicate_of) == (second.id, DocumentStatus.QUEUED, None)
    assert record.show(third).duplicate_of == second.id


def test_the_duplicates_of_a_retired_collection_stay_what_they_are(record: Record) -> None:
    first = record.upload("a" * 64, "one.md").document
    record.upload("a" * 64, "two.md")
    record.versions.deletions.retire_collection(record.collection)
    with record.database.write() as transaction:
        record.versions.deletions.tombstone(transaction, first.id)
        assert submissions.promote_duplicate(transaction, first.id) is None


def test_a_moved_document_keeps_its_id_its_version_and_its_chunks(record: Record) -> None:
    document = record.upload("a" * 64, "old/leave.md").document
    record.make_ready(document)
    duplicate = record.upload("a" * 64, "new/leave.md").document
    with record.database.write() as transaction:
        moved = submissions.move(transaction, document.id, "new/leave.md")
    assert (moved.id, moved.path, moved.active_version) == (document.id, "new/leave.md", 1)
    assert moved.status is DocumentStatus.READY
    assert record.catalog.readable_chunks([chunk_of(document.id, 1).point_id])
    with pytest.raises(DocumentNotFoundError):
        record.show(duplicate)
    assert not record.upload("a" * 64, "new/leave.md").is_new_version


def test_a_document_is_not_moved_over_another(record: Record) -> None:
    document = record.upload("a" * 64, "one.md").document
    record.upload("b" * 64, "two.md")
    with pytest.raises(ConflictError, match=r"two\.md"), record.database.write() as transaction:
        submissions.move(transaction, document.id, "two.md")
    assert record.show(document).path == "one.md"


def test_a_file_of_an_unknown_kind_is_unsupported(record: Record) -> None:
    document, _ = record.accept()
    record.versions.claim(document.id, 1)
    record.versions.fail(document.id, 1, replace(a_reason(), code="unsupported_format"))
    assert record.show(document).status is DocumentStatus.UNSUPPORTED


def test_cancelling_ends_the_version_in_work_and_the_older_goes_on(record: Record) -> None:
    document, _ = record.accept()
    record.make_ready(document)
    record.accept(sha256="b" * 64)
    record.versions.claim(document.id, 2)
    with record.database.write() as transaction:
        cancelled = submissions.cancel(transaction, document.id)
    assert (cancelled.status, cancelled.active_version) == (DocumentStatus.CANCELLED, 1)
    assert cancelled.reason is not None
    assert (cancelled.reason.code, cancelled.reason.stage) == ("cancelled", "parsing")
    assert record.versions.standing(document.id, 2) is Standing.GONE
    assert not record.versions.store_version(document.id, 2, facts(), [])
    assert record.catalog.readable_chunks([chunk_of(document.id, 1).point_id])
    with pytest.raises(ConflictError), record.database.write() as transaction:
        submissions.cancel(transaction, document.id)


def test_what_failed_or_doubled_can_be_tried_again_and_what_is_ready_cannot(record: Record) -> None:
    ready = record.upload("a" * 64, "one.md").document
    record.make_ready(ready)
    duplicate = record.upload("a" * 64, "two.md").document
    failed = record.upload("b" * 64, "three.md").document
    record.versions.fail(failed.id, 1, a_reason())
    with record.database.write() as transaction:
        for document in (duplicate, failed):
            again = submissions.retry(transaction, document.id)
            assert (again.status, again.version, again.reason) == (DocumentStatus.QUEUED, 2, None)
    with pytest.raises(ConflictError), record.database.write() as transaction:
        submissions.retry(transaction, ready.id)


def test_a_reason_counts_the_attempts(record: Record) -> None:
    document, _ = record.accept()
    for _ in range(3):
        record.versions.claim(document.id, 1)
    record.versions.fail(document.id, 1, a_reason())
    reason = record.show(document).reason
    assert reason is not None
    assert reason.attempt == 3


def test_a_late_step_does_not_wake_what_has_ended(record: Record) -> None:
    document, _ = record.accept()
    record.versions.claim(document.id, 1)
    began = datetime.now(UTC)
    step = Step(
        document_id=document.id,
        version=1,
        status=DocumentStatus.EMBEDDING,
        chunks_done=30,
        stage_at=began,
        at=began + timedelta(seconds=10),
    )
    record.versions.store_version(document.id, 1, facts(), [chunk_of(document.id, 1)])
    record.versions.record_steps([step])
    shown = record.show(document)
    assert (shown.status, shown.progress.chunks_done) == (DocumentStatus.EMBEDDING, 30)
    record.versions.publish(document.id, 1)
    record.versions.record_steps([step])
    assert record.show(document).status is DocumentStatus.READY


@pytest.mark.parametrize(("done", "eta"), [(0, None), (25, 30.0), (100, 0.0)])
def test_the_time_left_follows_from_the_speed_so_far(done: int, eta: float | None) -> None:
    began = datetime(2026, 11, 24, tzinfo=UTC)
    progress = Progress(
        chunks_done=done, chunks_total=100, stage_at=began, stepped_at=began + timedelta(seconds=10)
    )
    assert progress.eta_seconds == eta


def test_standing_still_is_a_stall_but_waiting_in_a_moving_queue_is_none(record: Record) -> None:
    waiting, _ = record.accept(path="one.md")
    working, _ = record.accept(path="two.md", sha256="b" * 64)
    record.versions.claim(working.id, 1)
    patient = Catalog(record.database, timedelta(hours=1))
    hasty = Catalog(record.database, timedelta(0))
    assert patient.stalled_documents() == []
    assert hasty.stalled_documents() == [waiting.id, working.id]
    assert hasty.document(working.id).is_stalled
    with record.database.write() as transaction:
        record.catalog.set_paused(transaction, record.collection, is_paused=True)
    assert hasty.stalled_documents() == [working.id]


def test_a_deletion_is_recorded_and_verified(record: Record) -> None:
    document, _ = record.accept()
    record.make_ready(document)
    record.delete(document.id)
    requested = record.versions.deletions.record(document.id)
    assert (requested.path, requested.collection, requested.verified_at) == ("leave.md", "hr", None)
    record.versions.deletions.purge(document.id, lambda _: None, vectors=1)
    done = record.versions.deletions.record(document.id)
    assert (done.chunks, done.vectors, done.blobs) == (1, 1, 1)
    assert done.verified_at is not None
    assert record.versions.deletions.records(collection="hr") == [done]
    with pytest.raises(DocumentNotFoundError):
        record.versions.deletions.record(DocumentId("doc_unknown"))


def test_bytes_go_with_the_last_version_that_had_them(record: Record) -> None:
    gone: list[str] = []
    document, _ = record.accept()
    record.make_ready(document)
    changed, _ = record.accept(sha256="b" * 64)
    record.versions.deletions.release("a" * 64, gone.append)
    assert gone == []
    record.make_ready(changed)
    record.versions.deletions.drop_versions_before(document.id, 2, gone.append)
    assert gone == ["a" * 64]


def a_reason() -> Reason:
    return Reason(
        code="corrupt",
        title="File is damaged",
        detail="'leave.md' cannot be opened.",
        action="Upload it again.",
        retryable=False,
        stage="parsing",
        attempt=1,
        at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    )
