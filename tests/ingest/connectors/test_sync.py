"""A sync's logic over a scripted origin and a real record, on SQLite and on PostgreSQL."""

import io
import zipfile
from typing import Any

import pytest

from corpus.documents import DocumentStatus
from corpus.errors import CollectionNotFoundError
from ingest.connectors.connectors import SyncState
from ingest.connectors.errors import ConnectorNotFoundError, OriginBusyError


def zipped(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.md", text)
    return packed.getvalue()


def test_the_first_sync_adds_everything_in_the_connectors_folder(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "sub/b.md": b"# B"}
    sync = place.sync()
    assert place.paths == ["wiki/a.md", "wiki/sub/b.md"]
    assert (sync.state, sync.added, sync.changed, sync.deleted, sync.failed) == (SyncState.DONE, 2, 0, 0, 0)
    assert sync.started_at is not None
    assert sync.finished_at is not None


def test_a_second_sync_fetches_nothing_that_is_known(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.sync()
    place.origin.fetched.clear()
    sync = place.sync()
    assert place.origin.fetched == []
    assert (sync.added, sync.changed, sync.moved, sync.deleted) == (0, 0, 0, 0)


def test_a_change_becomes_a_new_version_of_the_same_document(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.sync()
    before = place.documents
    place.origin.files["a.md"] = b"# A, revised"
    sync = place.sync()
    after = place.documents
    assert after["wiki/a.md"].id == before["wiki/a.md"].id
    assert (after["wiki/a.md"].version, after["wiki/b.md"].version) == (2, 1)
    assert (sync.added, sync.changed) == (0, 1)


def test_what_is_gone_from_the_origin_is_deleted(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B", "c.md": b"# C"}
    place.sync()
    del place.origin.files["b.md"]
    assert place.sync().deleted == 1
    assert place.paths == ["wiki/a.md", "wiki/c.md"]


def test_a_move_keeps_the_document_and_its_version(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.sync()
    before = place.documents["wiki/a.md"]
    place.origin.files["deep/renamed.md"] = place.origin.files.pop("a.md")
    sync = place.sync()
    after = place.documents["wiki/deep/renamed.md"]
    assert (after.id, after.version, after.sha256) == (before.id, before.version, before.sha256)
    assert (sync.moved, sync.added, sync.deleted) == (1, 0, 0)
    assert place.paths == ["wiki/b.md", "wiki/deep/renamed.md"]


def test_a_copy_is_no_move(place: Any) -> None:
    place.origin.files = {"a.md": b"# A"}
    place.sync()
    place.origin.files["copy.md"] = b"# A"
    sync = place.sync()
    assert (sync.moved, sync.added) == (0, 1)
    assert place.paths == ["wiki/a.md", "wiki/copy.md"]


def test_another_suffix_is_read_anew(place: Any) -> None:
    place.origin.files = {"a.md": b"plain", "b.md": b"# B"}
    place.sync()
    place.origin.files["a.txt"] = place.origin.files.pop("a.md")
    sync = place.sync()
    assert (sync.moved, sync.added, sync.deleted) == (0, 1, 1)
    assert place.documents["wiki/a.txt"].media_type == "text/plain"


def test_a_move_onto_somebody_elses_document_changes_that_one(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.sync()
    place.intake.add("hr", [("wiki/new.md", io.BytesIO(b"# uploaded"))])
    uploaded = place.documents["wiki/new.md"].id
    place.origin.files["new.md"] = place.origin.files.pop("a.md")
    place.sync()
    assert place.documents["wiki/new.md"].id == uploaded
    assert place.paths == ["wiki/b.md", "wiki/new.md"]


def test_a_whole_folder_renamed_moves_every_document(place: Any) -> None:
    place.origin.files = {f"old/{number}.md": f"# {number}".encode() for number in range(30)}
    place.sync()
    ids = sorted(document.id for document in place.documents.values())
    place.origin.files = {key.replace("old/", "new/"): content for key, content in place.origin.files.items()}
    sync = place.sync()
    assert (sync.state, sync.moved, sync.deleted) == (SyncState.DONE, 30, 0)
    assert sorted(document.id for document in place.documents.values()) == ids
    assert all(path.startswith("wiki/new/") for path in place.paths)


def test_one_item_that_cannot_be_fetched_fails_alone_and_is_tried_again(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.origin.unfetchable = {"a.md"}
    sync = place.sync()
    assert (sync.state, sync.added, sync.failed) == (SyncState.DONE, 1, 1)
    assert place.problems() == {"a.md": "It is locked."}
    place.origin.unfetchable = set()
    sync = place.sync()
    assert (sync.added, sync.failed) == (1, 0)
    assert place.problems() == {}


def test_what_cannot_be_listed_keeps_its_document_and_says_why(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.sync()
    place.origin.problems = {"a.md": "Its name is odd."}
    assert place.sync().failed == 1
    assert place.paths == ["wiki/a.md", "wiki/b.md"]
    place.origin.problems = {}
    assert place.sync().failed == 0


@pytest.mark.parametrize("key", ["nul\0byte.md", "half \ud800 letter.md", "long" * 2000])
def test_an_odd_key_is_told_and_disturbs_nothing(place: Any, key: str) -> None:
    place.origin.files = {"a.md": b"# A", key: b"x"}
    place.origin.problems = {key: "Its name is odd."}
    for _ in range(2):
        sync = place.sync()
        assert (sync.state, sync.failed) == (SyncState.DONE, 1)
    assert place.paths == ["wiki/a.md"]


def test_an_item_that_is_too_large_is_refused(place: Any) -> None:
    place.origin.files = {"big.md": b"x" * 1001, "fits.md": b"x" * 1000}
    place.sync()
    assert place.paths == ["wiki/fits.md"]
    assert "larger" in place.problems()["big.md"]
    assert place.origin.fetched == ["fits.md"]


@pytest.mark.parametrize("listed", [0, 1, 2])
def test_a_listing_that_breaks_off_deletes_nothing(place: Any, listed: int) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B", "c.md": b"# C"}
    place.sync()
    place.origin.breaks_after = listed
    sync = place.sync()
    assert (sync.state, sync.reason) == (SyncState.FAILED, "The listing broke off.")
    assert place.paths == ["wiki/a.md", "wiki/b.md", "wiki/c.md"]
    assert place.records.connector(place.connector).next_sync_at is not None


def test_a_listing_that_breaks_off_moves_nothing(place: Any) -> None:
    place.origin.files = {"b.md": b"# same"}
    place.sync()
    place.origin.files = {"a.md": b"# same", "b.md": b"# same"}
    place.origin.breaks_after = 1
    place.sync()
    assert place.paths == ["wiki/b.md"]


def test_deleting_most_items_waits_for_a_confirmation(place: Any) -> None:
    place.origin.files = {f"{number}.md": f"# {number}".encode() for number in range(4)}
    place.sync()
    place.origin.files = {"3.md": b"# 3", "new.md": b"# new"}
    sync = place.sync()
    assert sync.state is SyncState.NEEDS_CONFIRMATION
    assert "3 of 5" in (sync.reason or "")
    assert len(place.paths) == 5, "what is new comes in all the same"
    assert place.sync().state is SyncState.NEEDS_CONFIRMATION
    sync = place.sync(may_delete_most=True)
    assert (sync.state, sync.deleted) == (SyncState.DONE, 3)
    assert place.paths == ["wiki/3.md", "wiki/new.md"]
    place.origin.files = {}
    assert place.sync().state is SyncState.NEEDS_CONFIRMATION, "a confirmation holds for one sync"


def test_half_may_go_without_a_confirmation(place: Any) -> None:
    place.origin.files = {f"{number}.md": f"# {number}".encode() for number in range(4)}
    place.sync()
    place.origin.files = {"2.md": b"# 2", "3.md": b"# 3"}
    assert place.sync().state is SyncState.DONE


def test_an_archive_is_followed_member_by_member(place: Any) -> None:
    place.origin.files = {"pack.zip": zipped(one="# 1", two="# 2"), "a.md": b"# A"}
    place.sync()
    two = place.documents["wiki/pack.zip/two.md"].id
    place.origin.files["pack.zip"] = zipped(two="# 2", three="# 3")
    place.sync()
    assert place.paths == ["wiki/a.md", "wiki/pack.zip/three.md", "wiki/pack.zip/two.md"]
    assert place.documents["wiki/pack.zip/two.md"].id == two
    place.origin.files["moved.zip"] = place.origin.files.pop("pack.zip")
    assert place.sync().moved == 1
    assert place.documents["wiki/moved.zip/two.md"].id == two
    del place.origin.files["moved.zip"]
    place.sync()
    assert place.paths == ["wiki/a.md"]


def test_a_document_deleted_by_hand_stays_away_until_its_item_changes(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.sync()
    place.intake.delete(place.documents["wiki/a.md"].id)
    place.sync()
    assert place.paths == ["wiki/b.md"]
    place.origin.files["a.md"] = b"# A again"
    place.sync()
    assert place.paths == ["wiki/a.md", "wiki/b.md"]
    place.intake.delete(place.documents["wiki/a.md"].id)
    del place.origin.files["a.md"]
    assert place.sync().state is SyncState.DONE


def test_the_cursor_of_a_complete_listing_comes_back(place: Any) -> None:
    place.origin.files = {"a.md": b"# A"}
    place.sync()
    place.origin.breaks_after = 0
    place.sync()
    place.origin.breaks_after = None
    place.sync()
    assert place.origin.cursors == [None, {"listings": 1}, {"listings": 1}]


def test_one_sync_at_a_time(place: Any) -> None:
    place.request()
    with place.database.write() as transaction:
        assert place.records.request(transaction, place.connector, may_delete_most=True) is None
    assert place.records.due() == []


def test_a_late_worker_of_a_finished_sync_changes_nothing(place: Any) -> None:
    place.origin.files = {"a.md": b"# A"}
    number = place.request()
    place.records.start(place.connector, number)
    place.records.finish(place.connector, number, SyncState.DONE, None)
    with pytest.raises(ConnectorNotFoundError):
        place.items.see(place.connector, number, list(place.origin.list(None)))


def test_a_connector_removed_during_its_sync_leaves_no_new_document(place: Any) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}

    def remove(key: str) -> None:
        if key == "b.md":
            place.records.remove(place.connector)

    place.origin.before_fetch = remove
    place.syncing().run(place.connector, place.request(), _steps())
    assert "wiki/b.md" not in place.paths


def test_a_deleted_collection_ends_its_connectors(place: Any) -> None:
    place.origin.files = {"a.md": b"# A"}
    place.sync()
    number = place.request()
    place.intake.delete_collection(place.collection_id)
    place.syncing().run(place.connector, number, _steps())
    with pytest.raises(ConnectorNotFoundError):
        place.records.connector(place.connector)
    with pytest.raises(CollectionNotFoundError):
        place.catalog.collection_ids(["hr"])


def test_an_unforeseen_error_ends_the_sync_without_its_secrets(
    place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    place.origin.files = {"a.md": b"# A"}

    def fail(_key: str) -> None:
        raise ValueError("secret detail")

    place.origin.before_fetch = fail
    sync = place.sync()
    assert sync.state is SyncState.FAILED
    assert "secret" not in (sync.reason or "")
    assert "secret detail" in caplog.text


def test_documents_are_queued_for_ingestion(place: Any) -> None:
    place.origin.files = {"a.md": b"# A"}
    place.sync()
    assert place.documents["wiki/a.md"].status is DocumentStatus.QUEUED


def _steps() -> Any:
    class Direct:
        def step(self, _name: str, work: Any) -> Any:
            return work()

        def pause_point(self) -> None:
            pass

    return Direct()


def test_a_busy_origin_is_left_alone_for_as_long_as_it_asked(place: Any) -> None:
    def refuse(_key: str) -> None:
        raise OriginBusyError("It is busy.", seconds=5000)

    place.origin.files = {"a.md": b"# A"}
    place.origin.before_fetch = refuse
    assert place.sync().state is SyncState.FAILED
    connector = place.records.connector(place.connector)
    assert (connector.next_sync_at - connector.last_sync.finished_at).total_seconds() >= 5000 - 1
