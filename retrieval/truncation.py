"""Shorter vectors: the first numbers of an embedder's (Matryoshka Representation Learning, Kusupati 2022)."""

from collections.abc import Sequence

import numpy as np

from corpus.errors import ConfigurationError
from retrieval.embedding import Embedder, Vectors


class TruncatedEmbedder:
    """An embedder of which only the first `dimension` numbers are kept, as unit vectors again.

    Raises `ConfigurationError` when the embedder has not so many.
    """

    def __init__(self, embedder: Embedder, dimension: int) -> None:
        if not 0 < dimension <= embedder.dimension:
            raise ConfigurationError(
                f"The embedder gives vectors of {embedder.dimension} numbers: {dimension} cannot be kept."
            )
        self._embedder = embedder
        self.dimension = dimension
        self.model = embedder.model
        self.max_tokens = embedder.max_tokens

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return self._embedder.token_offsets(text)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return self._cut(self._embedder.embed_documents(texts))

    def embed_query(self, text: str) -> Vectors:
        return self._cut(self._embedder.embed_query(text))

    def _cut(self, vectors: Vectors) -> Vectors:
        kept = vectors[..., : self.dimension]
        return kept / np.maximum(np.linalg.norm(kept, axis=-1, keepdims=True), 1e-12)
