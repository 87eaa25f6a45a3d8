"""Quality, honesty and speed of answers on a set of questions, asked as a user asks them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from corpus.documents import CollectionId
from evaluation.answer_metrics import contains_any, exact_match, ratio, token_f1, without_markers
from evaluation.metrics import percentile
from evaluation.question_sets import JudgedQuestion, QuestionSet
from generation.answering import Answerer
from generation.answers import Answer, AnswerDone, Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One answer, judged."""

    question: JudgedQuestion
    answer: Answer
    milliseconds: float

    @property
    def finds_answer(self) -> bool:
        """Whether some quote of the answer holds a right answer, or the words that the set names."""
        return any(_holds_answer(citation, self.question) for citation in self.answer.citations)

    @property
    def right_citations(self) -> int:
        """How many citations are of a document that answers."""
        return sum(_names(citation, each) for citation in self.answer.citations for each in self._wanted)

    @property
    def cited_documents(self) -> int:
        """How many of the documents that answer are cited."""
        return sum(any(_names(citation, each) for citation in self.answer.citations) for each in self._wanted)

    @property
    def _wanted(self) -> frozenset[str]:
        return self.question.documents


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersReport:
    dataset: str
    mode: str
    """Name of the model that wrote the answers."""
    queries: int
    metrics: dict[str, float | None]
    """`None` where there was nothing to measure."""
    latency_ms: dict[str, float]
    """p50 and p95 of a whole answer, retrieval included."""


def evaluate(
    questions: QuestionSet, answerer: Answerer, collections: frozenset[CollectionId]
) -> AnswersReport:
    """Asks all questions, one after the other. The collections hold the set's documents under its names."""
    return report(questions.name, answerer.model, judge(questions.questions, answerer, collections))


def report(dataset: str, model: str, judged: Sequence[Judgement]) -> AnswersReport:
    milliseconds = [each.milliseconds for each in judged] or [0.0]
    return AnswersReport(
        dataset=dataset,
        mode=model,
        queries=len(judged),
        metrics=metrics(judged),
        latency_ms={
            "p50": round(percentile(milliseconds, 0.5), 2),
            "p95": round(percentile(milliseconds, 0.95), 2),
        },
    )


def metrics(judged: Sequence[Judgement]) -> dict[str, float | None]:
    """`exact_match`, `f1` and `answer_in_quote` are means over the answerable questions, a refusal being 0.

    `citation_precision`: share of the citations, in answers to answerable questions, of a document that
    answers. `citation_recall`: share of the documents that answer which were cited. Refusals count as the
    detection of unanswerable questions. `refusal_accuracy` is over all questions.
    """
    answerable = [each for each in judged if each.question.is_answerable]
    traceable = [each for each in answerable if each.question.documents]
    refused = [each for each in judged if not each.answer.answerable]
    unanswerable = len(judged) - len(answerable)
    rightly_refused = sum(not each.question.is_answerable for each in refused)
    values = {
        "exact_match": _mean([exact_match(_text(each), each.question.answers) for each in answerable]),
        "f1": _mean([token_f1(_text(each), each.question.answers) for each in answerable]),
        "answer_in_quote": _mean([float(each.finds_answer) for each in answerable]),
        "citation_precision": ratio(
            sum(each.right_citations for each in traceable),
            sum(len(each.answer.citations) for each in traceable),
        ),
        "citation_recall": ratio(
            sum(each.cited_documents for each in traceable),
            sum(len(each.question.documents) for each in traceable),
        ),
        "answered": ratio(len(answerable) - (len(refused) - rightly_refused), len(answerable)),
        "refusal_accuracy": ratio(
            sum(each.question.is_answerable == each.answer.answerable for each in judged), len(judged)
        ),
        "refusal_precision": ratio(rightly_refused, len(refused)),
        "refusal_recall": ratio(rightly_refused, unanswerable),
    }
    return {name: None if value is None else round(value, 4) for name, value in values.items()}


def judge(
    questions: Sequence[JudgedQuestion], answerer: Answerer, collections: frozenset[CollectionId]
) -> list[Judgement]:
    """Asks the questions, one after the other."""
    return asyncio.run(_judge(questions, answerer, collections))


async def _judge(
    questions: Sequence[JudgedQuestion], answerer: Answerer, collections: frozenset[CollectionId]
) -> list[Judgement]:
    judged: list[Judgement] = []
    for question in questions:
        began = time.perf_counter()
        async for event in answerer.answer(question.text, collections):
            if isinstance(event, AnswerDone):
                milliseconds = (time.perf_counter() - began) * 1000
                judged.append(Judgement(question=question, answer=event.answer, milliseconds=milliseconds))
    return judged


def _text(judged: Judgement) -> str:
    return without_markers(judged.answer.text) if judged.answer.answerable else ""


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _names(citation: Citation, document: str) -> bool:
    """Sets name a document by its id or by the end of its path."""
    path = citation.passage.path
    return document in (citation.document_id, path) or path.endswith(f"/{document}")


def _holds_answer(citation: Citation, question: JudgedQuestion) -> bool:
    if question.documents and not any(_names(citation, each) for each in question.documents):
        return False
    if question.quotes:
        # Either may be the longer one: a set's quote of two sentences, ours of one of them.
        return contains_any(citation.quote, question.quotes) or any(
            contains_any(quote, [citation.quote]) for quote in question.quotes
        )
    return contains_any(citation.quote, question.answers)
