"""What stands around a passage: small chunks are found, their section is what a language model reads."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from corpus.documents import Chunk, Document, point_id
from retrieval.passages import Passage, Query
from retrieval.retriever import ChunkRecord, PassageSource

_REACH = 8
"""Chunks looked at before and after each passage; a section is hardly ever longer."""


class SectionRetriever:
    """Retrieves passages with their sections.

    A passage's section is its chunk with the neighbours under the same headings, as many as `max_tokens` of
    the embedder's tokens hold, taken after the chunk and before it in turn. No two sections overlap: a chunk
    that is itself a passage ends the sections around it, and a better passage takes its neighbours first.
    Neighbours are read from the record as hits are: only what is active now and in the query's collections.
    """

    def __init__(self, retriever: PassageSource, record: ChunkRecord, *, max_tokens: int) -> None:
        self._retriever = retriever
        self._record = record
        self._max_tokens = max_tokens

    def retrieve(self, query: Query) -> list[Passage]:
        """As `Retriever.retrieve`."""
        passages = self._retriever.retrieve(query)
        free = self._neighbours(passages, query)
        return [
            replace(passage, section=_section(passage.chunk, free, self._max_tokens)) for passage in passages
        ]

    def _neighbours(self, passages: Sequence[Passage], query: Query) -> dict[str, Chunk]:
        found = {passage.chunk.point_id for passage in passages}
        wanted = {key for passage in passages for key in _around(passage.chunk)} - found
        readable: Mapping[str, tuple[Chunk, Document]] = self._record.readable_chunks(sorted(wanted))
        return {
            key: chunk
            for key, (chunk, document) in readable.items()
            if document.collection_id in query.collections
        }


def _around(chunk: Chunk) -> list[str]:
    first, last = max(0, chunk.number - _REACH), chunk.number + _REACH
    return [_point(chunk, number) for number in range(first, last + 1)]


def _point(chunk: Chunk, number: int) -> str:
    return point_id(chunk.document_id, chunk.version, number, chunk.generation)


def _section(chunk: Chunk, free: dict[str, Chunk], max_tokens: int) -> tuple[Chunk, ...]:
    """The chunk and its neighbours in reading order; takes them out of `free`."""
    section = deque([chunk])
    left = max_tokens - chunk.tokens
    steps = deque([+1, -1])
    while steps:
        step = steps.popleft()
        edge = section[-1] if step > 0 else section[0]
        neighbour = free.get(_point(edge, edge.number + step))
        if neighbour is None or neighbour.heading_path != chunk.heading_path or neighbour.tokens > left:
            continue
        del free[neighbour.point_id]
        left -= neighbour.tokens
        if step > 0:
            section.append(neighbour)
        else:
            section.appendleft(neighbour)
        steps.append(step)
    return tuple(section)
