"""Quality and latency of answers on question sets: ingests each once, into a kept folder, and asks again.

python bench/answer_quality.py sample ../shared/data/handbooks/northwind [FOLDER...] [--limit 300] [--each]
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from api.evaluating import open_questions
from evaluation.answers import AnswersReport, Judgement, judge, report
from evaluation.question_sets import read_question_set

COLUMNS = (
    "answer_in_quote",
    "f1",
    "citation_precision",
    "citation_recall",
    "answered",
    "refusal_precision",
    "refusal_recall",
    "refusal_accuracy",
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--limit", type=int, default=0, help="ask at most so many questions of a set")
    arguments.add_argument("--each", action="store_true", help="show each answer")
    arguments.add_argument(
        "--keep",
        type=Path,
        default=Path(tempfile.gettempdir()) / "sourcebook-answers",
        help="where the ingested documents stay",
    )
    given = arguments.parse_args()
    lines = [f"| set | questions | {' | '.join(COLUMNS)} | p50 ms | p95 ms |", "|---" * 12 + "|"]
    for folder in given.folders:
        questions = read_question_set(folder)
        if given.limit:
            questions = questions.sample(given.limit)
        with open_questions(questions, given.keep / questions.name) as (answerer, collections):
            judged = judge(questions.questions, answerer, collections)
            model = answerer.model
        if given.each:
            show(judged)
        lines.append(row(report(questions.name, model, judged)))
    print("\n".join(lines))


def show(judged: Sequence[Judgement]) -> None:
    for each in judged:
        question = each.question
        is_right = each.finds_answer if question.is_answerable else not each.answer.answerable
        wanted = " / ".join(question.quotes or question.answers[:2]) if question.is_answerable else "refusal"
        print(f"{'ok   ' if is_right else 'WRONG'} {question.id} {question.text}\n      wanted: {wanted}")
        for citation in each.answer.citations:
            print(f"      [{citation.passage.path}] {citation.quote!r}")


def row(figures: AnswersReport) -> str:
    numbers = ["" if value is None else f"{value:.3f}" for value in map(figures.metrics.get, COLUMNS)]
    times = [f"{value:.0f}" for value in figures.latency_ms.values()]
    return f"| {figures.dataset} | {figures.queries} | {' | '.join([*numbers, *times])} |"


if __name__ == "__main__":
    main()
