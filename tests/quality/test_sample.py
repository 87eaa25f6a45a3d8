"""The sample collection keeps what its README promises: formats, languages, true quotes, repeatable files."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ingest.parsed import ParsedDocument
from ingest.parsers.formats import parse
from ingest.sniffing import sniff

SAMPLE = Path(__file__).resolve().parents[2] / "sample"
DOCUMENTS = SAMPLE / "documents"
GENERATED = {".pdf", ".docx", ".xlsx"}
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]


def _parse_all(root: Path) -> dict[str, ParsedDocument]:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        path.relative_to(root).as_posix(): parse(path, path.name, sniff(path, path.name)) for path in paths
    }


def _evidence(question: dict[str, Any]) -> list[tuple[str, str]]:
    documents = question.get("documents", [question["document"]])
    quotes = question.get("quotes", [question["quote"]])
    return list(zip(documents, quotes, strict=True))


@pytest.fixture(scope="module")
def documents() -> dict[str, ParsedDocument]:
    return _parse_all(DOCUMENTS)


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs in processes of their own: each with its own hash seed, the second in a later second."""
    folders = (tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second"))
    for seed, folder in enumerate(folders, start=1):
        subprocess.run(
            [sys.executable, str(SAMPLE / "make_binary_files.py"), "--out", str(folder)],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed), "TZ": ("UTC", "Asia/Tokyo")[seed - 1]},
        )
    return folders


def test_formats_are_those_the_readme_promises(documents: dict[str, ParsedDocument]) -> None:
    assert Counter(Path(name).suffix for name in documents) == {
        ".md": 10,
        ".html": 3,
        ".pdf": 4,
        ".docx": 3,
        ".xlsx": 2,
        ".csv": 1,
        ".txt": 2,
        ".eml": 3,
    }


def test_languages_are_those_the_readme_promises(documents: dict[str, ParsedDocument]) -> None:
    languages = Counter(document.language for document in documents.values())
    assert languages == {"en": 21, "fr": 4, "ar": 3}


def test_every_document_parses_without_warning(documents: dict[str, ParsedDocument]) -> None:
    assert {name: document.warnings for name, document in documents.items() if document.warnings} == {}


def test_prose_has_a_realistic_length(documents: dict[str, ParsedDocument]) -> None:
    lengths = {
        name: len(document.text.split()) for name, document in documents.items() if not name.endswith(".csv")
    }
    assert {name: length for name, length in lengths.items() if not 300 <= length <= 1500} == {}


def test_each_pdf_has_two_to_six_pages(documents: dict[str, ParsedDocument]) -> None:
    pages = {name: document.pages for name, document in documents.items() if name.endswith(".pdf")}
    assert all(count is not None and 2 <= count <= 6 for count in pages.values()), pages


def test_the_collection_stays_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 1_000_000


def test_forty_questions_of_which_ten_have_no_answer() -> None:
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS) == 40
    assert len(ANSWERABLE) == 30
    assert sum("documents" in question for question in ANSWERABLE) == 3
    for question in QUESTIONS:
        present = [question[field] is not None for field in ("answer", "document", "quote")]
        assert present == [question["answerable"]] * 3, question["id"]


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_quotes_stand_in_their_document_once_and_nowhere_else(
    question: dict[str, Any], documents: dict[str, ParsedDocument]
) -> None:
    for document, quote in _evidence(question):
        found = {name: parsed.text.count(quote) for name, parsed in documents.items() if quote in parsed.text}
        assert found == {document: 1}


def test_the_first_document_and_quote_are_repeated_in_the_lists() -> None:
    for question in ANSWERABLE:
        assert _evidence(question)[0] == (question["document"], question["quote"])


def test_the_first_question_is_answered_by_one_sentence_on_a_page(
    documents: dict[str, ParsedDocument],
) -> None:
    asked = (SAMPLE / "first_question.txt").read_text(encoding="utf-8").strip()
    (question,) = [question for question in QUESTIONS if question["question"] == asked]
    parsed = documents[question["document"]]
    start = parsed.text.index(question["quote"])
    end = start + len(question["quote"])
    assert question["quote"].endswith(".")
    assert ". " not in question["quote"]
    boxes = [region.box for region in parsed.regions if region.start < end and region.end > start]
    assert boxes
    assert {box.page for box in boxes} == {4}


def test_generation_is_repeatable_to_the_byte(regenerated: tuple[Path, Path]) -> None:
    first, second = regenerated
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert {name.suffix for name in names} == GENERATED
    assert [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()] == []


def test_the_committed_files_are_those_the_sources_make(
    regenerated: tuple[Path, Path], documents: dict[str, ParsedDocument]
) -> None:
    """Compared by text: another release of the PDF or zip library may write other bytes."""
    made = {name: parsed.text for name, parsed in _parse_all(regenerated[0]).items()}
    committed = {name: parsed.text for name, parsed in documents.items() if Path(name).suffix in GENERATED}
    assert made == committed
