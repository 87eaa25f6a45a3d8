"""An answer while it is made (events) and when it is done."""

from dataclasses import dataclass, field
from enum import StrEnum

from corpus.documents import Box, DocumentId
from generation.locations import quote_location
from retrieval.passages import Passage

NO_ANSWER = "The documents do not answer this."


class Support(StrEnum):
    """How well a sentence is backed by the passages it cites."""

    SUPPORTED = "supported"
    WEAK = "weak"
    UNSUPPORTED = "unsupported"


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    STOPPED = "stopped"
    NO_EVIDENCE = "no_evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Marker `[n]` in the answer rests on `quote`, verbatim characters `start` to `end` of the document."""

    n: int
    """From 1, in order of first use."""
    document_id: DocumentId
    document_version: int
    title: str
    page: int | None
    quote: str
    start: int
    end: int
    """Span in the document's canonical text, in Unicode code points."""
    boxes: tuple[Box, ...]
    passage: Passage

    @property
    def location(self) -> tuple[str, ...]:
        """The headings or sheet above the quote and, for a table, the row that it quotes, by column."""
        read = self.passage.read_chunks
        holders = (chunk for chunk in read if chunk.start <= self.start and self.end <= chunk.end)
        return quote_location(next(holders, self.passage.chunk), self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSentence:
    text: str
    """The sentence with its markers."""
    citations: tuple[int, ...]
    support: Support


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    text: str
    """With markers `[1]`; `NO_ANSWER` when the documents do not answer."""
    answerable: bool
    citations: tuple[Citation, ...]
    sentences: tuple[AnswerSentence, ...]
    passages: tuple[Passage, ...]
    """What was retrieved, best first: the evidence, or the nearest passages of a refusal."""
    finish_reason: FinishReason
    model: str
    usage: Usage = field(default_factory=Usage)
    timings_ms: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStarted:
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassagesFound:
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDelta:
    delta: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CitationMade:
    citation: Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDone:
    answer: Answer


AnswerEvent = SearchStarted | PassagesFound | AnswerDelta | CitationMade | AnswerDone
"""In this order; `CitationMade` comes before the delta that first shows its marker; `AnswerDone` is last."""
