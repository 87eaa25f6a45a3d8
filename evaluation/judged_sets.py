"""Folders in the form of BEIR: a corpus, queries, and judgements of which documents answer which query."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import InvalidInputError
from evaluation.metrics import Judgements


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDocument:
    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSet:
    name: str
    documents: tuple[JudgedDocument, ...]
    queries: dict[str, str]
    """Text by query id; only queries with at least one judgement."""
    judgements: dict[str, Judgements]


def read_judged_set(folder: Path) -> JudgedSet:
    """Reads `corpus.jsonl`, `queries.jsonl` (either also as `.gz`) and `qrels.tsv`.

    Raises `InvalidInputError` when a file is missing or is not in that form.
    """
    try:
        judgements = _read_judgements(folder / "qrels.tsv")
        documents = tuple(
            JudgedDocument(id=str(row["_id"]), title=str(row.get("title") or ""), text=str(row["text"]))
            for row in read_lines(folder / "corpus.jsonl")
        )
        queries = {str(row["_id"]): str(row["text"]) for row in read_lines(folder / "queries.jsonl")}
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInputError(f"{folder} is no evaluation set in the form of BEIR: {error}") from error
    judged = {query_id: text for query_id, text in queries.items() if query_id in judgements}
    return JudgedSet(name=folder.name, documents=documents, queries=judged, judgements=judgements)


def read_lines(path: Path) -> Iterator[dict[str, object]]:
    """The objects of a JSON Lines file; `path` may also lie there packed, with `.gz` after its name."""
    packed = path.with_name(path.name + ".gz")
    with (
        gzip.open(packed, "rt", encoding="utf-8") if packed.exists() else path.open(encoding="utf-8") as lines
    ):
        yield from (json.loads(line) for line in lines if line.strip())


def _read_judgements(path: Path) -> dict[str, Judgements]:
    judgements: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            query_id, document_id, grade = line.rstrip("\n").split("\t")
            judgements.setdefault(query_id, {})[document_id] = int(grade)
    return {**judgements}
