"""The seam to the engine that holds dense and keyword vectors side by side."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from corpus.documents import CollectionId, DocumentId
from retrieval.embedding import Vectors
from retrieval.passages import SearchMode


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordVector:
    """A sparse vector: one weight per distinct token, tokens hashed to unsigned 32-bit numbers."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPoint:
    """One chunk as the index stores it; its text stays in the record."""

    point_id: str
    collection_id: CollectionId
    document_id: DocumentId
    version: int
    dense: Vectors
    keyword: KeywordVector


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuery:
    """Both forms of a question and the only collections it may touch."""

    dense: Vectors
    keyword: KeywordVector
    collections: frozenset[CollectionId]
    mode: SearchMode
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    point_id: str
    score: float
    """Fused score in hybrid mode, cosine in dense mode, BM25 in keyword mode; higher is better."""
    similarity: float
    """Cosine of question and chunk."""


class Index(Protocol):
    """Safe to call from several threads. Raises `corpus.errors.UnavailableError` when the engine is away."""

    def check_room(self) -> None:
        """Raises `StorageFullError` when nothing can be stored now: ask before embedding in vain."""
        ...

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Stores points; the same point id twice is one point. Survives a crash once it returned."""
        ...

    def delete(
        self, document_id: DocumentId, *, version: int | None = None, before_version: int | None = None
    ) -> None:
        """Removes a document's points: all, those of `version`, or those of versions before another."""
        ...

    def remove(self, point_ids: Sequence[str]) -> None:
        """Removes points; one that is not there is passed over."""
        ...

    def vectors(self, point_ids: Sequence[str]) -> dict[str, Vectors]:
        """The dense unit vectors of those of the points that are there."""
        ...

    def point_ids(self) -> Iterator[list[str]]:
        """The ids of all points, some at a time; what is written meanwhile may be among them or not."""
        ...

    def search(self, query: IndexQuery) -> list[Hit]:
        """Best first; an empty set of collections finds nothing without asking the engine."""
        ...

    def count(self, document_id: DocumentId | None = None, *, version: int | None = None) -> int:
        """Number of points: all, of a document, or of one version of it."""
        ...

    def flush(self) -> None:
        """Once it returned, what was written before survives even a power loss."""
        ...

    def optimize(self) -> None:
        """Builds what makes searches fast; searches and writes go on meanwhile. Takes seconds to minutes."""
        ...

    def close(self) -> None: ...

    def drop(self) -> None:
        """Closes the index and removes all of it for good."""
        ...


def generation_name(model: str, dimension: int, chunker: str) -> str:
    """Name of the index that holds vectors of just this kind: safe as a folder and as a collection name."""
    return re.sub(r"[^a-z0-9.]+", "-", f"{model}-{dimension}-{chunker}".lower()).strip("-.")
