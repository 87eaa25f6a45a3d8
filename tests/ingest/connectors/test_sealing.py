"""Secrets at rest: nothing in the database opens them, keys can change, and a missing key is told."""

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from corpus.catalog import Catalog
from corpus.database import MIGRATIONS, Database
from ingest.connectors.connectors import ConnectorId
from ingest.connectors.errors import SecretKeyError
from ingest.connectors.options import GitOptions
from ingest.connectors.records import ConnectorRecords, NewConnector
from ingest.connectors.sealing import Sealing, new_key
from ingest.connectors.stored_secrets import seal_all
from ingest.tables import ConnectorRow

SECRETS = {"token": "s3cr3t-tökën"}


def add(database: Database, sealing: Sealing, name: str = "wiki") -> ConnectorId:
    return ConnectorRecords(database, sealing).add(
        NewConnector(
            collection_id=Catalog(database).ensure_collection("hr"),
            name=name,
            options=GitOptions(url="https://git.example.com/x.git"),
            secrets=SECRETS,
            interval_seconds=None,
            is_watched=False,
        )
    )


def stored(database: Database, connector_id: ConnectorId) -> dict[str, str]:
    with database.read() as session:
        return session.get_one(ConnectorRow, connector_id).secrets


def lay_open(database: Database, connector_id: ConnectorId) -> None:
    """As an older version left them."""
    with database.write() as session:
        row = session.get_one(ConnectorRow, connector_id)
        row.secrets, row.is_sealed = SECRETS, False


def test_the_key_file_is_made_with_the_first_secret_and_only_for_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "data" / "secret.key"
    sealing = Sealing("", file)
    assert sealing.seal({}) == {}
    assert not file.exists()
    sealed = sealing.seal(SECRETS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = file.read_bytes()
    assert Sealing("", file).unseal(sealed) == SECRETS
    Sealing("", file).seal(SECRETS)
    assert file.read_bytes() == written
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]


def test_the_database_holds_no_secret_in_clear_text(database: Database, tmp_path: Path) -> None:
    sealing = Sealing(new_key(), tmp_path / "unused")
    connector_id = add(database, sealing)
    held = stored(database, connector_id)
    assert held.keys() == {"token"}
    assert "s3cr3t" not in str(held)
    assert ConnectorRecords(database, sealing).secrets(connector_id) == SECRETS
    assert ConnectorRecords(database, sealing).connector(connector_id).secret_names == ("token",)
    assert not (tmp_path / "unused").exists(), "a key in the settings needs no file"


def test_clear_text_of_an_older_version_is_sealed_at_the_next_start(
    database: Database, tmp_path: Path
) -> None:
    sealing = Sealing("", tmp_path / "secret.key")
    connector_id = add(database, sealing)
    lay_open(database, connector_id)
    assert ConnectorRecords(database, sealing).secrets(connector_id) == SECRETS
    seal_all(database, sealing)
    assert "s3cr3t" not in str(stored(database, connector_id))
    assert ConnectorRecords(database, sealing).secrets(connector_id) == SECRETS


def test_sqlite_keeps_no_trace_of_the_clear_text(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    database.migrate()
    sealing = Sealing("", tmp_path / "secret.key")
    lay_open(database, add(database, sealing))
    assert any(b"s3cr3t" in path.read_bytes() for path in tmp_path.glob("test.db*"))
    seal_all(database, sealing)
    assert not any(b"s3cr3t" in path.read_bytes() for path in tmp_path.glob("test.db*"))
    database.close()


def test_a_database_from_before_the_migration_is_sealed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = database.engine
    command.upgrade(config, "0004")
    with database.write() as session:
        for statement in _OLD_ROWS:
            session.execute(sa.text(statement))
    database.migrate()
    sealing = Sealing("", tmp_path / "secret.key")
    seal_all(database, sealing)
    assert "old-token" not in str(stored(database, ConnectorId("con_old")))
    assert ConnectorRecords(database, sealing).secrets(ConnectorId("con_old")) == {"token": "old-token"}
    assert not ConnectorRecords(database, sealing).connector(ConnectorId("con_old")).is_paused
    database.close()


_NOW = "2026-01-01 00:00:00.000000"
_OLD_ROWS = (
    "insert into collections (id, name, created_at, is_deleted, is_paused)"
    f" values ('col_1', 'hr', '{_NOW}', 0, 0)",
    "insert into connectors (id, collection_id, name, options, secrets, is_watched, created_at,"
    " sync_number, sync_state, may_delete_most, is_listed, added, changed, moved, deleted)"
    " values ('con_old', 'col_1', 'w',"
    """ '{"kind"\\:"git","url"\\:"https\\://git.example.com/x.git"}', '{"token"\\:"old-token"}',"""
    f" 0, '{_NOW}', 0, 'never', 0, 0, 0, 0, 0, 0)",
)


def test_keys_change_by_a_start_with_the_new_one_before_the_old(database: Database, tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    connector_id = add(database, Sealing(old, tmp_path / "x"))
    both = Sealing(f"{new},{old}", tmp_path / "x")
    assert both.unseal(stored(database, connector_id)) == SECRETS
    seal_all(database, both)
    held = stored(database, connector_id)
    assert Sealing(new, tmp_path / "x").unseal(held) == SECRETS
    with pytest.raises(SecretKeyError):
        Sealing(old, tmp_path / "x").unseal(held)
    seal_all(database, both)
    assert stored(database, connector_id) == held, "what the newest key sealed is left alone"


@pytest.mark.parametrize(
    ("keys", "match"), [("", "missing"), ("not-a-key", "new-key"), (new_key(), "another key")]
)
def test_a_missing_or_wrong_key_says_what_to_do_and_shows_nothing(
    database: Database, tmp_path: Path, keys: str, match: str
) -> None:
    connector_id = add(database, Sealing(new_key(), tmp_path / "x"))
    wrong = Sealing(keys, tmp_path / "secret.key")
    seal_all(database, wrong)  # goes on
    with pytest.raises(SecretKeyError, match=match) as caught:
        ConnectorRecords(database, wrong).secrets(connector_id)
    assert "s3cr3t" not in str(caught.value)
    assert ConnectorRecords(database, wrong).connector(connector_id).secret_names == ("token",)


@pytest.mark.parametrize("content", ["", "\n", "gibberish", "ÿ"])
def test_a_damaged_key_file_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secret.key"
    file.write_text(content)
    with pytest.raises(SecretKeyError, match="new-key"):
        Sealing("", file).seal(SECRETS)
    assert file.read_text() == content, "it may be wanted yet"
