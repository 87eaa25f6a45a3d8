"""Connectors are changed without losing track of what they brought."""

import time
from pathlib import Path
from typing import Any

import pytest

from corpus.errors import ConflictError, InvalidInputError
from ingest.connectors.changes import Changes
from ingest.connectors.connectors import ConnectorId, SyncState
from ingest.connectors.document_paths import DocumentPaths
from ingest.connectors.errors import ConnectorNotFoundError, SecretKeyError
from ingest.connectors.keeping import Connectors
from ingest.connectors.opening import Origins
from ingest.connectors.options import GitOptions, S3Options, WebsiteOptions
from ingest.connectors.records import ConnectorRecords, NewConnector
from ingest.connectors.sealing import Sealing, new_key
from ingest.connectors.settings import ConnectorsSettings
from ingest.connectors.updating import Updating
from tests.ingest.connectors.conftest import Place, Steps


class Syncs:
    """The job queue: nobody works here but the test."""

    def enqueue_sync(self, *_arguments: object) -> None:
        pass


def updating(place: Place, tmp_path: Path) -> Updating:
    settings = ConnectorsSettings(allowed_folders=(tmp_path,), allowed_hosts=("127.0.0.1:1", "127.0.0.1:2"))
    origins = Origins(settings, tmp_path / "data")
    jobs: Any = Syncs()
    connectors = Connectors(
        place.database, place.catalog, place.records, place.items, place.intake, origins, jobs
    )
    paths = DocumentPaths(place.database)
    return Updating(
        connectors, place.records, Changes(place.database, place.sealing), place.items, paths, origins
    )


def run_waiting(place: Place, *, may_delete_most: bool = False) -> None:
    if place.last.state is not SyncState.QUEUED:
        place.request(may_delete_most=may_delete_most)
    place.syncing().run(place.connector, place.last.number, Steps())


def add_secret(place: Place, name: str, options: Any, secrets: dict[str, str]) -> ConnectorId:
    return place.records.add(
        NewConnector(
            collection_id=place.collection_id,
            name=name,
            options=options,
            secrets=secrets,
            interval_seconds=None,
            is_watched=False,
        )
    )


def test_another_place_is_compared_anew_and_its_deletions_are_followed(place: Place, tmp_path: Path) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B", "c.md": b"# C"}
    place.sync()
    kept = place.documents["wiki/a.md"].id
    place.origin.fetched.clear()
    place.origin.cursors.clear()
    updated = updating(place, tmp_path).update(
        place.connector, {"options": {"path": str(tmp_path / "other")}}
    )
    assert updated.last_sync.state is SyncState.QUEUED
    place.origin.files = {"a.md": b"# A", "b.md": b"# Other"}
    run_waiting(place)
    assert place.paths == ["wiki/a.md", "wiki/b.md"]
    assert place.documents["wiki/a.md"].id == kept, "the same bytes are the same document"
    assert sorted(place.origin.fetched) == ["a.md", "b.md"], "revisions of one place say nothing of another"
    assert place.origin.cursors == [None]
    assert (place.last.changed, place.last.deleted, place.last.added) == (1, 1, 0)


def test_a_place_that_has_nothing_of_the_old_one_waits_for_a_confirmation(
    place: Place, tmp_path: Path
) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.sync()
    updating(place, tmp_path).update(place.connector, {"options": {"path": str(tmp_path / "other")}})
    place.origin.files = {"new.md": b"# New"}
    run_waiting(place)
    assert place.last.state is SyncState.NEEDS_CONFIRMATION
    assert place.paths == ["wiki/a.md", "wiki/b.md", "wiki/new.md"]


def test_a_new_name_moves_the_documents(place: Place, tmp_path: Path) -> None:
    place.origin.files = {"a.md": b"# A", "sub/b.md": b"# B"}
    place.sync()
    before = {each.id for each in place.documents.values()}
    place.origin.fetched.clear()
    updating(place, tmp_path).update(place.connector, {"name": "handbook"})
    assert place.paths == ["handbook/a.md", "handbook/sub/b.md"]
    assert {each.id for each in place.documents.values()} == before
    run_waiting(place)
    assert place.origin.fetched == []
    assert (place.last.added, place.last.changed, place.last.deleted) == (0, 0, 0)


def test_a_sync_that_works_on_what_was_changed_ends(place: Place, tmp_path: Path) -> None:
    place.origin.files = {"a.md": b"# A", "b.md": b"# B"}
    place.sync()
    place.origin.files["b.md"] = b"# Changed"
    number = place.request()

    def change(_key: str) -> None:
        place.origin.before_fetch = None
        updating(place, tmp_path).update(place.connector, {"name": "handbook"})

    place.origin.before_fetch = change
    place.syncing().run(place.connector, number, Steps())
    assert place.last.number > number
    assert place.last.state is SyncState.QUEUED
    run_waiting(place)
    assert place.last.state is SyncState.DONE
    assert place.paths == ["handbook/a.md", "handbook/b.md"]


def test_a_taken_name_changes_nothing(place: Place, tmp_path: Path) -> None:
    place.origin.files = {"a.md": b"# A"}
    place.sync()
    add_secret(place, "taken", S3Options(bucket="files"), {})
    with pytest.raises(ConflictError):
        updating(place, tmp_path).update(place.connector, {"name": "taken"})
    assert place.paths == ["wiki/a.md"]
    assert place.records.connector(place.connector).name == "wiki"


def test_a_paused_connector_is_not_due_until_it_is_resumed(place: Place, tmp_path: Path) -> None:
    place.sync()
    assert place.records.connector(place.connector).next_sync_at is not None
    change = updating(place, tmp_path)
    paused = change.update(place.connector, {"is_paused": True, "interval_seconds": 10})
    assert paused.is_paused
    assert paused.next_sync_at is None
    with place.database.write() as transaction:
        transaction.connection().exec_driver_sql("update connectors set next_sync_at = '2020-01-01 00:00:00'")
    assert place.records.due() == []
    place.sync()
    assert place.last.state is SyncState.DONE, "it syncs when told to"
    resumed = change.update(place.connector, {"is_paused": False})
    assert resumed.next_sync_at is not None
    assert resumed.next_sync_at.timestamp() <= time.time() + 10
    stopped = change.update(place.connector, {"interval_seconds": None})
    assert (stopped.next_sync_at, stopped.interval_seconds) == (None, None)


def test_a_secret_left_out_stays_and_none_takes_it_away(place: Place, tmp_path: Path) -> None:
    secrets = {"access_key": "AK", "secret_key": "SK", "session_token": "ST"}
    options = S3Options(bucket="files", endpoint="http://127.0.0.1:1")
    connector = add_secret(place, "bucket", options, secrets)
    change = updating(place, tmp_path)
    change.update(connector, {"secrets": {"secret_key": "new", "session_token": None}})
    assert place.records.secrets(connector) == {"access_key": "AK", "secret_key": "new"}
    change.update(connector, {"options": {"bucket": "other"}})
    assert place.records.secrets(connector) == {"access_key": "AK", "secret_key": "new"}


@pytest.mark.parametrize(
    ("options", "secrets", "elsewhere"),
    [
        (GitOptions(url="http://127.0.0.1:1/x.git"), {"token": "hush"}, {"url": "http://127.0.0.1:2/x.git"}),
        (
            S3Options(bucket="files", endpoint="http://127.0.0.1:1"),
            {"access_key": "hush", "secret_key": "hush"},
            {"endpoint": "http://127.0.0.1:2"},
        ),
        (
            WebsiteOptions(url="http://127.0.0.1:1/", username="me"),
            {"password": "hush"},
            {"url": "http://127.0.0.1:2/"},
        ),
    ],
)
def test_kept_secrets_do_not_follow_an_address_to_another_host(
    place: Place, tmp_path: Path, options: Any, secrets: dict[str, str], elsewhere: dict[str, str]
) -> None:
    connector = add_secret(place, "x", options, secrets)
    change = updating(place, tmp_path)
    with pytest.raises(InvalidInputError, match="again") as caught:
        change.update(connector, {"options": elsewhere})
    assert "hush" not in str(caught.value)
    assert place.records.connector(connector).options == options
    given: dict[str, str | None] = dict.fromkeys(secrets, "new")
    change.update(connector, {"options": elsewhere, "secrets": given})
    assert place.records.secrets(connector) == given


def test_a_lost_key_is_healed_by_giving_the_secrets_again_and_others_go_on(
    place: Place, tmp_path: Path
) -> None:
    options = GitOptions(url="http://127.0.0.1:1/x.git")
    sealed_elsewhere = ConnectorRecords(place.database, Sealing(new_key(), tmp_path / "x"))
    place.records, kept = sealed_elsewhere, place.records
    connector = add_secret(place, "x", options, {"token": "lost"})
    place.records = kept
    place.origin.files = {"a.md": b"# A"}
    assert place.sync().state is SyncState.DONE, "another connector"
    change = updating(place, tmp_path)
    with pytest.raises(SecretKeyError):
        change.update(connector, {"options": {"branch": "main"}})
    change.update(connector, {"secrets": {"token": "again"}})
    assert place.records.secrets(connector) == {"token": "again"}


@pytest.mark.parametrize(
    ("wishes", "match"),
    [
        ({"options": {"kind": "git"}}, "kind"),
        ({"options": {"colour": "red"}}, "colour"),
        ({"options": {"path": 5}}, "path"),
        ({"options": {"path": None}}, "path"),
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"interval_seconds": 1}, "interval"),
        ({"secrets": {"token": "hush"}}, "secret"),
    ],
)
def test_what_makes_no_sense_changes_nothing(place: Place, tmp_path: Path, wishes: Any, match: str) -> None:
    before = place.records.connector(place.connector)
    with pytest.raises(InvalidInputError, match=match) as caught:
        updating(place, tmp_path).update(place.connector, wishes)
    assert "hush" not in str(caught.value)
    assert place.records.connector(place.connector) == before
    with pytest.raises(ConnectorNotFoundError):
        updating(place, tmp_path).update(ConnectorId("con_unknown"), wishes)
