"""An evaluation ingests each document of its set, identical ones too."""

import json
from pathlib import Path

from api.evaluating import evaluate_answers
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import DocumentStatus

LEAVE = "Every full-time employee receives 27 days of paid annual leave a year."


def test_identical_documents_of_a_question_set_are_both_ingested(tmp_path: Path) -> None:
    dataset = tmp_path / "set"
    dataset.mkdir()
    documents = [{"_id": name, "title": "Leave", "text": LEAVE} for name in ("first", "second")]
    question = "How many days of paid annual leave does a full-time employee receive?"
    questions = [
        {"question": question, "answers": ["27 days"], "doc_ids": ["first", "second"], "answerable": True}
    ]
    for name, rows in (("corpus.jsonl", documents), ("qa.jsonl", questions)):
        (dataset / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert evaluate_answers(dataset, None, tmp_path / "data").queries == 1
    database = Database(f"sqlite:///{tmp_path / 'data' / 'sourcebook.db'}")
    found = Catalog(database).documents()
    database.close()
    assert {document.path: document.status for document in found} == {
        "first": DocumentStatus.READY,
        "second": DocumentStatus.READY,
    }
