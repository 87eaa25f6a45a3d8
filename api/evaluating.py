"""Evaluations with the parts that serve real questions, on data of their own."""

from pathlib import Path

from api.settings import Settings
from api.wiring import open_embedder, open_index
from evaluation.judged_sets import read_judged_set
from evaluation.retrieval import RetrievalReport, evaluate, load, split_by
from ingest.chunking import Chunker
from retrieval.indexing import Indexer
from retrieval.passages import SearchMode
from retrieval.retriever import Retriever


def evaluate_retrieval(dataset: Path, mode: SearchMode, folder: Path) -> RetrievalReport:
    """Indexes the set in `folder` and asks all its queries."""
    settings = Settings(data=folder)
    judged = read_judged_set(dataset)
    embedder = open_embedder()
    index = open_index(settings, embedder, folder / "index")
    try:
        split = split_by(Chunker(embedder, settings.chunking))
        record = load(judged, Indexer(index, embedder), split)
        index.optimize()
        return evaluate(judged, Retriever(index, embedder, record), mode)
    finally:
        index.close()
