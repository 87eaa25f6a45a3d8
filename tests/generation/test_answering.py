import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from corpus.documents import CollectionId
from corpus.errors import InvalidInputError
from generation.answering import Answerer
from generation.answers import (
    NO_ANSWER,
    Answer,
    AnswerDelta,
    AnswerDone,
    AnswerEvent,
    FinishReason,
    PassagesFound,
    SearchStarted,
)
from generation.settings import AnsweringSettings
from generation.writing import WriterEvent
from retrieval.passages import Passage, Query

HR = frozenset({CollectionId("col_hr")})


class Source:
    """Remembers what it was asked, and whether an event loop ran in the thread that asked."""

    def __init__(self) -> None:
        self.queries: list[Query] = []
        self.was_on_event_loop = False

    def retrieve(self, query: Query) -> list[Passage]:
        self.queries.append(query)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return []
        self.was_on_event_loop = True
        return []


class RefusingWriter:
    model = "refusing"

    def __init__(self) -> None:
        self.was_closed = False

    async def write(self, question: str, passages: Sequence[Passage]) -> AsyncGenerator[WriterEvent, None]:
        assert question
        try:
            yield AnswerDelta(delta=NO_ANSWER)
            yield AnswerDone(
                answer=Answer(
                    text=NO_ANSWER,
                    answerable=False,
                    citations=(),
                    sentences=(),
                    passages=tuple(passages),
                    finish_reason=FinishReason.NO_EVIDENCE,
                    model=self.model,
                )
            )
        finally:
            self.was_closed = True


async def _events(answerer: Answerer, question: str) -> list[AnswerEvent]:
    return [event async for event in answerer.answer(question, HR)]


def test_events_come_in_order_and_the_answer_tells_its_times() -> None:
    events = asyncio.run(_events(Answerer(Source(), RefusingWriter()), "How?"))

    assert [type(event) for event in events] == [SearchStarted, PassagesFound, AnswerDelta, AnswerDone]
    done = events[-1]
    assert isinstance(done, AnswerDone)
    times = done.answer.timings_ms
    assert set(times) == {"retrieve", "write", "total"}
    assert times["total"] == pytest.approx(times["retrieve"] + times["write"], abs=0.2)


def test_only_the_given_collections_are_searched_off_the_event_loop() -> None:
    source = Source()

    asyncio.run(_events(Answerer(source, RefusingWriter(), AnsweringSettings(passages=4)), "  How? "))

    assert source.queries == [Query(text="How?", collections=HR, limit=4)]
    assert not source.was_on_event_loop


@pytest.mark.parametrize("question", ["", " \n\t"])
def test_an_empty_question_is_refused_before_any_search(question: str) -> None:
    source = Source()

    with pytest.raises(InvalidInputError):
        asyncio.run(_events(Answerer(source, RefusingWriter()), question))
    assert source.queries == []


def test_closing_the_answer_closes_the_writer() -> None:
    writer = RefusingWriter()

    async def stop_at_first_word() -> None:
        events = Answerer(Source(), writer).answer("How?", HR)
        async for event in events:
            if isinstance(event, AnswerDelta):
                break
        await events.aclose()

    asyncio.run(stop_at_first_word())

    assert writer.was_closed
