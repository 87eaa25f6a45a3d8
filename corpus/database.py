"""One SQL database: SQLite (write-ahead log) on a laptop, PostgreSQL in the scaled-out shape."""

import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event, exc
from sqlalchemy.orm import Session, sessionmaker

from corpus.errors import ConfigurationError, DatabaseAwayError, StorageFullError, UnavailableError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 30_000
IDLE_IN_TRANSACTION_MS = 10_000

_SQLITE_AWAY = ("database is locked", "disk I/O error", "unable to open database file")
_POSTGRES_AWAY = ("08", "53", "57P", "25P03", "40001", "40P01")
"""Beginnings of SQLSTATE codes: connection, resources, shutdown, ended session, clash with another."""
_POSTGRES_DISK_FULL = "53100"

Transaction = Session
"""An open transaction. Other rooms hand it on; only repositories use it."""


class Database:
    """Engine and transactions. The request or the job opens and commits; nothing in between does.

    Transactions raise `DatabaseAwayError` and `StorageFullError` for what passes without our doing.
    """

    def __init__(self, url: str) -> None:
        self.url = url if url.startswith("sqlite") else _letting_go(url)
        self.engine = _sqlite_engine(url) if url.startswith("sqlite") else _postgres_engine(self.url)
        self._read = sessionmaker(self.engine, expire_on_commit=False)
        self._write = sessionmaker(self.engine.execution_options(sqlite_write=True), expire_on_commit=False)

    @contextmanager
    def read(self) -> Generator[Session]:
        with _translated(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Generator[Transaction]:
        """Commits when the block ends, rolls back when it raises."""
        with _translated(), self._write.begin() as session:
            yield session

    def migrate(self) -> None:
        """Brings the schema to the newest revision; raises `ConfigurationError` on a newer database."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        scripts = ScriptDirectory.from_config(config)
        with self.engine.connect() as connection:
            current = _current_revision(connection)
        if current == scripts.get_current_head():
            return
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise ConfigurationError(
                "The database was made by a newer Sourcebook. Install that version, or restore a backup."
            )
        config.attributes["engine"] = self.engine
        command.upgrade(config, "head")

    def close(self) -> None:
        self.engine.dispose()


def outage_of(error: Exception) -> UnavailableError | None:
    """What an error of the database means when only waiting helps; `None` for every other error."""
    if isinstance(error, exc.TimeoutError):
        return DatabaseAwayError()
    if not isinstance(error, exc.DBAPIError):
        return None
    state: str = getattr(error.orig, "sqlstate", None) or ""
    text = str(error.orig)
    if state == _POSTGRES_DISK_FULL or "disk is full" in text:
        return StorageFullError()
    is_refused = isinstance(error, exc.OperationalError) and "connection" in text and not state
    if (
        error.connection_invalidated
        or is_refused
        or state.startswith(_POSTGRES_AWAY)
        or any(sign in text for sign in _SQLITE_AWAY)
    ):
        return DatabaseAwayError()
    return None


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except exc.SQLAlchemyError as error:
        if outage := outage_of(error):
            raise outage from error
        raise


def hold(transaction: Transaction, name: str) -> None:
    """Until the transaction ends, others that hold or share this name wait.

    On SQLite there is nothing to do: it has one writer at a time.
    """
    if transaction.get_bind().dialect.name == "postgresql":
        transaction.execute(sa.select(sa.func.pg_advisory_xact_lock(zlib.crc32(name.encode()))))


def share(transaction: Transaction, name: str) -> None:
    """Until the transaction ends, nobody can `hold` the name; others may share it."""
    if transaction.get_bind().dialect.name == "postgresql":
        transaction.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(zlib.crc32(name.encode()))))


def _letting_go(url: str) -> str:
    """PostgreSQL ends a session that sits on its locks: a frozen process would hold up all others."""
    parsed = sa.make_url(url)
    if "options" not in parsed.query:
        idle = f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
        parsed = parsed.update_query_dict({"options": idle})
    return parsed.render_as_string(hide_password=False)


def _current_revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(sa.text("select version_num from alembic_version"))


def _postgres_engine(url: str) -> sa.Engine:
    # Asks before each use whether the connection still stands: after a restart of the server none does.
    return sa.create_engine(url, pool_pre_ping=True)


def _sqlite_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  # sqlite3 behind SQLAlchemy's pool
        connection.isolation_level = None  # we send BEGIN ourselves, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A write takes the lock at once: upgrading a read transaction would fail with "database is locked".
        writes = connection.get_execution_options().get("sqlite_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
