"""MiniLM that embeds no text twice, not even in another run."""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import Vectors

_BATCH = 128


class CachedEmbedder:
    """Keeps vectors in the SQLite file `cache`, by the text's sha256. For one thread."""

    def __init__(self, cache: Path) -> None:
        self._embedder = MiniLmEmbedder()
        self.model = self._embedder.model
        self.dimension = self._embedder.dimension
        self.max_tokens = self._embedder.max_tokens
        self._kept = sqlite3.connect(cache)
        self._kept.execute("create table if not exists vectors (text blob primary key, vector blob)")

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return self._embedder.token_offsets(text)

    def embed_query(self, text: str) -> Vectors:
        return self.embed_documents([text])[0]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        vectors = {key: vector for key in keys if (vector := self._read(key)) is not None}
        missing = list(
            {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}.items()
        )
        for first in range(0, len(missing), _BATCH):
            batch = missing[first : first + _BATCH]
            made = self._embedder.embed_documents([text for _, text in batch])
            vectors.update((key, vector) for (key, _), vector in zip(batch, made, strict=True))
            self._kept.executemany(
                "insert or replace into vectors values (?, ?)",
                [(key, vector.tobytes()) for (key, _), vector in zip(batch, made, strict=True)],
            )
            self._kept.commit()
        return np.stack([vectors[key] for key in keys])

    def _read(self, key: bytes) -> Vectors | None:
        found = self._kept.execute("select vector from vectors where text = ?", (key,)).fetchone()
        return np.frombuffer(found[0], dtype=np.float32) if found else None
