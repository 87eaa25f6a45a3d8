"""Runs Sourcebook's ingestion in processes that tests may kill: forked, so that each starts at once.

A script of its own. It reads a JSON command a line, `{"run": {…}}` or `{"wait": PID}`, and answers each.
"""

import io
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from shared_index import SharedIndex

from corpus import crash_points
from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import UNFINISHED_STATUSES, DocumentId
from corpus.errors import ConflictError, StorageFullError
from corpus.generations import FIRST, Generation, Generations
from corpus.reserve import Reserve
from corpus.versions import Versions
from ingest import rebuilding
from ingest.chunking import Chunker, ChunkingSettings
from ingest.generations import OpenGeneration, OpenGenerations
from ingest.intake import Intake
from ingest.job_queue import ingest_job
from ingest.jobs import Jobs, JobsSettings
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.pipeline import Pipeline
from ingest.rebuilding import Rebuilding, Recipe, Reindexing
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.embedding import Vectors
from retrieval.index import Index
from retrieval.indexing import Indexer

COLLECTION = "faults"
rebuilding.SETTLE_SECONDS = 0.2  # nobody searches here
DIMENSION = 26
KILLS_ITS_READER = "Whatever reads this text dies with all its process."
KILLS_ITS_EMBEDDER = "Whatever embeds this text dies with all its process."


class LetterEmbedder:
    """Counts letters, as slowly as it is told: the real model would make these tests last for hours."""

    model, dimension, max_tokens = "letters", DIMENSION, 60

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return [(place, place + 4) for place in range(0, len(text), 4)]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        time.sleep(self._seconds)
        if any(KILLS_ITS_EMBEDDER in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        counts = [[text.lower().count(chr(97 + letter)) + 0.1 for letter in range(26)] for text in texts]
        vectors = np.array(counts, dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_query(self, text: str) -> Vectors:
        return self.embed_documents([text])[0]


class TextParser:
    def parse(
        self,
        path: Path,
        name: str,
        media_type: str,  # noqa: ARG002
        *,
        on_ocr: Callable[[int, int], None] | None = None,  # noqa: ARG002
    ) -> ParsedDocument:
        builder = ParsedDocumentBuilder()
        text = path.read_text()
        if KILLS_ITS_READER in text:
            os.kill(os.getpid(), signal.SIGKILL)
        for paragraph in text.split("\n\n"):
            builder.block(BlockKind.PARAGRAPH, paragraph)
        return builder.build(title=name, language="en")


class ToldVersions(Versions):
    """Tells in the history which process published what."""

    def __init__(self, database: Database, tell: Callable[..., None]) -> None:
        super().__init__(database)
        self._tell = tell

    def publish(self, document_id: DocumentId, version: int, *, generation: int = FIRST) -> bool:
        published = super().publish(document_id, version, generation=generation)
        if published:
            self._tell(published=document_id, version=version, process=os.getpid())
        return published


class Scene:
    """One process's ingestion over the database and folder that it is given."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.folder = Path(config["folder"])
        database = Database(config["database"])
        database.migrate()
        self.catalog, self.versions = Catalog(database), ToldVersions(database, self.tell)
        reserve = config["reserve_bytes"]
        blobs = LocalBlobs(self.folder / "blobs", Reserve(self.folder / "blobs", reserve))
        record = Generations(database)
        record.ensure("first", {})
        embedder = LetterEmbedder(config["embed_seconds"])

        def open_one(generation: Generation) -> OpenGeneration:
            index = open_index(self.folder, generation.name, reserve, is_shared=config["is_shared"])
            return OpenGeneration(
                number=generation.number,
                chunker=Chunker(embedder, ChunkingSettings(**generation.recipe)),
                embedder=embedder,
                indexer=Indexer(index, embedder),
                index=index,
            )

        self.generations = OpenGenerations(record, open_one)
        pipeline = Pipeline(self.catalog, self.versions, blobs, TextParser(), self.generations)
        lease = config["lease_seconds"]
        settings = JobsSettings(
            poll_seconds=0.05, lease_seconds=lease, grace_seconds=lease / 2, outage_seconds=0.2
        )
        self.jobs = Jobs(database, pipeline, settings)
        self.jobs.use_rebuilding(Rebuilding(self.catalog, self.versions, record, self.generations))
        self.jobs.open(worker=config["is_worker"], only_owner=not config["is_shared"])
        self.intake = Intake(database, self.catalog, self.versions, blobs, self.jobs)
        self.database, self.record = database, record

    def tell(self, **event: object) -> None:
        """Appends to the history, on disk when it returns."""
        with (self.folder / "history.jsonl").open("a") as file:
            file.write(json.dumps(event) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def add(self, files: Sequence[tuple[str, str]]) -> None:
        for path, text in files:
            (document,) = self.intake.add(COLLECTION, [(path, io.BytesIO(text.encode()))])
            self.tell(accepted=document.id, path=path)

    def wait_for(self, name: str) -> None:
        """Until the test makes a file of that name in the folder."""
        while not (self.folder / name).exists():
            time.sleep(0.02)

    def add_in_vain(self, files: Sequence[tuple[str, str]]) -> None:
        for path, text in files:
            try:
                self.add([(path, text)])
            except StorageFullError:
                self.tell(refused=path)

    def delete(self, path: str) -> None:
        for document in self.catalog.documents():
            if document.path == path:
                self.intake.delete(document.id)
                self.tell(deleted=document.id, path=path)

    def reindex(self, name: str) -> None:
        """Builds an index of that name from smaller chunks, or goes on building it."""
        recipe = Recipe(name=name, parts={"max_tokens": 40})
        try:
            Reindexing(self.database, self.record, self.jobs, recipe).begin()
        except ConflictError:
            self.tell(reindexed_before=name)

    def settle(self) -> None:
        """Until every document is at its end, every deletion carried out, and every job over."""
        while (
            self.catalog.documents(statuses=UNFINISHED_STATUSES, limit=1)
            or any(record.verified_at is None for record in self.versions.deletions.records(limit=1000))
            or self.jobs.unfinished_deletions()
            or self.jobs.unfinished(
                [ingest_job(each.id, each.version) for each in self.catalog.documents(limit=1000)]
            )
            or not self.jobs.is_idle
            or len(self.record.all()) > 1
        ):
            time.sleep(0.02)

    def work(self, _: None) -> None:
        """Until the test says `stop` in the folder; then until everything is settled."""
        self.wait_for("stop")
        self.settle()

    def close(self) -> None:
        self.jobs.stop()
        self.generations.close()


def open_index(folder: Path, name: str, reserve_bytes: int, *, is_shared: bool) -> Index:
    if is_shared:
        return SharedIndex(folder / f"{name}.db")
    place = folder / "index" / name
    return QdrantEdgeIndex(place, dimension=DIMENSION, reserve=Reserve(folder / "index", reserve_bytes))


def play(config: dict[str, Any]) -> None:
    crash_points.arm(config["crash_at"])
    scene = Scene(config)
    for verb, value in config["acts"]:
        if verb == "settle":
            scene.settle()
        elif verb == "sleep":
            time.sleep(value)
        else:
            getattr(scene, verb)(value)
    scene.close()


def main() -> None:
    alive: set[int] = set()
    for line in sys.stdin:
        command = json.loads(line)
        if "wait" in command:
            _, status = os.waitpid(command["wait"], 0)
            alive.discard(command["wait"])
            _answer(code=os.waitstatus_to_exitcode(status))
            continue
        process = os.fork()
        if process == 0:
            _be_the_child(command["run"])
        alive.add(process)
        _answer(process=process)
    for process in alive:
        os.kill(process, signal.SIGKILL)


def _answer(**reply: int) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


def _be_the_child(config: dict[str, Any]) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    code = 1
    try:
        play(config)
        code = 0
    except BaseException:  # noqa: BLE001  # the edge of this process
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
