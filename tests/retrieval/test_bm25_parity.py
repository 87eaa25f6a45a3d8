"""The keyword index against rank-bm25 on the same tokens, after adding and deleting documents."""

from pathlib import Path
from statistics import fmean
from typing import cast

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from corpus.documents import CollectionId, DocumentId, point_id
from evaluation.judged_sets import JudgedSet, read_judged_set
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.index import Index, IndexPoint, IndexQuery, KeywordVector
from retrieval.keyword import KeywordEncoder, token_id
from retrieval.passages import SearchMode
from retrieval.tokenizing import tokens

SCIFACT = Path(__file__).resolve().parents[3] / "shared" / "data" / "retrieval" / "scifact"
HR = CollectionId("hr")
TOP = 10

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scifact() -> JudgedSet:
    if not SCIFACT.exists():
        pytest.skip(f"{SCIFACT.name} is not beside the repository")
    return read_judged_set(SCIFACT)


def store(index: Index, documents: dict[str, list[str]], encoder: KeywordEncoder) -> None:
    index.upsert(
        [
            IndexPoint(
                point_id=point_id(DocumentId(key), 1, 0),
                collection_id=HR,
                document_id=DocumentId(key),
                version=1,
                dense=np.ones(1, dtype=np.float32),
                keyword=encoder.weigh(words),
            )
            for key, words in documents.items()
        ]
    )


def best(index: Index, words: list[str]) -> dict[str, float]:
    counts = {token_id(word): float(words.count(word)) for word in words}
    query = IndexQuery(
        dense=np.ones(1, dtype=np.float32),
        keyword=KeywordVector(indices=tuple(counts), values=tuple(counts.values())),
        collections=frozenset({HR}),
        mode=SearchMode.KEYWORD,
        limit=TOP,
    )
    return {hit.point_id: hit.score for hit in index.search(query)}


def test_after_adds_and_deletes_the_ranking_is_that_of_rank_bm25(scifact: JudgedSet, tmp_path: Path) -> None:
    documents = {each.id: tokens(f"{each.title}\n{each.text}", "en") for each in scifact.documents}
    names = list(documents)
    deleted, early, late = names[:1_000], names[:3_000], names[3_000:]
    kept = {name: documents[name] for name in names[1_000:]}
    encoder = KeywordEncoder(average_length=fmean(map(len, kept.values())), k1=1.5, b=0.75)
    index = QdrantEdgeIndex(tmp_path, dimension=1)
    store(index, {name: documents[name] for name in early}, encoder)
    for name in deleted:
        index.delete(DocumentId(name))
    store(index, {name: documents[name] for name in late}, encoder)

    plain = BM25Okapi(list(kept.values()), k1=1.5, b=0.75)
    smoothed = BM25Okapi(list(kept.values()), k1=1.5, b=0.75)
    # The one difference that is meant: the engine adds 1 inside the logarithm, as Lucene does.
    smoothed.idf = {word: np.log1p(np.exp(rarity)) for word, rarity in plain.idf.items()}  # pyright: ignore
    overlaps: list[float] = []
    for text in scifact.queries.values():
        words = tokens(text, "en")
        found = best(index, words)
        scores = scores_of(smoothed, words, list(kept))
        assert found == pytest.approx({key: scores[key] for key in found}, rel=1e-4)
        assert min(found.values()) >= sorted(scores.values())[-len(found)] - 1e-4
        okapi = scores_of(plain, words, list(kept))
        tenth = sorted(okapi.values())[-TOP]
        overlaps.append(sum(okapi[key] >= tenth for key in found) / TOP)
    index.close()

    assert fmean(overlaps) >= 0.95


def scores_of(reference: BM25Okapi, words: list[str], names: list[str]) -> dict[str, float]:
    scores = cast(np.ndarray, reference.get_scores(words))  # pyright: ignore[reportUnknownMemberType]
    return {point_id(DocumentId(name), 1, 0): float(score) for name, score in zip(names, scores, strict=True)}
