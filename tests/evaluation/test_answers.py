from collections.abc import AsyncGenerator, Sequence

import pytest

from corpus.documents import Chunk, CollectionId, DocumentId
from evaluation.answers import evaluate
from evaluation.question_sets import JudgedQuestion, QuestionSet
from generation.answering import Answerer
from generation.answers import (
    NO_ANSWER,
    Answer,
    AnswerDelta,
    AnswerDone,
    Citation,
    CitationMade,
    FinishReason,
)
from generation.writing import WriterEvent
from retrieval.passages import Passage, Query

HANDBOOK = CollectionId("handbook")
TEXTS = {"hr/leave.md": "Staff have 25 days of leave.", "hr/travel.md": "Claims are due in 30 days."}


def _passage(path: str) -> Passage:
    text = TEXTS[path]
    chunk = Chunk(
        document_id=DocumentId(f"doc_{path}"),
        version=1,
        number=0,
        start=0,
        end=len(text),
        text=text,
        heading_path=(),
        page=None,
        regions=(),
        language="en",
        tokens=0,
    )
    return Passage(
        rank=1,
        score=1.0,
        similarity=1.0,
        chunk=chunk,
        title=path,
        path=f"handbook/{path}",
        media_type="text/markdown",
        collection="Handbook",
    )


class Shelf:
    def retrieve(self, query: Query) -> list[Passage]:
        assert query.collections == {HANDBOOK}
        return [_passage(path) for path in TEXTS]


class ScriptedWriter:
    """Quotes the documents it is told to quote for a question, each whole; refuses where there are none."""

    model = "scripted"

    def __init__(self, cited: dict[str, list[str]]) -> None:
        self._cited = cited

    async def write(self, question: str, passages: Sequence[Passage]) -> AsyncGenerator[WriterEvent, None]:
        by_path = {passage.path.removeprefix("handbook/"): passage for passage in passages}
        citations = [
            Citation(
                n=n,
                document_id=by_path[path].chunk.document_id,
                document_version=1,
                title=path,
                page=None,
                quote=TEXTS[path],
                start=0,
                end=len(TEXTS[path]),
                boxes=(),
                passage=by_path[path],
            )
            for n, path in enumerate(self._cited[question], start=1)
        ]
        text = " ".join(f"{each.quote} [{each.n}]" for each in citations) or NO_ANSWER
        for citation in citations:
            yield CitationMade(citation=citation)
        yield AnswerDelta(delta=text)
        reason = FinishReason.STOP if citations else FinishReason.NO_EVIDENCE
        yield AnswerDone(
            answer=Answer(
                text=text,
                answerable=bool(citations),
                citations=tuple(citations),
                sentences=(),
                passages=tuple(passages),
                finish_reason=reason,
                model=self.model,
            )
        )


def _question(text: str, *answers: str, document: str = "", quote: str = "") -> JudgedQuestion:
    return JudgedQuestion(
        id=text,
        text=text,
        answers=answers,
        quotes=(quote,) if quote else (),
        documents=frozenset({document} if document else ()),
        is_answerable=bool(answers),
    )


def _metrics(questions: Sequence[JudgedQuestion], cited: dict[str, list[str]]) -> dict[str, float | None]:
    answerer = Answerer(Shelf(), ScriptedWriter(cited))
    asked = QuestionSet(name="made up", questions=tuple(questions), documents=(), files=None)
    report = evaluate(asked, answerer, frozenset({HANDBOOK}))
    assert (report.dataset, report.mode, report.queries) == ("made up", "scripted", len(questions))
    assert 0 < report.latency_ms["p50"] <= report.latency_ms["p95"]
    return report.metrics


def test_all_metrics_by_hand() -> None:
    questions = [
        _question("leave", "25 days", document="hr/leave.md"),  # right, and one citation too many
        _question("travel", "30 days", document="hr/travel.md"),  # the wrong document
        _question("badge", "the reception", document="hr/badge.md"),  # wrongly refused
        _question("gym"),  # rightly refused
        _question("pension"),  # wrongly answered
    ]
    cited = {
        "leave": ["hr/leave.md", "hr/travel.md"],
        "travel": ["hr/leave.md"],
        "badge": [],
        "gym": [],
        "pension": ["hr/leave.md"],
    }

    metrics = _metrics(questions, cited)

    f1_leave = 2 * (2 / 12) * 1 / (2 / 12 + 1)  # 2 of 12 words, all of the reference
    f1_travel = 2 * (1 / 6) * (1 / 2) / (1 / 6 + 1 / 2)  # "days" alone
    assert metrics == pytest.approx(
        {
            "exact_match": 0.0,
            "f1": (f1_leave + f1_travel) / 3,
            "answer_in_quote": 1 / 3,
            "citation_precision": 1 / 3,
            "citation_recall": 1 / 3,
            "answered": 2 / 3,
            "refusal_accuracy": 3 / 5,
            "refusal_precision": 1 / 2,
            "refusal_recall": 1 / 2,
        },
        abs=1e-4,
    )


def test_what_cannot_be_measured_is_unknown() -> None:
    metrics = _metrics([_question("leave", "25 days", document="hr/leave.md")], {"leave": ["hr/leave.md"]})

    assert metrics["refusal_precision"] is None
    assert metrics["refusal_recall"] is None
    assert metrics["answer_in_quote"] == 1.0


def test_a_set_that_names_the_quote_is_judged_by_it() -> None:
    answer = "Nearly four weeks"  # not the words of the document
    questions = [
        _question("inside", answer, document="hr/leave.md", quote="25 days of leave"),
        _question("around", answer, document="hr/leave.md", quote=f"Leave. {TEXTS['hr/leave.md']} Ask HR."),
        _question("elsewhere", answer, document="hr/leave.md", quote="Parents have more"),
    ]

    metrics = _metrics(questions, {each.text: ["hr/leave.md"] for each in questions})

    assert metrics["answer_in_quote"] == pytest.approx(2 / 3, abs=1e-4)
