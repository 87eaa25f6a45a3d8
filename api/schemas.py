"""What goes over the wire. The `--json` shapes of the command line are the same models."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from retrieval.passages import SearchMode

Item = TypeVar("Item")

CollectionName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class Schema(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="ignore")


class Page(Schema, Generic[Item]):
    """One page of a list; pass `next_cursor` as `cursor` for the next."""

    data: list[Item]
    next_cursor: str | None = None
    has_more: bool = False


class CollectionSchema(Schema):
    id: str
    name: str
    documents: int
    is_paused: bool
    created_at: datetime


class NewCollection(Schema):
    name: CollectionName


class ReasonSchema(Schema):
    code: str
    title: str
    detail: str
    action: str
    retryable: bool
    stage: str
    attempt: int
    at: datetime


class ProgressSchema(Schema):
    chunks_done: int
    chunks_total: int | None
    eta_seconds: float | None
    stage_at: datetime
    stepped_at: datetime


class DocumentSchema(Schema):
    id: str
    collection: str
    path: str
    title: str
    media_type: str
    size_bytes: int
    status: str
    reason: ReasonSchema | None
    duplicate_of: str | None
    warnings: list[str]
    pages: int | None
    chunks: int
    version: int
    active_version: int | None
    attempts: int
    progress: ProgressSchema
    is_stalled: bool
    created_at: datetime
    updated_at: datetime


class DocumentChanged(Schema):
    """A document is new or stands elsewhere than before."""

    type: Literal["document.changed"] = "document.changed"
    document: DocumentSchema


class DocumentDeleted(Schema):
    type: Literal["document.deleted"] = "document.deleted"
    document_id: str
    collection: str


DocumentEvent = DocumentChanged | DocumentDeleted


class BlockSchema(Schema):
    kind: str
    start: int
    end: int
    level: int | None
    page: int | None
    rows: list[tuple[int, int]]


class DocumentTextSchema(Schema):
    document_id: str
    version: int
    title: str
    media_type: str
    pages: int | None
    text: str
    blocks: list[BlockSchema]


class SearchRequest(Schema):
    query: Question
    collections: list[CollectionName] = Field(default_factory=list[str])
    """Names; empty means all."""
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    mode: SearchMode = SearchMode.HYBRID


class PassageSchema(Schema):
    rank: int
    score: float
    document_id: str
    title: str
    collection: str
    page: int | None
    heading_path: list[str]
    text: str
    start: int
    end: int


class SearchResponse(Schema):
    query: str
    mode: SearchMode
    took_ms: float
    passages: list[PassageSchema]


class BoxSchema(Schema):
    """Fractions 0 to 1 of the displayed page, origin top left."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


class AnswerRequest(Schema):
    question: Question
    collections: list[CollectionName] = Field(default_factory=list[str])
    """Names; empty means all."""


class CitationSchema(Schema):
    n: int
    document_id: str
    title: str
    page: int | None
    quote: str
    start: int
    end: int
    boxes: list[BoxSchema]
    location: list[str]
    """Headings or sheet above the quote; of a table also the row quoted, as `column: cell | column: cell`."""


class SentenceSchema(Schema):
    text: str
    citations: list[int]
    support: str


class UsageSchema(Schema):
    input_tokens: int
    output_tokens: int


class SpanSchema(Schema):
    start: int
    end: int


class SourceSchema(Schema):
    """A passage behind an answer: cited (with its number) or only read (`n` is null)."""

    n: int | None
    source_id: str
    document_id: str
    document_version: int
    title: str
    path: str
    mime_type: str
    url: str
    page: int | None
    section_path: list[str]
    table_header: str
    """For a source that begins inside a table: the table's header row; else empty."""
    location: list[str]
    """As a citation's; of a source that is only read, its headings."""
    quote: str
    score: float
    boxes: list[BoxSchema]
    text_span: SpanSchema


class AnswerResponse(Schema):
    question: str
    answer: str
    answerable: bool
    finish_reason: str
    model: str
    citations: list[CitationSchema]
    sentences: list[SentenceSchema]
    sources: list[SourceSchema]
    usage: UsageSchema
    timings_ms: dict[str, float]


class IngestedDocument(Schema):
    path: str
    document_id: str
    status: str
    reason: ReasonSchema | None
    chunks: int
    pages: int | None


class IngestReport(Schema):
    documents: list[IngestedDocument]
    took_s: float
    chunks_per_s: float


class Problem(Schema):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[dict[str, Any]] | None = None


# The answer stream: one of these per event; `type` is also the SSE event name, `seq` its id.


class MessageStart(Schema):
    type: Literal["message.start"] = "message.start"
    seq: int
    message_id: str
    conversation_id: str | None = None
    model: str
    created_at: datetime


class SearchStart(Schema):
    type: Literal["search.start"] = "search.start"
    seq: int
    queries: list[str]


class SearchResults(Schema):
    type: Literal["search.results"] = "search.results"
    seq: int
    sources: list[SourceSchema]


class AnswerDeltaEvent(Schema):
    type: Literal["answer.delta"] = "answer.delta"
    seq: int
    delta: str


class CitationEvent(Schema):
    type: Literal["citation"] = "citation"
    seq: int
    n: int
    source_id: str
    document_id: str
    title: str
    page: int | None
    quote: str
    start: int
    end: int
    boxes: list[BoxSchema]
    location: list[str]


class MessageEnd(Schema):
    type: Literal["message.end"] = "message.end"
    seq: int
    finish_reason: str
    cited: list[SourceSchema]
    sentences: list[SentenceSchema]
    followups: list[str] = Field(default_factory=list[str])
    usage: UsageSchema
    timings_ms: dict[str, float]


class ErrorEvent(Schema):
    type: Literal["error"] = "error"
    seq: int
    problem: Problem


StreamEvent = (
    MessageStart | SearchStart | SearchResults | AnswerDeltaEvent | CitationEvent | MessageEnd | ErrorEvent
)


class Evaluation(Schema):
    """What `sourcebook eval` reports."""

    dataset: str
    mode: str
    queries: int
    metrics: dict[str, float | None]
    latency_ms: dict[str, float]
