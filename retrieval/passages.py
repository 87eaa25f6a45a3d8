"""What goes into a search and what comes out."""

from dataclasses import dataclass
from enum import StrEnum

from corpus.documents import Chunk, CollectionId


class SearchMode(StrEnum):
    HYBRID = "hybrid"
    DENSE = "dense"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question with the collections its asker may read: there is no query without them."""

    text: str
    collections: frozenset[CollectionId]
    limit: int = 10
    mode: SearchMode = SearchMode.HYBRID


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk that was found for a query."""

    rank: int
    """From 1."""
    score: float
    """Comparable within one result list only."""
    similarity: float
    """Cosine of question and passage by the embedder, -1 to 1; comparable between queries."""
    chunk: Chunk
    title: str
    """The document's title."""
    path: str
    media_type: str
    collection: str
    """The collection's name."""
    document_date: str | None = None
    """ISO date of the document, where it states one."""
    section: tuple[Chunk, ...] = ()
    """What may be read with the chunk: neighbours under the same headings and itself, in reading order.

    Empty where nobody looked for it.
    """

    @property
    def read_chunks(self) -> tuple[Chunk, ...]:
        """The section, or the chunk alone where there is none."""
        return self.section or (self.chunk,)
