"""Chunks into the index."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

import numpy as np

from corpus.documents import Chunk, CollectionId
from corpus.errors import SourcebookError
from retrieval.embedding import Embedder, Vectors, embedded_chunk_text
from retrieval.index import Index, IndexPoint
from retrieval.keyword import KeywordEncoder

TitledChunk = tuple[str, Chunk]
"""A chunk with the title of its document, which is embedded with it."""

NOTHING_EMBEDDED: Mapping[str, str] = MappingProxyType({})

# Vectors held at a time, and what is embedded again after a crash.
_BATCH = 256
_SHORTEST = 1e-6


class BadVectorsError(SourcebookError):
    """The embedding model gave vectors that cannot be searched."""


class Indexer:
    def __init__(self, index: Index, embedder: Embedder, keywords: KeywordEncoder | None = None) -> None:
        self._index = index
        self._embedder = embedder
        self._keywords = keywords or KeywordEncoder()

    def index(
        self,
        chunks: Sequence[Chunk],
        *,
        collection_id: CollectionId,
        title: str,
        embedded: Mapping[str, str] = NOTHING_EMBEDDED,
    ) -> None:
        """Embeds and stores chunks of the document of that title. Doing it twice changes nothing.

        `embedded` names points in the index by the text that was embedded for them: a chunk of the same
        text takes over its vector.
        """
        if not embedded:
            self.index_titled(((title, chunk) for chunk in chunks), collection_id=collection_id)
            return
        points = {chunk.point_id: embedded.get(embedded_chunk_text(chunk, title)) for chunk in chunks}
        known = self._index.vectors([point for point in points.values() if point])
        taken = [(title, chunk) for chunk in chunks if points[chunk.point_id] in known]
        if taken:
            vectors = np.stack([known[points[chunk.point_id] or ""] for _, chunk in taken])
            self.store(taken, vectors, collection_id=collection_id)
        new = ((title, chunk) for chunk in chunks if points[chunk.point_id] not in known)
        self.index_titled(new, collection_id=collection_id)

    def index_titled(self, chunks: Iterable[TitledChunk], *, collection_id: CollectionId) -> None:
        """The same for chunks of many documents at once, which is faster for short ones."""
        for batch in _batches(chunks):
            # A full disk is waited for: nobody shall embed the same again and again meanwhile.
            self._index.check_room()
            self.store(batch, self.embed(batch), collection_id=collection_id)

    def embed(self, chunks: Sequence[TitledChunk]) -> Vectors:
        """A row for each chunk: to keep with the chunks, so that unchanged ones need no embedding again.

        Raises `BadVectorsError`: a vector of another length, of zeros or not of numbers never goes further.
        """
        vectors = self._embedder.embed_documents(
            [embedded_chunk_text(chunk, title) for title, chunk in chunks]
        )
        shape = (len(chunks), self._embedder.dimension)
        if vectors.shape != shape:
            raise BadVectorsError(f"The embedding model gave vectors of shape {vectors.shape}, not {shape}.")
        # A row with anything but numbers in it has no length either.
        lengths = np.linalg.norm(vectors, axis=1)
        if not np.all(np.isfinite(lengths) & (lengths > _SHORTEST)):
            raise BadVectorsError("The embedding model gave vectors of zeros or of what is no number.")
        return vectors

    def store(self, chunks: Sequence[TitledChunk], vectors: Vectors, *, collection_id: CollectionId) -> None:
        """Stores chunks under vectors that `embed` made for the same texts under the same titles."""
        self._index.upsert(
            [
                IndexPoint(
                    point_id=chunk.point_id,
                    collection_id=collection_id,
                    document_id=chunk.document_id,
                    version=chunk.version,
                    dense=vector,
                    keyword=self._keywords.document(embedded_chunk_text(chunk, title), chunk.language),
                )
                for (title, chunk), vector in zip(chunks, vectors, strict=True)
            ]
        )


def _batches(chunks: Iterable[TitledChunk]) -> Iterator[list[TitledChunk]]:
    remaining = iter(chunks)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
