"""Builds another index generation beside the one that answers, and switches when it is complete.

Nothing is parsed again: the record holds every document's text. A crash costs at most the documents in work.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from corpus.catalog import Catalog
from corpus.crash_points import reach
from corpus.database import Database, Transaction
from corpus.documents import Chunk, Document, DocumentId, Region
from corpus.errors import NotFoundError, SourcebookError, UnavailableError
from corpus.generations import Generation, Generations, GenerationStatus
from corpus.versions import Standing, Versions
from ingest.generations import SETTLE_SECONDS, OpenGeneration, OpenGenerations
from ingest.parsed import ParsedDocument

ROUND = 32
"""Documents of one step."""
SIDE_BY_SIDE = 8
"""Documents in work at a time: the embedder puts their chunks into common batches."""
BATCH = 256
"""Chunks embedded and stored at a time."""

Result = TypeVar("Result")


class Steps(Protocol):
    """Durable steps: what was done before a crash is not done again."""

    def step(self, name: str, work: Callable[[], Result]) -> Result: ...

    def pause_point(self) -> None: ...


class RebuildQueue(Protocol):
    def enqueue_rebuild(self, transaction: Transaction, number: int, run: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the settings want chunks to be made and embedded."""

    name: str
    """Of the index it gives; another name is another generation."""
    parts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    name: str
    documents_done: int
    documents_total: int
    problem: str | None
    """Why it stopped; `None` while it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    answering: str
    """Name of the index that answers."""
    wanted: str
    """Name of the index that the settings would give."""
    building: Building | None

    @property
    def is_current(self) -> bool:
        return self.answering == self.wanted


class Reindexing:
    """What people may do: look, begin, cancel."""

    def __init__(self, database: Database, record: Generations, queue: RebuildQueue, wanted: Recipe) -> None:
        self._database = database
        self._record = record
        self._queue = queue
        self._wanted = wanted

    def state(self) -> IndexState:
        by_status = {each.status: each for each in self._record.all()}
        building = by_status.get(GenerationStatus.BUILDING)
        active = by_status.get(GenerationStatus.ACTIVE)
        return IndexState(
            answering=active.name if active else self._wanted.name,
            wanted=self._wanted.name,
            building=self._building(building) if building else None,
        )

    def begin(self) -> IndexState:
        """Builds the index that the settings want, or goes on building it.

        Raises `ConflictError` when that index answers already, or another one is being built.
        """
        with self._database.write() as transaction:
            generation = self._record.begin(transaction, self._wanted.name, self._wanted.parts)
            self._queue.enqueue_rebuild(transaction, generation.number, generation.run)
        return self.state()

    def cancel(self) -> IndexState:
        """Removes what was built so far. Raises `ConflictError` when nothing is being built."""
        with self._database.write() as transaction:
            generation = self._record.cancel(transaction)
            self._queue.enqueue_rebuild(transaction, generation.number, generation.run)
        return self.state()

    def _building(self, generation: Generation) -> Building:
        progress = self._record.progress(generation.number)
        return Building(
            name=generation.name,
            documents_done=progress.documents_done,
            documents_total=progress.documents_total,
            problem=generation.problem,
        )


class Rebuilding:
    """What the worker does."""

    def __init__(
        self, catalog: Catalog, versions: Versions, record: Generations, generations: OpenGenerations
    ) -> None:
        self._catalog = catalog
        self._versions = versions
        self._record = record
        self._generations = generations

    def run(self, number: int, steps: Steps) -> None:
        """Builds a generation, lets it answer and removes the one before; or removes a cancelled one."""
        try:
            self._build(number, steps)
        except Exception as error:  # noqa: BLE001  # the worker's edge: whoever waits must hear of it
            problem = str(error) if isinstance(error, SourcebookError) else f"Internal error: {error!r}"
            steps.step("stop", partial(self._record.stop, number, problem))
            return
        steps.step("settle", lambda: time.sleep(SETTLE_SECONDS))
        steps.step("remove", self._remove_retired)

    def _build(self, number: int, steps: Steps) -> None:
        rounds = 0
        while True:
            while steps.step(f"build:{rounds}", lambda: self._build_some(number, steps)):
                rounds += 1
            # What is published from now on lacks, and then the switch is refused.
            if steps.step(f"switch:{rounds}", lambda: self._switch(number)):
                return
            rounds += 1

    def _build_some(self, number: int, steps: Steps) -> int:
        """Up to a round of documents; how many there were."""
        if not self._record.is_building(number):
            return 0
        lacking = self._record.lacking(number, limit=ROUND)

        def build(each: tuple[DocumentId, int]) -> None:
            self._build_one(number, *each, steps)

        with ThreadPoolExecutor(SIDE_BY_SIDE, "rebuild") as pool:
            list(pool.map(build, lacking))
        return len(lacking)

    def _build_one(self, number: int, document_id: DocumentId, version: int, steps: Steps) -> None:
        generation = self._generations.opened(number)
        if generation is None:
            return
        try:
            document = self._catalog.document(document_id)
            chunks = self._chunks(generation, document, version)
        except NotFoundError:
            return  # deleted meanwhile
        if not self._record.store_chunks(number, document_id, version, chunks):
            return
        title = self._versions.version_title(document_id, version)
        for first in range(0, len(chunks), BATCH):
            steps.pause_point()
            generation.indexer.index(
                chunks[first : first + BATCH], collection_id=document.collection_id, title=title
            )
            reach("rebuild.stored")
        stored = generation.index.count(document_id, version=version)
        if stored != len(chunks) and self._versions.standing(document_id, version) is Standing.ACTIVE:
            raise UnavailableError(f"The index holds {stored} of the {len(chunks)} vectors of {document_id}.")
        self._record.complete(number, document_id, version, len(chunks))
        if self._versions.standing(document_id, version) is not Standing.ACTIVE:
            # Deleted or replaced while we embedded: whoever did it may have come before our vectors.
            generation.index.delete(document_id, version=version)

    def _chunks(self, generation: OpenGeneration, document: Document, version: int) -> list[Chunk]:
        """The version cut anew, from the text and the places on the page that the record holds."""
        text = self._catalog.text(document.id)
        if text.version != version:
            return []
        present = self._versions.chunks(document.id, version, generation=self._generations.active().number)
        regions: dict[tuple[int, int], Region] = {
            (region.start, region.end): region for chunk in present for region in chunk.regions
        }
        parsed = ParsedDocument(
            title=text.title,
            text=text.text,
            blocks=text.blocks,
            regions=tuple(regions[span] for span in sorted(regions)),
            pages=text.pages,
            language=present[0].language if present else "und",
        )
        return generation.chunker.split(parsed, document.id, version, generation=generation.number)

    def _switch(self, number: int) -> bool:
        if generation := self._generations.opened(number):
            generation.index.flush()
            generation.index.optimize()
        reach("rebuild.switching")
        return self._record.switch(number)

    def _remove_retired(self) -> None:
        for each in self._record.all():
            if each.status is GenerationStatus.RETIRED:
                self._generations.drop(each)
                while self._record.remove_chunks(each.number):
                    pass
                self._record.forget(each.number)
