"""Folders of questions with their answers and the documents that hold them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from corpus.errors import InvalidInputError
from evaluation.judged_sets import JudgedDocument, read_lines

_QUESTION_FILES = ("qa.jsonl", "questions.jsonl")
_DOCUMENT_FOLDERS = ("files", "documents", "corpora")
_SEED = 20261123


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedQuestion:
    id: str
    text: str
    answers: tuple[str, ...]
    """Any of them is right; empty for a question that the documents do not answer."""
    quotes: tuple[str, ...]
    """Words of the documents that answer, where the set names them."""
    documents: frozenset[str]
    """Ids or paths of the documents that answer; empty where the set does not name them."""
    is_answerable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    name: str
    questions: tuple[JudgedQuestion, ...]
    documents: tuple[JudgedDocument, ...]
    """From `corpus.jsonl`; empty where the documents are files."""
    files: Path | None
    """The folder of the documents, where they are files."""

    def sample(self, limit: int) -> "QuestionSet":
        """At most `limit` questions, always the same ones, in their order; all documents stay."""
        if limit >= len(self.questions):
            return self
        kept = random.Random(_SEED).sample(range(len(self.questions)), limit)  # noqa: S311
        return replace(self, questions=tuple(self.questions[i] for i in sorted(kept)))


def read_question_set(folder: Path) -> QuestionSet:
    """Reads `qa.jsonl` or `questions.jsonl`, and `corpus.jsonl` or a folder of files.

    A question has `question`, and as far as known `id`, `answers` or `answer`, `answerable` (true unless
    said otherwise), `doc_id`, `doc_ids` or `document`, and `quote` or `references` (objects with `text`).
    Raises `InvalidInputError` when something is missing or is not in that form.
    """
    try:
        questions = tuple(
            _question(row, number) for number, row in enumerate(read_lines(_question_file(folder)), start=1)
        )
        documents: tuple[JudgedDocument, ...] = ()
        files = next((folder / name for name in _DOCUMENT_FOLDERS if (folder / name).is_dir()), None)
        if _exists(folder / "corpus.jsonl"):
            documents = tuple(
                JudgedDocument(id=str(row["_id"]), title=str(row.get("title") or ""), text=str(row["text"]))
                for row in read_lines(folder / "corpus.jsonl")
            )
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInputError(f"{folder} is no set of questions: {error!r}") from error
    if not documents and files is None:
        raise InvalidInputError(
            f"{folder} holds no documents: neither corpus.jsonl nor a folder {', '.join(_DOCUMENT_FOLDERS)}."
        )
    return QuestionSet(
        name=folder.resolve().name,
        questions=questions,
        documents=documents,
        files=None if documents else files,
    )


def _question_file(folder: Path) -> Path:
    found = next((folder / name for name in _QUESTION_FILES if _exists(folder / name)), None)
    if found is None:
        raise InvalidInputError(f"{folder} holds no questions: neither {' nor '.join(_QUESTION_FILES)}.")
    return found


def _exists(path: Path) -> bool:
    return path.exists() or path.with_name(path.name + ".gz").exists()


def _question(row: dict[str, object], number: int) -> JudgedQuestion:
    is_answerable = row.get("answerable", True) is True
    return JudgedQuestion(
        id=str(row.get("id", number)),
        text=str(row["question"]),
        # An unanswerable question may name a document that tempts, and answers that seem right.
        answers=_texts(row, "answers", "answer") if is_answerable else (),
        quotes=_texts(row, "references", "quote") if is_answerable else (),
        documents=frozenset(_texts(row, "doc_ids", "doc_id", "document")) if is_answerable else frozenset(),
        is_answerable=is_answerable,
    )


def _texts(row: dict[str, object], *names: str) -> tuple[str, ...]:
    """The texts under the first of these names that is there: a text, a list of texts, or of objects."""
    value = next((row[name] for name in names if row.get(name)), ())
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        raise ValueError(f"{names[0]} is neither a text nor a list.")  # noqa: TRY004  a fault of the data
    return tuple(_text(each) for each in cast(Sequence[object], value))


def _text(value: object) -> str:
    return str(cast(dict[str, object], value)["text"]) if isinstance(value, dict) else str(value)
