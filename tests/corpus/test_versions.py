"""The life of a document version, on SQLite and on PostgreSQL."""

from datetime import UTC, datetime

import pytest

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
    Reason,
    Region,
)
from corpus.errors import CollectionNotFoundError, ConflictError, DocumentNotFoundError, InvalidInputError
from corpus.versions import Upload, VersionFacts, Versions

TEXT = "Leave\n\nEvery employee has 27 days of leave."


class Record:
    """Both halves of the record over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.catalog = Catalog(database)
        self.versions = Versions(database)
        self.collection = self.catalog.ensure_collection("hr")

    def accept(self, sha256: str = "a" * 64, path: str = "leave.md") -> tuple[Document, bool]:
        upload = Upload(path=path, sha256=sha256, size_bytes=40, media_type="text/markdown")
        with self.database.write() as transaction:
            accepted = self.versions.accept(transaction, self.collection, upload)
        return accepted.document, accepted.is_new_version

    def make_ready(self, document: Document) -> None:
        self.versions.claim(document.id, document.version)
        chunk = chunk_of(document.id, document.version)
        self.versions.store_version(document.id, document.version, facts(), [chunk])
        assert self.versions.publish(document.id, document.version)

    def delete(self, document_id: DocumentId) -> None:
        with self.database.write() as transaction:
            self.versions.tombstone(transaction, document_id)


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
        record.versions.purge(document.id, gone.append)
        record.versions.purge(document.id, gone.append)
    assert gone == ["a" * 64]
    assert record.versions.chunks(first.id, 1) == []


def test_purging_spares_a_document_that_is_not_deleted(record: Record) -> None:
    document, _ = record.accept()
    record.make_ready(document)
    record.versions.purge(document.id, lambda _: pytest.fail("bytes were removed"))
    assert record.catalog.document(document.id).status is DocumentStatus.READY


def test_a_retired_collection_frees_its_name_and_takes_no_more_uploads(record: Record) -> None:
    document, _ = record.accept()
    record.delete(document.id)
    record.versions.retire_collection(record.collection)
    assert record.catalog.collections() == []
    with pytest.raises(CollectionNotFoundError):
        record.accept()
    record.versions.purge(document.id, lambda _: None)
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
