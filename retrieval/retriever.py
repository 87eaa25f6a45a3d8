"""A question becomes passages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from corpus.documents import Chunk, Document
from corpus.errors import InvalidInputError
from retrieval.embedding import Embedder
from retrieval.index import Hit, Index, IndexQuery
from retrieval.keyword import KeywordEncoder
from retrieval.passages import Passage, Query

# Hits asked for beyond the limit, against those that the record turns down.
_SPARE = 20
_GROWTH = 4
_RECORD_BATCH = 500


class ChunkRecord(Protocol):
    def readable_chunks(self, point_ids: Sequence[str]) -> Mapping[str, tuple[Chunk, Document]]:
        """Of these chunks those that may be shown: of the active version of a document not deleted."""
        ...


class PassageSource(Protocol):
    """Whoever finds passages, best first; may block. Safe to call from several threads."""

    def retrieve(self, query: Query) -> Sequence[Passage]: ...


class SearchEngine(Protocol):
    """An index, and the embedder whose vectors it holds."""

    @property
    def index(self) -> Index: ...

    @property
    def embedder(self) -> Embedder: ...


class CurrentRetriever:
    """Searches whatever engine answers at that moment: one question sees one engine from start to end."""

    def __init__(self, current: Callable[[], SearchEngine], record: ChunkRecord) -> None:
        self._current = current
        self._record = record

    def retrieve(self, query: Query) -> list[Passage]:
        """As `Retriever.retrieve`."""
        engine = self._current()
        return Retriever(engine.index, engine.embedder, self._record).retrieve(query)


class Retriever:
    """Searches the index, then believes the record: what was replaced, deleted or moved since is left out."""

    def __init__(
        self, index: Index, embedder: Embedder, record: ChunkRecord, keywords: KeywordEncoder | None = None
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._record = record
        self._keywords = keywords or KeywordEncoder()

    def retrieve(self, query: Query) -> list[Passage]:
        """Up to `query.limit` passages, best first. Raises `InvalidInputError` for an empty text or limit."""
        if not query.text.strip():
            raise InvalidInputError("The query is empty: write what you look for.")
        if query.limit < 1:
            raise InvalidInputError("The limit must be at least 1.")
        if not query.collections:
            return []
        dense = self._embedder.embed_query(query.text)
        keyword = self._keywords.query(query.text)
        wanted = query.limit + _SPARE
        while True:
            hits = self._index.search(
                IndexQuery(
                    dense=dense,
                    keyword=keyword,
                    collections=query.collections,
                    mode=query.mode,
                    limit=wanted,
                )
            )
            passages = self._readable(hits, query)
            if len(passages) == query.limit or len(hits) < wanted:
                return passages
            # So many hits were stale that readable ones may lie further down.
            wanted *= _GROWTH

    def _readable(self, hits: Sequence[Hit], query: Query) -> list[Passage]:
        passages: list[Passage] = []
        for start in range(0, len(hits), _RECORD_BATCH):
            batch = hits[start : start + _RECORD_BATCH]
            found = self._record.readable_chunks([hit.point_id for hit in batch])
            for hit, chunk, document in _known(batch, found):
                if len(passages) < query.limit and document.collection_id in query.collections:
                    passages.append(_passage(hit, chunk, document, rank=len(passages) + 1))
        return passages


def _known(
    hits: Sequence[Hit], found: Mapping[str, tuple[Chunk, Document]]
) -> Iterable[tuple[Hit, Chunk, Document]]:
    return ((hit, *found[hit.point_id]) for hit in hits if hit.point_id in found)


def _passage(hit: Hit, chunk: Chunk, document: Document, *, rank: int) -> Passage:
    return Passage(
        rank=rank,
        score=hit.score,
        similarity=hit.similarity,
        chunk=chunk,
        title=document.title,
        path=document.path,
        media_type=document.media_type,
        collection=document.collection,
    )
