"""From a question to its answer: find passages, let a writer write, report each step."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from corpus.documents import CollectionId
from corpus.errors import InvalidInputError
from generation.answers import AnswerDone, AnswerEvent, PassagesFound, SearchStarted
from generation.settings import AnsweringSettings
from generation.writing import Writer
from retrieval.passages import Query
from retrieval.retriever import PassageSource


class Answerer:
    """Answers from what the asker may read."""

    def __init__(
        self, retriever: PassageSource, writer: Writer, settings: AnsweringSettings | None = None
    ) -> None:
        self._retriever = retriever
        self._writer = writer
        self._settings = settings or AnsweringSettings()

    @property
    def model(self) -> str:
        """Name of the model that writes."""
        return self._writer.model

    async def answer(
        self, question: str, collections: frozenset[CollectionId]
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Events in the order of `AnswerEvent`; closing the iterator stops the work.

        The last one's answer tells the milliseconds spent on "retrieve", "write" and in "total". Raises
        `InvalidInputError` for an empty question, and whatever the retriever and the writer raise.
        """
        text = question.strip()
        if not text:
            raise InvalidInputError("The question is empty.")
        began = time.perf_counter()
        yield SearchStarted(queries=(text,))
        query = Query(text=text, collections=collections, limit=self._settings.passages)
        passages = await asyncio.to_thread(self._retriever.retrieve, query)
        found = time.perf_counter()
        yield PassagesFound(passages=tuple(passages))
        async with aclosing(self._writer.write(text, passages)) as events:
            async for event in events:
                if isinstance(event, AnswerDone):
                    timings = _milliseconds(began, found, time.perf_counter())
                    timed = replace(event.answer, timings_ms={**event.answer.timings_ms, **timings})
                    yield AnswerDone(answer=timed)
                else:
                    yield event


def _milliseconds(began: float, found: float, done: float) -> dict[str, float]:
    return {
        "retrieve": round((found - began) * 1000, 1),
        "write": round((done - found) * 1000, 1),
        "total": round((done - began) * 1000, 1),
    }
