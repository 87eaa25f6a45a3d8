"""Search in 100,000 chunks: the embedded index beside an exact scan of the same vectors, in the same run.

python bench/search_100k.py [--chunks 100000] [--queries 300]

Vectors are embeddings of real sentences, each blurred into a cluster; texts are made of real sentences, so
that words are as common and as rare as they are. Times are of the search alone: a question's embedding
takes longer than the search and is the same for all. Prints a Markdown table.
"""

import argparse
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from corpus.documents import CollectionId, DocumentId, point_id
from evaluation.judged_sets import read_judged_set
from evaluation.metrics import percentile
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import Vectors
from retrieval.index import IndexPoint, IndexQuery
from retrieval.keyword import KeywordEncoder
from retrieval.passages import SearchMode

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "retrieval"
SETS = ["anthropic-docs", "hotpotqa-100", "cranfield"]
SENTENCES = 3_000
SENTENCES_PER_CHUNK = 5
# Length of the noise beside a unit vector: neighbours in a cluster then have cosines of 0.55 to 0.7.
BLUR = 0.8
# A tenth of the chunks lie in this collection, the rest in the other.
SMALL, LARGE = CollectionId("small"), CollectionId("large")
WARM_UP = 20


class Corpus:
    """Sentences, their vectors, and chunks and queries made from both."""

    def __init__(self, chunks: int) -> None:
        self._random = np.random.default_rng(1)
        found = [
            sentence
            for name in SETS
            for document in read_judged_set(DATA / name).documents
            for sentence in re.split(r"(?<=[.?!])\s+", document.text)
            if 40 < len(sentence) < 200
        ]
        self._sentences = [found[i] for i in self._random.choice(len(found), SENTENCES, replace=False)]
        self._centres = MiniLmEmbedder().embed_documents(self._sentences)
        # Some subjects are written about more than others.
        popularity = 1 / np.arange(1, SENTENCES + 1) ** 0.5
        self._subjects = self._random.choice(SENTENCES, chunks, p=popularity / popularity.sum())
        self.vectors = self._blurred(self._subjects)
        self._keywords = KeywordEncoder()

    def points(self, first: int, last: int) -> list[IndexPoint]:
        return [self._point(number) for number in range(first, min(last, len(self.vectors)))]

    def queries(self, count: int) -> list[IndexQuery]:
        subjects = self._random.choice(SENTENCES, count)
        return [
            IndexQuery(
                dense=vector,
                keyword=self._keywords.query(" ".join(self._sentences[subject].split()[:9])),
                collections=frozenset({SMALL, LARGE}),
                mode=SearchMode.HYBRID,
                limit=10,
            )
            for subject, vector in zip(subjects, self._blurred(subjects), strict=True)
        ]

    def _point(self, number: int) -> IndexPoint:
        others = self._random.choice(SENTENCES, SENTENCES_PER_CHUNK - 1)
        text = " ".join(self._sentences[i] for i in (self._subjects[number], *others))
        return IndexPoint(
            point_id=point_id(DocumentId("bench"), 1, number),
            collection_id=SMALL if number % 10 == 0 else LARGE,
            document_id=DocumentId(f"d{number // 50}"),
            version=1,
            dense=self.vectors[number],
            keyword=self._keywords.document(text, "en"),
        )

    def _blurred(self, subjects: np.ndarray) -> Vectors:
        noise = self._random.normal(size=(len(subjects), self._centres.shape[1])).astype(np.float32)
        noise *= BLUR / np.linalg.norm(noise, axis=1, keepdims=True)
        blurred = self._centres[subjects] + noise
        return blurred / np.linalg.norm(blurred, axis=1, keepdims=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--chunks", type=int, default=100_000)
    arguments.add_argument("--queries", type=int, default=300)
    given = arguments.parse_args()
    corpus = Corpus(given.chunks)
    queries = corpus.queries(given.queries)
    with tempfile.TemporaryDirectory() as folder:
        index = QdrantEdgeIndex(Path(folder) / "index", dimension=corpus.vectors.shape[1])
        indexed = timed(lambda: fill(index, corpus))
        optimized = timed(index.optimize)
        compare(index, corpus.vectors, queries)
        index.close()
    print(f"\n{given.chunks:,} chunks, {given.queries} queries; stored in {indexed:.0f} s (tokens included),")
    print(f"optimized in {optimized:.0f} s; {os.cpu_count()} cores, {processor()}")


def fill(index: QdrantEdgeIndex, corpus: Corpus) -> None:
    for first in range(0, len(corpus.vectors), 1_000):
        index.upsert(corpus.points(first, first + 1_000))


def compare(index: QdrantEdgeIndex, vectors: Vectors, queries: list[IndexQuery]) -> None:
    exact = [nearest(vectors, query.dense) for query in queries]
    print("| search | p50 ms | p95 ms | recall@10 of the exact neighbours |")
    print("|---|---|---|---|")
    print(row("exact scan, numpy", queries, lambda query: nearest(vectors, query.dense)))
    for name, mode, collections in [
        ("dense", SearchMode.DENSE, {SMALL, LARGE}),
        ("keyword", SearchMode.KEYWORD, {SMALL, LARGE}),
        ("hybrid", SearchMode.HYBRID, {SMALL, LARGE}),
        ("hybrid, allowed a tenth", SearchMode.HYBRID, {SMALL}),
    ]:
        asked = [replace(query, mode=mode, collections=frozenset(collections)) for query in queries]
        recall = ""
        if mode is SearchMode.DENSE:
            found = [overlap(index, query, best) for query, best in zip(asked, exact, strict=True)]
            recall = f"{np.mean(found):.3f}"
        print(row(f"embedded index, {name}", asked, index.search, recall))


def nearest(vectors: Vectors, query: Vectors) -> set[int]:
    cosines = vectors @ query
    return {int(i) for i in np.argpartition(-cosines, 10)[:10]}


def overlap(index: QdrantEdgeIndex, query: IndexQuery, best: set[int]) -> float:
    expected = {point_id(DocumentId("bench"), 1, number) for number in best}
    return len(expected & {hit.point_id for hit in index.search(query)}) / len(expected)


def row(
    name: str, queries: list[IndexQuery], search: Callable[[IndexQuery], object], recall: str = ""
) -> str:
    for query in queries[:WARM_UP]:
        search(query)
    times = [timed(lambda query=query: search(query)) * 1000 for query in queries]
    return f"| {name} | {percentile(times, 0.5):.2f} | {percentile(times, 0.95):.2f} | {recall} |"


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists() and (name := re.search(r"model name\s*: (.*)", information.read_text())):
        return name.group(1)
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
