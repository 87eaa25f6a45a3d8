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
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from corpus.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 30_000
IDLE_IN_TRANSACTION_MS = 10_000

Transaction = Session
"""An open transaction. Other rooms hand it on; only repositories use it."""


class Database:
    """Engine and transactions. The request or the job opens and commits; nothing in between does."""

    def __init__(self, url: str) -> None:
        self.url = url if url.startswith("sqlite") else _letting_go(url)
        self.engine = _sqlite_engine(url) if url.startswith("sqlite") else sa.create_engine(self.url)
        self._read = sessionmaker(self.engine, expire_on_commit=False)
        self._write = sessionmaker(self.engine.execution_options(sqlite_write=True), expire_on_commit=False)

    @contextmanager
    def read(self) -> Generator[Session]:
        with self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Generator[Transaction]:
        """Commits when the block ends, rolls back when it raises."""
        with self._write.begin() as session:
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
