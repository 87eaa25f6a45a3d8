"""The seam to whatever turns text into vectors."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from corpus.documents import Chunk

Vectors = NDArray[np.float32]

PLACE_LIMIT = 300
"""Characters of title and headings that are embedded with a chunk: most of its tokens are for its text."""


class Embedder(Protocol):
    """Texts to unit vectors. Safe to call from several threads."""

    @property
    def model(self) -> str:
        """Name of the model, part of the identity of an index generation."""
        ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """The longest text that is read whole, special tokens included; the rest would be cut."""
        ...

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token of `text`, without special tokens."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a row, in the order of `texts`; shape (len(texts), dimension)."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """A unit vector of shape (dimension,)."""
        ...


def embedded_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """What is embedded and indexed for a chunk: its place in the document, then its text."""
    place = " > ".join(part for part in (title, *heading_path) if part)[:PLACE_LIMIT]
    return f"{place}\n{text}" if place else text


def embedded_chunk_text(chunk: Chunk, title: str) -> str:
    return embedded_text(title, chunk.heading_path, chunk.read_text)
