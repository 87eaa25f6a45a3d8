"""Answers without a language model: quotes the sentences that answer, or says that none does."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from generation.answers import (
    NO_ANSWER,
    Answer,
    AnswerDelta,
    AnswerDone,
    AnswerSentence,
    Citation,
    CitationMade,
    FinishReason,
    Support,
)
from generation.evidence import Candidate, Evidence, candidates
from generation.questions import read_question
from generation.scoring import answer_probability, sentence_scores
from generation.selection import Quote, select_quotes
from generation.settings import ExtractionSettings
from generation.writing import WriterEvent
from retrieval.embedding import Embedder, Vectors
from retrieval.passages import Passage

_MODEL = "extractive"
_LIKE_A_MARKER = re.compile(r"\[(?=\d+\])")
_WORD_JOINER = "\u2060"
_DELTA = re.compile(r"(?:\S*\s*){1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    quotes: tuple[Quote, ...]
    """Empty when nothing answers."""
    probability: float
    """That the passages answer the question, 0 to 1."""


class ExtractiveWriter:
    """Quotes one to three sentences verbatim, each with its citation.

    Each sentence of the best passages is measured against the question (`generation.evidence`); trained
    weights say which answers best, and whether it answers at all (`generation.scoring`).
    """

    def __init__(self, embedder: Embedder, settings: ExtractionSettings | None = None) -> None:
        self._embedder = embedder
        self._settings = settings or ExtractionSettings()
        self._vectors = _SentenceVectors(embedder, limit=self._settings.remembered_sentences)

    @property
    def model(self) -> str:
        return _MODEL

    async def write(self, question: str, passages: Sequence[Passage]) -> AsyncGenerator[WriterEvent, None]:
        selection = await asyncio.to_thread(self.select, question, passages)
        if not selection.quotes:
            yield AnswerDelta(delta=NO_ANSWER)
            yield AnswerDone(answer=_refusal(passages))
            return
        parts: list[str] = []
        sentences: list[AnswerSentence] = []
        citations: list[Citation] = []
        for n, quote in enumerate(selection.quotes, start=1):
            citation = _citation(n, quote)
            citations.append(citation)
            text = f"{_without_markers(citation.quote)} [{n}]"
            sentences.append(AnswerSentence(text=text, citations=(n,), support=Support.SUPPORTED))
            separator = "" if n == 1 else "\n" if quote.is_row else " "
            parts.append(separator + text)
            yield CitationMade(citation=citation)
            for delta in _deltas(parts[-1]):
                yield AnswerDelta(delta=delta)
        yield AnswerDone(
            answer=Answer(
                text="".join(parts),
                answerable=True,
                citations=tuple(citations),
                sentences=tuple(sentences),
                passages=tuple(passages),
                finish_reason=FinishReason.STOP,
                model=_MODEL,
            )
        )

    def select(self, question: str, passages: Sequence[Passage]) -> Selection:
        """The quotes that answer `question`; computes, so not to be called on an event loop."""
        evidence = self.evidence(question, passages)
        if evidence is None:
            return Selection(quotes=(), probability=0.0)
        scores = sentence_scores(evidence.sentence_features())
        answered = answer_probability(evidence.answer_features(scores))
        if answered < self._settings.min_probability:
            return Selection(quotes=(), probability=answered)
        quotes = select_quotes(evidence.candidates, scores, evidence.question, self._settings)
        return Selection(quotes=quotes, probability=answered)

    def evidence(self, question: str, passages: Sequence[Passage]) -> Evidence | None:
        """What is judged: the most likely sentences of the best passages; `None` where there is nothing."""
        asked = read_question(question)
        found = candidates(passages[: self._settings.passages])
        if not found or not asked.terms:
            return None
        found = self._promising(Evidence(asked, found, np.zeros(len(found), dtype=np.float32)))
        vectors = self._vectors.of([candidate.text for candidate in found])
        return Evidence(asked, found, vectors @ self._embedder.embed_query(question))

    def _promising(self, evidence: Evidence) -> list[Candidate]:
        """Those worth embedding: the most likely by their words and their passage, in reading order."""
        found = evidence.candidates
        limit = self._settings.max_candidates
        if len(found) <= limit:
            return list(found)
        likely = sentence_scores(evidence.sentence_features())
        return [found[i] for i in sorted(np.argsort(-likely, kind="stable")[:limit])]


class _SentenceVectors:
    """Vectors of the sentences read last: embedding them is most of what an answer costs in time."""

    def __init__(self, embedder: Embedder, *, limit: int) -> None:
        self._embedder = embedder
        self._limit = limit
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def of(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        if new := [text for text in dict.fromkeys(texts) if text not in found]:
            found.update(zip(new, self._embedder.embed_documents(new), strict=True))
        with self._lock:
            for text in texts:
                self._known[text] = found[text]
                self._known.move_to_end(text)
            while len(self._known) > self._limit:
                self._known.popitem(last=False)
        return np.stack([found[text] for text in texts])


def _citation(n: int, quote: Quote) -> Citation:
    chunk = quote.passage.chunk
    start, end = chunk.start + quote.start, chunk.start + quote.end
    boxes = chunk.boxes(start, end)
    return Citation(
        n=n,
        document_id=chunk.document_id,
        document_version=chunk.version,
        title=quote.passage.title,
        page=boxes[0].page if boxes else chunk.page,
        quote=chunk.text[quote.start : quote.end],
        start=start,
        end=end,
        boxes=boxes,
        passage=quote.passage,
    )


def _without_markers(text: str) -> str:
    """A source's own `[3]` must not read as our marker: an invisible joiner keeps its look."""
    return _LIKE_A_MARKER.sub(f"[{_WORD_JOINER}", text)


def _deltas(text: str) -> list[str]:
    """A few words each; a marker always arrives whole."""
    return [piece for piece in _DELTA.findall(text) if piece]


def _refusal(passages: Sequence[Passage]) -> Answer:
    return Answer(
        text=NO_ANSWER,
        answerable=False,
        citations=(),
        sentences=(),
        passages=tuple(passages),
        finish_reason=FinishReason.NO_EVIDENCE,
        model=_MODEL,
    )
