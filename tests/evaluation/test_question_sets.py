import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from corpus.errors import InvalidInputError
from evaluation.question_sets import read_question_set

REPOSITORY = Path(__file__).resolve().parents[2]
SQUAD = REPOSITORY.parent / "shared" / "data" / "qa" / "squad-v2-dev-a"


def _write(path: Path, *rows: Mapping[str, object]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_questions_with_a_corpus(tmp_path: Path) -> None:
    _write(tmp_path / "corpus.jsonl", {"_id": "p1", "title": "Leave", "text": "25 days."})
    row = {"id": "q1", "question": "How many?", "answers": ["25"], "answerable": True, "doc_id": "p1"}
    with gzip.open(tmp_path / "qa.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(row))

    found = read_question_set(tmp_path)

    assert found.name == tmp_path.name
    assert found.files is None
    assert [(each.id, each.text) for each in found.documents] == [("p1", "25 days.")]
    question = found.questions[0]
    assert (question.answers, question.documents) == (("25",), {"p1"})
    assert question.is_answerable


def test_an_unanswerable_question_keeps_nothing_that_tempts(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    row = {"question": "Who?", "answers": ["Bob"], "answerable": False, "doc_id": "p1", "quote": None}
    _write(tmp_path / "qa.jsonl", row)

    question = read_question_set(tmp_path).questions[0]

    assert (question.answers, question.quotes, question.documents) == ((), (), frozenset())
    assert not question.is_answerable


def test_the_sample_collection_is_a_question_set() -> None:
    found = read_question_set(REPOSITORY / "sample")

    assert len(found.questions) == 40
    assert sum(not each.is_answerable for each in found.questions) == 10
    assert found.files == REPOSITORY / "sample" / "documents"
    assert all(
        each.answers and each.quotes and each.documents for each in found.questions if each.is_answerable
    )


@pytest.mark.skipif(not SQUAD.is_dir(), reason="the shared data are not there")
def test_squad_is_read_whole_and_sampled_always_alike() -> None:
    found = read_question_set(SQUAD)

    assert (len(found.questions), len(found.documents)) == (6307, 636)
    few = found.sample(50)
    assert few == read_question_set(SQUAD).sample(50)
    assert len({each.id for each in few.questions}) == 50
    assert len(few.documents) == 636
    assert found.sample(10_000) is found


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"qa\.jsonl"):
        read_question_set(tmp_path)
    _write(tmp_path / "qa.jsonl", {"question": "How?"})
    with pytest.raises(InvalidInputError, match=r"corpus\.jsonl"):
        read_question_set(tmp_path)
    _write(tmp_path / "qa.jsonl", {"id": "q1"})
    with pytest.raises(InvalidInputError, match="question"):
        read_question_set(tmp_path)
