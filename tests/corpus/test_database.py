"""Transactions and migrations, on SQLite and on PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from corpus.catalog import Catalog
from corpus.database import Database
from corpus.errors import ConfigurationError
from corpus.tables import Base
from ingest.tables import WorkerLeaseRow


def test_migrations_give_exactly_the_tables_of_the_code(database: Database) -> None:
    assert WorkerLeaseRow.__tablename__ in Base.metadata.tables
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert differences == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    Catalog(database).ensure_collection("kept")
    database.migrate()
    assert [collection.name for collection in Catalog(database).collections()] == ["kept"]


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.write() as session:
        session.execute(sa.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="newer Sourcebook"):
        database.migrate()


def test_a_failing_transaction_leaves_no_trace(database: Database) -> None:
    statement = sa.text("insert into worker_leases (worker, beat) values ('w', 1)")

    def fail_half_way() -> None:
        with database.write() as session:
            session.execute(statement)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        fail_half_way()
    with database.read() as session:
        assert session.scalar(sa.text("select count(*) from worker_leases")) == 0


def test_writers_at_the_same_time_all_succeed(database: Database) -> None:
    catalog = Catalog(database)
    failures: list[BaseException] = []

    def create(worker: int) -> None:
        try:
            for number in range(10):
                catalog.create_collection(f"{worker}-{number}")
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=create, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(catalog.collections()) == 80


def test_first_uploads_at_once_make_one_collection(database: Database) -> None:
    catalog, together = Catalog(database), threading.Barrier(4)

    def ensure(number: int) -> str:
        together.wait()
        return catalog.ensure_collection(f"collection {number // 4}")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ensure, range(80)))
    assert len(set(found)) == len(catalog.collections()) == 20
