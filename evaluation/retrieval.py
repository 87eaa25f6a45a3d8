"""Ranking quality and speed of retrieval on a judged set, with the parts that serve real questions."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean

from corpus.documents import BlockKind, Chunk, CollectionId, Document, DocumentId, DocumentStatus
from evaluation.judged_sets import JudgedDocument, JudgedSet
from evaluation.metrics import ndcg, percentile, recall, reciprocal_rank
from ingest.chunking import Chunker
from ingest.parsed import ParsedDocumentBuilder
from retrieval.indexing import Indexer, TitledChunk
from retrieval.passages import Passage, Query, SearchMode
from retrieval.retriever import Retriever

Split = Callable[[JudgedDocument], list[Chunk]]
"""Chunks of a judged document, under its own id."""

COLLECTION = CollectionId("evaluation")
# Passages taken per query. Documents have several, so fewer documents than this are ranked.
_DEPTH = 200
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalReport:
    dataset: str
    mode: SearchMode
    queries: int
    metrics: dict[str, float]
    """Means over all queries; a document ranks where its best passage does."""
    latency_ms: dict[str, float]
    """p50 and p95 of a search for ten passages, embedding of the question included."""


class InMemoryRecord:
    """The record of an evaluation: everything is readable."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Chunk, Document]] = {}

    def add(self, chunks: Iterable[Chunk], document: JudgedDocument) -> None:
        row = _document(document)
        self._known.update((chunk.point_id, (chunk, row)) for chunk in chunks)

    def readable_chunks(self, point_ids: Sequence[str]) -> Mapping[str, tuple[Chunk, Document]]:
        return {key: self._known[key] for key in point_ids if key in self._known}


def whole(document: JudgedDocument) -> list[Chunk]:
    """The document as one chunk, of which the embedder reads what it can."""
    text = document.text
    return [
        Chunk(
            document_id=DocumentId(document.id),
            version=1,
            number=0,
            start=0,
            end=len(text),
            text=text,
            heading_path=(),
            page=None,
            regions=(),
            language="und",
            tokens=0,
        )
    ]


def split_by(chunker: Chunker) -> Split:
    """Splits as ingestion does, blank lines being all the structure that the set's plain text has."""

    def split(document: JudgedDocument) -> list[Chunk]:
        parsed = ParsedDocumentBuilder()
        for paragraph in document.text.split("\n\n"):
            parsed.block(BlockKind.PARAGRAPH, paragraph)
        built = parsed.build(title=document.title, language="und")
        return chunker.split(built, DocumentId(document.id), 1)

    return split


def load(judged: JudgedSet, indexer: Indexer, split: Split) -> InMemoryRecord:
    """Indexes all documents of the set and returns their record."""
    record = InMemoryRecord()
    titled: list[TitledChunk] = []
    for document in judged.documents:
        chunks = split(document)
        record.add(chunks, document)
        titled.extend((document.title, chunk) for chunk in chunks)
    indexer.index_titled(titled, collection_id=COLLECTION)
    return record


def evaluate(judged: JudgedSet, retriever: Retriever, mode: SearchMode) -> RetrievalReport:
    """Asks every query of the set twice: deep for the ranking, and as a user does for the time."""
    rankings: dict[str, list[str]] = {}
    milliseconds: list[float] = []
    for query_id, text in judged.queries.items():
        started = time.perf_counter()
        retriever.retrieve(_query(text, mode, _SHOWN))
        milliseconds.append((time.perf_counter() - started) * 1000)
        rankings[query_id] = _documents(retriever.retrieve(_query(text, mode, _DEPTH)))
    return RetrievalReport(
        dataset=judged.name,
        mode=mode,
        queries=len(rankings),
        metrics=_means(rankings, judged),
        latency_ms={
            "p50": round(percentile(milliseconds, 0.5), 2),
            "p95": round(percentile(milliseconds, 0.95), 2),
        },
    )


def _means(rankings: Mapping[str, Sequence[str]], judged: JudgedSet) -> dict[str, float]:
    pairs = [(ranking, judged.judgements[query_id]) for query_id, ranking in rankings.items()]
    means = {
        "ndcg@10": fmean(ndcg(ranking, grades, cutoff=10) for ranking, grades in pairs),
        "recall@10": fmean(recall(ranking, grades, cutoff=10) for ranking, grades in pairs),
        "recall@100": fmean(recall(ranking, grades, cutoff=100) for ranking, grades in pairs),
        "mrr@10": fmean(reciprocal_rank(ranking, grades, cutoff=10) for ranking, grades in pairs),
    }
    return {name: round(value, 4) for name, value in means.items()}


def _documents(passages: Sequence[Passage]) -> list[str]:
    return list(dict.fromkeys(str(passage.chunk.document_id) for passage in passages))


def _query(text: str, mode: SearchMode, limit: int) -> Query:
    return Query(text=text, collections=frozenset({COLLECTION}), limit=limit, mode=mode)


def _document(document: JudgedDocument) -> Document:
    now = datetime.now(UTC)
    return Document(
        id=DocumentId(document.id),
        collection_id=COLLECTION,
        collection=str(COLLECTION),
        path=document.id,
        title=document.title or document.id,
        media_type="text/plain",
        sha256="",
        size_bytes=len(document.text.encode()),
        status=DocumentStatus.READY,
        reason=None,
        warnings=(),
        version=1,
        active_version=1,
        attempts=1,
        pages=None,
        chunks=1,
        created_at=now,
        updated_at=now,
    )
