"""A judged set through index and retriever to a report; the engine is the exact one, the text tiny."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import InvalidInputError
from evaluation.judged_sets import JudgedDocument, read_judged_set
from evaluation.retrieval import evaluate, load, split_by, whole
from ingest.chunking import Chunker
from retrieval.adapters.in_memory import InMemoryIndex
from retrieval.embedding import Vectors
from retrieval.indexing import Indexer
from retrieval.passages import SearchMode
from retrieval.retriever import Retriever


class OneDirection:
    """Every text looks the same, so that dense search cannot help; words are its tokens."""

    model = "same"
    dimension = 2
    max_tokens = 64

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        offsets: list[tuple[int, int]] = []
        for word in text.split():
            start = text.index(word, offsets[-1][1] if offsets else 0)
            offsets.append((start, start + len(word)))
        return offsets

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))

    def embed_query(self, text: str) -> Vectors:
        return self.embed_documents([text])[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = [
        {"_id": "pumps", "title": "Pumps", "text": "Pumps are serviced in May."},
        {"_id": "valves", "title": "Valves", "text": "Valves are serviced in June, pumps are not."},
        {"_id": "lamps", "title": "", "text": "Lamps are replaced."},
    ]
    queries = [
        {"_id": "q1", "text": "lamps"},
        {"_id": "q2", "text": "Who replaced the lamps and pumps?"},
        {"_id": "unjudged", "text": "valves"},
    ]
    with gzip.open(tmp_path / "corpus.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in documents)
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    (tmp_path / "qrels.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\tlamps\t1\nq2\tpumps\t1\nq2\tvalves\t0\n"
    )
    return tmp_path


def test_a_set_is_read_with_its_judged_queries_only(folder: Path) -> None:
    judged = read_judged_set(folder)

    assert [document.id for document in judged.documents] == ["pumps", "valves", "lamps"]
    assert list(judged.queries) == ["q1", "q2"]
    assert judged.judgements["q2"] == {"pumps": 1, "valves": 0}


@pytest.mark.parametrize("missing", ["corpus.jsonl.gz", "queries.jsonl", "qrels.tsv"])
def test_a_folder_that_lacks_a_part_is_refused(folder: Path, missing: str) -> None:
    (folder / missing).unlink()

    with pytest.raises(InvalidInputError, match="evaluation set"):
        read_judged_set(folder)


def test_a_broken_line_is_refused(folder: Path) -> None:
    (folder / "queries.jsonl").write_text("{")

    with pytest.raises(InvalidInputError, match="evaluation set"):
        read_judged_set(folder)


def test_the_report_holds_the_means_over_queries(folder: Path) -> None:
    judged = read_judged_set(folder)
    index, embedder = InMemoryIndex(), OneDirection()
    record = load(judged, Indexer(index, embedder), whole)

    report = evaluate(judged, Retriever(index, embedder, record), SearchMode.KEYWORD)

    # q1 finds its document first; q2 finds `lamps` (two rare words) before `pumps`
    assert (report.dataset, report.queries) == (folder.name, 2)
    assert report.metrics == {
        "ndcg@10": pytest.approx((1 + 1 / np.log2(3)) / 2, abs=1e-4),
        "recall@10": 1.0,
        "recall@100": 1.0,
        "mrr@10": 0.75,
    }
    assert 0 < report.latency_ms["p50"] <= report.latency_ms["p95"]


def test_documents_are_split_as_ingestion_splits_them() -> None:
    text = "\n\n".join(f"Paragraph {n} " + "word " * 30 for n in range(8))
    document = JudgedDocument(id="long", title="Title", text=text)

    chunks = split_by(Chunker(OneDirection()))(document)

    assert len(chunks) > 2
    assert {chunk.document_id for chunk in chunks} == {"long"}
    assert all(chunk.tokens <= OneDirection.max_tokens for chunk in chunks)
