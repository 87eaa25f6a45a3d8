"""The index generations that this process has open: the one that answers, and one being built beside it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Protocol

from corpus.documents import Chunk, CollectionId
from corpus.generations import Generation, Generations, GenerationStatus
from ingest.chunking import Chunker
from retrieval.embedding import Embedder
from retrieval.index import Index
from retrieval.indexing import NOTHING_EMBEDDED

BELIEVED_SECONDS = 1.0
"""How long another process's change of generations may go unnoticed here."""

SETTLE_SECONDS = 5.0
"""How long a generation that was replaced is kept: every search that began in it has ended by then."""


class ChunkIndexer(Protocol):
    def index(
        self,
        chunks: list[Chunk],
        *,
        collection_id: CollectionId,
        title: str,
        embedded: Mapping[str, str] = NOTHING_EMBEDDED,
    ) -> None:
        """Stores chunks; `embedded` names points whose vectors can be taken over, by what was embedded."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGeneration:
    number: int
    chunker: Chunker
    embedder: Embedder
    indexer: ChunkIndexer
    index: Index


class OpenGenerations:
    """Opens generations as the record knows them, each once; safe to call from several threads."""

    def __init__(self, record: Generations, open_one: Callable[[Generation], OpenGeneration]) -> None:
        self._record = record
        self._open_one = open_one
        self._lock = RLock()
        self._opened: dict[int, OpenGeneration] = {}
        self._active = 0
        self._asked_at = -BELIEVED_SECONDS

    def active(self) -> OpenGeneration:
        """The one that answers."""
        with self._lock:
            if time.monotonic() - self._asked_at >= BELIEVED_SECONDS:
                self._ask()
            return self._opened[self._active]

    def all(self) -> list[OpenGeneration]:
        """The one that answers and one that is being built, asked of the record now: for removals."""
        with self._lock:
            return [self._opened[number] for number in self._ask()]

    def opened(self, number: int) -> OpenGeneration | None:
        """`None` when it was replaced or cancelled."""
        with self._lock:
            return self._opened[number] if number in self._ask() else None

    def drop(self, generation: Generation) -> None:
        """Removes the index of a generation that was replaced or cancelled."""
        with self._lock:
            self._ask()  # nobody is to be given this one again
            opened = self._opened.pop(generation.number, None) or self._open_one(generation)
            opened.index.drop()

    def flush(self) -> None:
        for generation in self.all():
            generation.index.flush()

    def optimize(self) -> None:
        for generation in self.all():
            generation.index.optimize()

    def close(self) -> None:
        with self._lock:
            for generation in self._opened.values():
                generation.index.close()
            self._opened.clear()

    def _ask(self) -> list[int]:
        """Numbers of those in use; opens what is new, closes what another process has removed."""
        known = self._record.all()
        used = [each for each in known if each.status is not GenerationStatus.RETIRED]
        for each in used:
            if each.number not in self._opened:
                self._opened[each.number] = self._open_one(each)
            if each.status is GenerationStatus.ACTIVE:
                self._active = each.number
        for number in self._opened.keys() - {each.number for each in known}:
            self._opened.pop(number).index.close()
        self._asked_at = time.monotonic()
        return [each.number for each in used]
