"""Answers by a scripted language model: streamed, cited, refused, stopped."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import pytest

from corpus.documents import Box, Chunk, DocumentId, Region
from generation.adapters.scripted import Reply, ScriptedLanguageModel
from generation.answers import (
    NO_ANSWER,
    Answer,
    AnswerDelta,
    AnswerDone,
    CitationMade,
    FinishReason,
    Support,
    Usage,
)
from generation.errors import LanguageModelInterruptedError, LanguageModelReplyError, PromptTooLongError
from generation.language_model import Finished, Message, ReplyEvent, TextDelta
from generation.language_model_writer import LanguageModelWriter
from generation.writing import WriterEvent
from retrieval.passages import Passage

LEAVE = (
    "Full-time staff receive 25 days of annual leave. Part-time staff receive leave in proportion. "
    "Up to 5 days may be carried over to the next year."
)
PARKING = "Parking permits are renewed every January. The fee is 40 euros."


def passage(number: int, text: str, *, language: str = "en", start: int = 100) -> Passage:
    half = start + len(text) // 2
    box = Box(page=3, x0=0.1, y0=0.1, x1=0.9, y1=0.2)
    lower = Box(page=4, x0=0.1, y0=0.3, x1=0.9, y1=0.4)
    return Passage(
        rank=number,
        score=1 / number,
        similarity=0.5,
        chunk=Chunk(
            document_id=DocumentId(f"doc_{number}"),
            version=2,
            number=0,
            start=start,
            end=start + len(text),
            text=text,
            heading_path=(),
            page=3,
            regions=(
                Region(start=start, end=half, box=box),
                Region(start=half, end=start + len(text), box=lower),
            ),
            language=language,
            tokens=30,
        ),
        title="Handbook",
        path="handbook.pdf",
        media_type="application/pdf",
        collection="hr",
    )


PASSAGES = (passage(1, PARKING), passage(2, LEAVE))


def written(reply: str | Sequence[str], passages: Sequence[Passage] = PASSAGES) -> list[WriterEvent]:
    async def run() -> list[WriterEvent]:
        writer = LanguageModelWriter(
            ScriptedLanguageModel(lambda _: reply), support_of=shares_words, max_prompt_tokens=3000
        )
        return [event async for event in writer.write("How many days of leave do staff get?", passages)]

    return asyncio.run(run())


def shares_words(sentence: str, quotes: Sequence[str]) -> Support:
    found = set(sentence.split()) & set(" ".join(quotes).split())
    return Support.SUPPORTED if found else Support.UNSUPPORTED


def answer_of(events: Sequence[WriterEvent]) -> Answer:
    assert isinstance(events[-1], AnswerDone)
    return events[-1].answer


def shown(events: Sequence[WriterEvent]) -> str:
    return "".join(event.delta for event in events if isinstance(event, AnswerDelta))


def test_markers_become_citations_numbered_by_first_use() -> None:
    events = written("Staff receive 25 days of leave [2]. A parking permit costs 40 euros [1].")
    answer = answer_of(events)
    assert answer.text == "Staff receive 25 days of leave [1]. A parking permit costs 40 euros [2]."
    assert [c.n for c in answer.citations] == [1, 2]
    assert [c.document_id for c in answer.citations] == ["doc_2", "doc_1"]
    assert answer.answerable
    assert answer.finish_reason is FinishReason.STOP
    assert answer.passages == PASSAGES


def test_a_quote_is_the_verbatim_sentence_that_supports_the_statement() -> None:
    leave, fee = answer_of(written("They get 25 days [2]. The fee is 40 euros [1].")).citations
    assert leave.quote == "Full-time staff receive 25 days of annual leave."
    assert fee.quote == "The fee is 40 euros."
    for citation in (leave, fee):
        chunk = citation.passage.chunk
        assert chunk.text[citation.start - chunk.start : citation.end - chunk.start] == citation.quote
    assert fee.page == 4
    assert [box.page for box in fee.boxes] == [4]
    assert leave.document_version == 2


def in_section(*texts: str, read: int) -> Passage:
    """Chunk number `read` of a section of these chunks, each on a page of its own."""
    chunks: list[Chunk] = []
    for number, text in enumerate(texts):
        start = 10_000 * (number + 1)
        box = Box(page=number + 1, x0=0.1, y0=0.1, x1=0.9, y1=0.2)
        region = Region(start=start, end=start + len(text), box=box)
        chunk = passage(1, text, start=start).chunk
        chunks.append(replace(chunk, number=number, page=number + 1, regions=(region,)))
    return replace(passage(1, ""), chunk=chunks[read], section=tuple(chunks))


def test_a_quote_may_lie_anywhere_in_the_section_that_was_read() -> None:
    found = in_section(LEAVE, "Ask your manager in writing.", PARKING, read=1)
    reply = "The fee is 40 euros [1]. Ask the manager in writing [1]. Staff receive 25 days [1]."
    fee, ask, leave = answer_of(written(reply, [found])).citations
    assert (fee.quote, fee.page, [box.page for box in fee.boxes]) == ("The fee is 40 euros.", 3, [3])
    assert (ask.quote, ask.page) == ("Ask your manager in writing.", 2)
    assert (leave.quote, leave.page) == ("Full-time staff receive 25 days of annual leave.", 1)
    for citation, chunk in ((leave, found.section[0]), (ask, found.section[1]), (fee, found.section[2])):
        assert chunk.text[citation.start - chunk.start : citation.end - chunk.start] == citation.quote
        assert citation.passage.chunk == found.chunk


def test_what_was_not_read_for_want_of_room_is_not_quoted() -> None:
    found = in_section(PARKING, "Ask your manager in writing. " + "word " * 1500, PARKING * 100, read=1)
    (citation,) = answer_of(written("The fee is 40 euros [1].", [found])).citations
    assert found.chunk.start <= citation.start <= citation.end <= found.chunk.end


def test_equal_words_are_quoted_from_the_passage_itself() -> None:
    found = in_section(PARKING, PARKING, PARKING, read=1)
    (citation,) = answer_of(written("The fee is 40 euros [1].", [found])).citations
    assert citation.page == 2


def test_each_statement_cites_its_own_words_and_shares_a_number_when_they_are_the_same() -> None:
    answer = answer_of(
        written(
            "Staff get 25 days annual leave [2]. Up to 5 days carry over to next year [2]. 25 days annual [2]"
        )
    )
    assert answer.text.count("[1]") == 2
    assert [c.quote for c in answer.citations] == [
        "Full-time staff receive 25 days of annual leave.",
        "Up to 5 days may be carried over to the next year.",
    ]


def test_a_statement_over_two_sentences_quotes_both() -> None:
    (citation,) = answer_of(
        written("Full-time staff get 25 days annual leave and part-time staff in proportion [2].")
    ).citations
    assert citation.quote == LEAVE[: LEAVE.index(" Up to")]


def test_a_statement_in_another_script_quotes_the_whole_passage() -> None:
    (citation,) = answer_of(written("员工可以在公司停车场停车[1]。")).citations
    assert citation.quote == PARKING


def test_a_marker_before_its_statement_is_helped_by_the_question() -> None:
    (citation,) = answer_of(written("According to [2], it is 25.")).citations
    assert citation.quote.startswith("Full-time staff receive 25 days")


@pytest.mark.parametrize(
    "pieces", [list("Leave is 25 days [2][1]. Yes [2]."), ["Leave is 25 days [2", "][1]. Yes [2]."]]
)
def test_a_citation_comes_before_its_marker_and_no_marker_comes_in_halves(pieces: list[str]) -> None:
    events = written(pieces)
    known: set[int] = set()
    for event in events[:-1]:
        if isinstance(event, CitationMade):
            known.add(event.citation.n)
        elif isinstance(event, AnswerDelta) and "[" in event.delta:
            assert event.delta in {f"[{n}]" for n in known}
    assert shown(events) == answer_of(events).text
    assert {c.n for c in answer_of(events).citations} == known


def test_unknown_sources_are_dropped() -> None:
    answer = answer_of(written("Leave is 25 days [7]. It is annual [0][2]."))
    assert answer.text == "Leave is 25 days. It is annual [1]."
    assert len(answer.citations) == 1


def test_sentences_carry_their_markers_and_their_support() -> None:
    answer = answer_of(
        written(
            "Full-time staff receive 25 days of annual leave [2]. [1] Cats are wonderful.\n\n"
            "- Up to 5 days may be carried over to the next year. [2]\n"
        )
    )
    assert [(s.text, s.citations) for s in answer.sentences] == [
        ("Full-time staff receive 25 days of annual leave [1]. [2]", (1, 2)),
        ("Cats are wonderful.", ()),
        ("- Up to 5 days may be carried over to the next year. [3]", (3,)),
    ]
    assert [s.support for s in answer.sentences] == [
        Support.SUPPORTED,
        Support.UNSUPPORTED,
        Support.SUPPORTED,
    ]


def test_a_reply_of_unknown_markers_alone_is_no_answer() -> None:
    with pytest.raises(LanguageModelReplyError):
        written(" [7] [8]")


def test_code_keeps_its_brackets() -> None:
    code = "Use this:\n```\nx = rows[2]\n```\nas said [2]."
    assert answer_of(written(code)).text == code.replace("said [2]", "said [1]")


@pytest.mark.parametrize(
    "reply",
    [
        NO_ANSWER,
        list(NO_ANSWER),
        "  the documents do not answer this",
        f'"{NO_ANSWER}" [1]',
        f"**{NO_ANSWER}**",
        f"{NO_ANSWER} However, leave is usually 30 days [1].",
        "The documents do not answer this question.",
    ],
)
def test_the_models_refusal_is_ours(reply: str | Sequence[str]) -> None:
    events = written(reply)
    answer = answer_of(events)
    assert shown(events) == answer.text == NO_ANSWER
    assert not answer.answerable
    assert answer.finish_reason is FinishReason.NO_EVIDENCE
    assert answer.citations == ()
    assert answer.passages == PASSAGES


@pytest.mark.parametrize(
    "reply", ["Leave is 25 days.", "Leave is 25 days [7].", ["Leave ", "is 25 days.", " Yes!"]]
)
def test_a_reply_that_cites_nothing_is_a_refusal_and_none_of_it_is_shown(reply: str | Sequence[str]) -> None:
    events = written(reply)
    answer = answer_of(events)
    assert shown(events) == answer.text == NO_ANSWER
    assert (answer.answerable, answer.finish_reason) == (False, FinishReason.NO_EVIDENCE)
    assert (answer.citations, answer.sentences) == ((), ())


def test_words_before_the_first_citation_are_shown_with_it() -> None:
    events = written(["Well. ", "Staff receive 25 days of leave ", "[2]. ", "That is all."])
    assert shown(events) == answer_of(events).text == "Well. Staff receive 25 days of leave [1]. That is all."
    assert [s.support for s in answer_of(events).sentences] == [
        Support.UNSUPPORTED,
        Support.SUPPORTED,
        Support.UNSUPPORTED,
    ]


def test_words_like_the_refusal_are_not_one() -> None:
    reply = "The documents do not answer this for part-time staff, but full-time staff get 25 days [2]."
    assert answer_of(written(reply)).text == reply.replace("[2]", "[1]")


def test_without_passages_the_model_is_not_asked() -> None:
    def never(_: Sequence[Message]) -> str:
        raise AssertionError

    async def run(reply: Reply) -> list[WriterEvent]:
        writer = LanguageModelWriter(
            ScriptedLanguageModel(reply), support_of=shares_words, max_prompt_tokens=3000
        )
        return [event async for event in writer.write("Anything?", ())]

    events = asyncio.run(run(never))
    assert shown(events) == NO_ANSWER
    assert answer_of(events).finish_reason is FinishReason.NO_EVIDENCE


def test_a_question_that_fills_the_prompt_is_refused() -> None:
    writer = LanguageModelWriter(
        ScriptedLanguageModel(lambda _: "x"), support_of=shares_words, max_prompt_tokens=600
    )

    async def run() -> None:
        async for _ in writer.write("why? " * 1000, PASSAGES):
            pass

    with pytest.raises(PromptTooLongError):
        asyncio.run(run())


class Broken:
    """Says a few words, then fails or goes on for ever; remembers that it was closed."""

    model = "broken"

    def __init__(self, *, error: Exception | None) -> None:
        self._error = error
        self.closed = False

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[ReplyEvent, None]:
        assert messages
        try:
            yield TextDelta(text="Leave is [2] ")
            if self._error:
                raise self._error
            while True:
                yield TextDelta(text="long ")
        finally:
            self.closed = True
        yield Finished(finish_reason=FinishReason.STOP, usage=Usage())


def test_an_error_in_the_middle_reaches_the_reader_after_the_text_so_far() -> None:
    seen: list[WriterEvent] = []

    async def run() -> None:
        writer = LanguageModelWriter(
            Broken(error=LanguageModelInterruptedError()), support_of=shares_words, max_prompt_tokens=3000
        )
        async for event in writer.write("How many?", PASSAGES):
            seen.append(event)

    with pytest.raises(LanguageModelInterruptedError):
        asyncio.run(run())
    assert shown(seen) == "Leave is [1]"


def test_closing_the_answer_closes_the_model() -> None:
    model = Broken(error=None)

    async def run() -> None:
        events = LanguageModelWriter(model, support_of=shares_words, max_prompt_tokens=3000).write(
            "How many?", PASSAGES
        )
        await anext(events)
        assert not model.closed
        await events.aclose()

    asyncio.run(run())
    assert model.closed
