"""Writes answers with a language model, and holds it to its sources."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from generation.answers import (
    NO_ANSWER,
    Answer,
    AnswerDelta,
    AnswerDone,
    CitationMade,
    FinishReason,
    Usage,
)
from generation.citations import Marker, MarkerReader, Piece, Text
from generation.drafting import Draft, Judge
from generation.errors import LanguageModelReplyError
from generation.language_model import Finished, LanguageModel
from generation.prompting import Prompt
from generation.quote_book import QuoteBook
from generation.writing import WriterEvent
from retrieval.passages import Passage


class LanguageModelWriter:
    """Streams what the language model says, its markers checked, renumbered and tied to quotes.

    Without passages, when the model says that they do not answer, or when it cites nothing, the answer is
    `NO_ANSWER`. What the model says before its first citation is held back until that comes: nothing is shown
    that would have to be taken back. Raises the errors of `generation.errors` while iterating; what was
    yielded before then stands.
    """

    def __init__(self, language_model: LanguageModel, *, support_of: Judge, max_prompt_tokens: int) -> None:
        self._language_model = language_model
        self._support_of = support_of
        self._max_prompt_tokens = max_prompt_tokens

    @property
    def model(self) -> str:
        return self._language_model.model

    async def write(self, question: str, passages: Sequence[Passage]) -> AsyncGenerator[WriterEvent, None]:
        if not passages:
            yield AnswerDelta(delta=NO_ANSWER)
            yield AnswerDone(answer=self._refusal(passages, Usage(), {}))
            return
        prompt = Prompt(question, passages, max_tokens=self._max_prompt_tokens)
        reading = _Reading(question, prompt.sources)
        begun = time.perf_counter()
        timings_ms: dict[str, float] = {}
        finished = None
        async with aclosing(self._language_model.stream(prompt.messages)) as reply:
            async for event in reply:
                if isinstance(event, Finished):
                    finished = event
                    break
                if reading.is_refusal:
                    break  # Enough was said; closing the reply stops the model.
                timings_ms.setdefault("first_token", (time.perf_counter() - begun) * 1000)
                for made in reading.take(event.text):
                    yield made
        for made in reading.finish():
            yield made
        finished = finished or Finished(finish_reason=FinishReason.STOP, usage=Usage())
        if reading.is_empty:
            raise LanguageModelReplyError("The language model gave an empty answer.")
        if reading.is_refusal:
            yield AnswerDelta(delta=NO_ANSWER)
            yield AnswerDone(answer=self._refusal(passages, finished.usage, timings_ms))
            return
        # Judging may embed sentences: not in the event loop.
        answer = await asyncio.to_thread(self._answer, reading, passages, finished, timings_ms)
        yield AnswerDone(answer=answer)

    def _answer(
        self,
        reading: "_Reading",
        passages: Sequence[Passage],
        finished: Finished,
        timings_ms: dict[str, float],
    ) -> Answer:
        citations = reading.book.citations
        return Answer(
            text=reading.draft.text,
            answerable=True,
            citations=citations,
            sentences=reading.draft.sentences(citations, self._support_of),
            passages=tuple(passages),
            finish_reason=finished.finish_reason,
            model=self.model,
            usage=finished.usage,
            timings_ms=timings_ms,
        )

    def _refusal(self, passages: Sequence[Passage], usage: Usage, timings_ms: dict[str, float]) -> Answer:
        return Answer(
            text=NO_ANSWER,
            answerable=False,
            citations=(),
            sentences=(),
            passages=tuple(passages),
            finish_reason=FinishReason.NO_EVIDENCE,
            model=self.model,
            usage=usage,
            timings_ms=timings_ms,
        )


class _Reading:
    """One reply turned into events."""

    def __init__(self, question: str, sources: Sequence[Passage]) -> None:
        self.draft = Draft()
        self.book = QuoteBook(question)
        self._sources = sources
        self._reader = MarkerReader(sources=len(sources))
        self._opening = _Opening()

    @property
    def is_refusal(self) -> bool:
        return self._opening.is_refusal

    @property
    def is_empty(self) -> bool:
        return self._opening.is_empty

    def take(self, text: str) -> Iterable[AnswerDelta | CitationMade]:
        return self._events(self._opening.take(self._reader.feed(text)))

    def finish(self) -> Iterable[AnswerDelta | CitationMade]:
        return self._events([*self._opening.take(self._reader.finish()), *self._opening.finish()])

    def _events(self, pieces: Iterable[Piece]) -> Iterable[AnswerDelta | CitationMade]:
        for piece in pieces:
            if isinstance(piece, Text):
                shown = piece.text if self.draft.text else piece.text.lstrip()
                if shown:
                    self.draft.add_text(shown)
                    yield AnswerDelta(delta=shown)
                continue
            known = len(self.book.citations)
            citation = self.book.cite(self.draft.statement(), self._sources[piece.source - 1])
            if citation.n > known:
                yield CitationMade(citation=citation)
            yield AnswerDelta(delta=self.draft.add_marker(citation.n))


class _Opening:
    """Holds the first words back until a citation shows that they rest on something.

    A reply that begins with the refusal we asked for, or ends without any citation, is a refusal.
    """

    _REFUSAL = NO_ANSWER.casefold().rstrip(".")
    _REFUSALS = (_REFUSAL, _REFUSAL + " question")
    _OPENING_SIGNS = re.compile(r"^[\s\"'*_>“«]+")
    _CLOSING_SIGNS = ".!*_\"'”»"

    def __init__(self) -> None:
        self.is_refusal = False
        self.is_empty = False
        self._is_released = False
        self._held: list[Piece] = []

    def take(self, pieces: Sequence[Piece]) -> list[Piece]:
        if self.is_refusal:
            return []
        if self._is_released:
            return list(pieces)
        self._held += pieces
        words = self._words()
        if words.rstrip(self._CLOSING_SIGNS) in self._REFUSALS and not words[-1].isalnum():
            self.is_refusal = True
            return []
        if not any(isinstance(piece, Marker) for piece in self._held):
            return []
        if any(refusal.startswith(words) for refusal in self._REFUSALS):
            return []
        return self._release()

    def finish(self) -> list[Piece]:
        """What was held when the reply ended."""
        if self._is_released or self.is_refusal:
            return []
        words, is_cited = self._words(), any(isinstance(piece, Marker) for piece in self._held)
        self.is_empty = not words and not is_cited
        self.is_refusal = words in self._REFUSALS or not is_cited
        return [] if self.is_refusal else self._release()

    def _words(self) -> str:
        said = "".join(piece.text for piece in self._held if isinstance(piece, Text))
        return " ".join(self._OPENING_SIGNS.sub("", said).casefold().split())

    def _release(self) -> list[Piece]:
        self._is_released = True
        held, self._held = self._held, []
        return held
