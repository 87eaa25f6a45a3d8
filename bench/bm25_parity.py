"""The keyword index beside rank-bm25 on the same tokens: how many of the ten best documents are the same.

python bench/bm25_parity.py ../shared/data/retrieval/scifact [--delete SHARE]
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import cast

import numpy as np
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi

from corpus.documents import CollectionId, DocumentId, point_id
from evaluation.judged_sets import read_judged_set
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.index import Index, IndexPoint, IndexQuery, KeywordVector
from retrieval.keyword import KeywordEncoder, token_id
from retrieval.passages import SearchMode
from retrieval.tokenizing import tokens

COLLECTION = CollectionId("parity")
TOP = 10


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--delete", type=float, default=0.0, help="share of documents deleted again")
    given = arguments.parse_args()
    judged = read_judged_set(given.folder)
    documents = {each.id: tokens(f"{each.title}\n{each.text}", "en") for each in judged.documents}
    doomed = set(list(documents)[: round(given.delete * len(documents))])
    kept = {key: words for key, words in documents.items() if key not in doomed}
    length = fmean(len(words) for words in kept.values())
    with tempfile.TemporaryDirectory() as folder:
        index = QdrantEdgeIndex(Path(folder) / "index", dimension=1)
        fill(index, documents, KeywordEncoder(average_length=length, k1=1.5, b=0.75))
        for document in doomed:
            index.delete(DocumentId(document))
        queries = [tokens(text, "en") for text in judged.queries.values()]
        shares = overlaps(index, kept, queries)
        index.close()
    print(f"{judged.name}: {len(kept)} documents, {len(doomed)} deleted, {len(queries)} queries")
    print(f"mean overlap of the ten best with rank-bm25: {fmean(shares):.4f}, least {min(shares):.2f}")


def fill(index: Index, documents: dict[str, list[str]], encoder: KeywordEncoder) -> None:
    index.upsert(
        [
            IndexPoint(
                point_id=point_id(DocumentId(key), 1, 0),
                collection_id=COLLECTION,
                document_id=DocumentId(key),
                version=1,
                dense=np.ones(1, dtype=np.float32),
                keyword=encoder.weigh(words),
            )
            for key, words in documents.items()
        ]
    )


def overlaps(index: Index, documents: dict[str, list[str]], queries: Sequence[list[str]]) -> list[float]:
    """Per query the share of rank-bm25's ten best that the index has among its ten best.

    What may differ: rank-bm25's rarity is `ln((N - n + 0.5) / (n + 0.5))`, with a floor for tokens in more
    than half of the documents; the engine adds 1 inside the logarithm, which needs no floor. The engine's
    scores have 32 bits. A document that ties with rank-bm25's tenth counts as one of its ten.
    """
    reference = BM25Okapi(list(documents.values()), k1=1.5, b=0.75)
    untyped = reference.get_scores  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    get_scores = cast(Callable[[list[str]], NDArray[np.float64]], untyped)
    places = {point_id(DocumentId(key), 1, 0): place for place, key in enumerate(documents)}
    shares: list[float] = []
    for words in queries:
        scores = get_scores(words)
        tenth = np.sort(scores)[-TOP]
        asked = KeywordVector(
            indices=tuple(token_id(word) for word in dict.fromkeys(words)),
            values=tuple(float(words.count(word)) for word in dict.fromkeys(words)),
        )
        hits = index.search(
            IndexQuery(
                dense=np.ones(1, dtype=np.float32),
                keyword=asked,
                collections=frozenset({COLLECTION}),
                mode=SearchMode.KEYWORD,
                limit=TOP,
            )
        )
        shares.append(sum(scores[places[hit.point_id]] >= tenth - 1e-6 for hit in hits) / TOP)
    return shares


if __name__ == "__main__":
    main()
