"""From an answer and its events to what goes over the wire."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from api.schemas import (
    AnswerDeltaEvent,
    AnswerResponse,
    BoxSchema,
    CitationEvent,
    CitationSchema,
    MessageEnd,
    MessageStart,
    SearchResults,
    SearchStart,
    SentenceSchema,
    SourceSchema,
    SpanSchema,
    StreamEvent,
    UsageSchema,
)
from corpus.documents import Box, new_id
from generation.answers import (
    Answer,
    AnswerDelta,
    AnswerDone,
    AnswerEvent,
    Citation,
    CitationMade,
    PassagesFound,
    SearchStarted,
)
from retrieval.passages import Passage


class EventWriter:
    """Numbers the events of one answer and gives them their wire form."""

    def __init__(self, model: str) -> None:
        self._model = model
        self.seq = 0

    def start(self) -> StreamEvent:
        return MessageStart(
            seq=self.next_seq(), message_id=new_id("msg"), model=self._model, created_at=datetime.now(UTC)
        )

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def write(self, event: AnswerEvent) -> StreamEvent:
        seq = self.next_seq()
        match event:
            case SearchStarted(queries=queries):
                return SearchStart(seq=seq, queries=list(queries))
            case PassagesFound(passages=passages):
                return SearchResults(seq=seq, sources=[passage_source(passage) for passage in passages])
            case AnswerDelta(delta=delta):
                return AnswerDeltaEvent(seq=seq, delta=delta)
            case CitationMade(citation=citation):
                return _citation_event(citation, seq)
            case AnswerDone(answer=answer):
                return MessageEnd(
                    seq=seq,
                    finish_reason=answer.finish_reason,
                    cited=[citation_source(citation) for citation in answer.citations],
                    sentences=[SentenceSchema.model_validate(sentence) for sentence in answer.sentences],
                    usage=UsageSchema.model_validate(answer.usage),
                    timings_ms=answer.timings_ms,
                )


def answer_response(question: str, answer: Answer) -> AnswerResponse:
    cited = [citation_source(citation) for citation in answer.citations]
    cited_ids = {source.source_id for source in cited}
    read = [passage_source(passage) for passage in answer.passages]
    return AnswerResponse(
        question=question,
        answer=answer.text,
        answerable=answer.answerable,
        finish_reason=answer.finish_reason,
        model=answer.model,
        citations=[citation_schema(citation) for citation in answer.citations],
        sentences=[SentenceSchema.model_validate(sentence) for sentence in answer.sentences],
        sources=cited + [source for source in read if source.source_id not in cited_ids],
        usage=UsageSchema.model_validate(answer.usage),
        timings_ms=answer.timings_ms,
    )


def citation_schema(citation: Citation) -> CitationSchema:
    return CitationSchema(
        n=citation.n,
        document_id=citation.document_id,
        title=citation.title,
        page=citation.page,
        quote=citation.quote,
        start=citation.start,
        end=citation.end,
        boxes=_boxes(citation.boxes),
        location=list(citation.location),
    )


def passage_source(passage: Passage) -> SourceSchema:
    chunk = passage.chunk
    return SourceSchema(
        n=None,
        source_id=_source_id(passage),
        document_id=chunk.document_id,
        document_version=chunk.version,
        title=passage.title,
        path=passage.path,
        mime_type=passage.media_type,
        url=_viewer_url(chunk.document_id, chunk.start, chunk.end, chunk.page),
        page=chunk.page,
        section_path=list(chunk.heading_path),
        table_header=chunk.header,
        location=list(chunk.heading_path),
        quote=chunk.text,
        score=passage.score,
        boxes=_boxes(chunk.boxes(chunk.start, chunk.end)),
        text_span=SpanSchema(start=chunk.start, end=chunk.end),
    )


def citation_source(citation: Citation) -> SourceSchema:
    return passage_source(citation.passage).model_copy(
        update={
            "n": citation.n,
            "page": citation.page,
            "quote": citation.quote,
            "location": list(citation.location),
            "boxes": _boxes(citation.boxes),
            "text_span": SpanSchema(start=citation.start, end=citation.end),
            "url": _viewer_url(citation.document_id, citation.start, citation.end, citation.page),
        }
    )


def _citation_event(citation: Citation, seq: int) -> CitationEvent:
    return CitationEvent(
        seq=seq, source_id=_source_id(citation.passage), **citation_schema(citation).model_dump()
    )


def _source_id(passage: Passage) -> str:
    """The same passage has the same id in every event and every answer."""
    return f"src_{passage.chunk.point_id}"


def _viewer_url(document_id: str, start: int, end: int, page: int | None) -> str:
    """Where the web page shows the passage in its document."""
    place = {"start": start, "end": end} | ({"page": page} if page else {})
    return f"/#/d/{document_id}?{urlencode(place)}"


def _boxes(boxes: Sequence[Box]) -> list[BoxSchema]:
    return [BoxSchema.model_validate(box) for box in boxes]
