"""How much longer is ingesting a folder of text than embedding the same chunks alone?

    .venv/bin/python bench/pipeline_overhead.py [FOLDER]

Ingests text files through the whole pipeline (intake, jobs, sandboxed parsing, chunking, embedding, index,
record), then embeds exactly the chunks that came of it, in one call, with the same embedder in the same
process; several runs, medians. Two ratios: of wall time, and of processor time (of this process and its
children, without the zygote's start), which other jobs on the machine disturb less. FOLDER defaults to the
pages of the PostgreSQL manual in the shared data, as plain text.
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import psutil
from selectolax.lexbor import LexborHTMLParser

from api.ingesting import files_below, ingest
from api.local import LocalClient
from api.settings import Settings
from api.wiring import open_embedder, open_sourcebook
from corpus.database import Database
from corpus.versions import Versions
from retrieval.embedding import embedded_chunk_text

MANUAL = Path(__file__).parents[2] / "shared" / "data" / "docs" / "postgresql-15-html.zip"
PAGES = 120
RUNS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else manual_as_text(Path(scratch) / "manual")
        embedder = open_embedder()
        embedder.embed_query("warm up")
        ratios: list[tuple[float, float]] = []
        for run in range(RUNS):
            ingested, texts = ingest_once(folder, Path(scratch) / f"data{run}")
            before = Spent.now()
            embedder.embed_documents(texts)
            embedded = Spent.now().since(before)
            ratios.append((ingested.wall / embedded.wall, ingested.processor / embedded.processor))
            print(f"run {run + 1}: {len(texts)} chunks, ingest {ingested}, embed {embedded}")
    wall, processor = (statistics.median(kind) for kind in zip(*ratios, strict=True))
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    print(f"median ratio: wall {wall:.2f}, processor {processor:.2f} ({machine})")


class Spent(NamedTuple):
    """Seconds."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> "Spent":
        """Processor time is of this process and all its living children, and of what they waited for."""
        own = psutil.Process()
        times = [each.cpu_times() for each in (own, *own.children(recursive=True))]
        return cls(
            time.monotonic(),
            sum(one.user + one.system + one.children_user + one.children_system for one in times),
        )

    def since(self, earlier: "Spent") -> "Spent":
        return Spent(self.wall - earlier.wall, self.processor - earlier.processor)

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.processor:.1f} CPU-s)"


def ingest_once(folder: Path, data: Path) -> tuple[Spent, list[str]]:
    """What passed from hand-over to the last document ready, and what was embedded."""
    with open_sourcebook(Settings(data=data)) as sourcebook:
        client = LocalClient(sourcebook)
        files = list(files_below([folder]))
        # The zygote and the model are started once per process, not per folder.
        ingest(client, "warm-up", files[:2], lambda _done, _all: None)
        before = Spent.now()
        ingest(client, "bench", files, lambda _done, _all: None)
        spent = Spent.now().since(before)
        (collection_id,) = sourcebook.catalog.collection_ids(["bench"])
        documents = sourcebook.catalog.documents(collection_id=collection_id, limit=100_000)
    database = Database(f"sqlite:///{data / 'sourcebook.db'}")
    versions = Versions(database)
    texts = [
        embedded_chunk_text(chunk, document.title)
        for document in documents
        for chunk in versions.chunks(document.id, document.version)
    ]
    database.close()
    return spent, texts


def manual_as_text(folder: Path) -> Path:
    """Pages of the manual as text files, spread evenly over the book."""
    folder.mkdir()
    with ZipFile(MANUAL) as archive:
        pages = sorted(name for name in archive.namelist() if name.endswith(".html"))
        for name in pages[:: len(pages) // PAGES][:PAGES]:
            text = LexborHTMLParser(archive.read(name)).text(separator="\n", strip=True)
            (folder / Path(name).with_suffix(".txt").name).write_text(text, encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
