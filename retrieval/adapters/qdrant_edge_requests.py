"""Our points and queries in the words of `qdrant_edge`."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import qdrant_edge as edge

from corpus.documents import CollectionId, DocumentId
from retrieval.embedding import Vectors
from retrieval.fusion import RANK_CONSTANT, Fusion
from retrieval.index import Hit, IndexPoint, IndexQuery, KeywordVector
from retrieval.passages import SearchMode
from retrieval.settings import IndexSettings

_DENSE = "dense"
KEYWORD = "keyword"
# Counts the chunks that are there now: the engine's own statistics keep deleted ones until a clean-up.
_LIVE_STATISTICS = edge.SearchParams(idf=edge.IdfParams(corpus=edge.Filter()))


def shard_config(dimension: int) -> edge.EdgeConfig:
    dense = edge.EdgeVectorParams(
        size=dimension,
        distance=edge.Distance.Cosine,
        # A quarter of the memory and three times the speed; exact vectors decide the final order.
        quantization_config=edge.ScalarQuantizationConfig(edge.ScalarType.Int8, quantile=0.99),
    )
    return edge.EdgeConfig(
        vectors={_DENSE: dense},
        sparse_vectors={KEYWORD: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
    )


def search_request(query: IndexQuery, settings: IndexSettings) -> edge.QueryRequest:
    allowed = _allowed(query.collections)
    depth = max(query.limit, settings.candidates)
    by_meaning = edge.Query.Nearest(_floats(query.dense), using=_DENSE)
    by_words = edge.Query.Nearest(sparse_vector(query.keyword), using=KEYWORD)
    near = edge.SearchParams(
        hnsw_ef=max(settings.exploration, depth),
        quantization=edge.QuantizationSearchParams(rescore=True),
    )
    if query.mode is SearchMode.HYBRID:
        return edge.QueryRequest(
            limit=query.limit,
            query=_fusion(settings.fusion),
            prefetches=[
                edge.Prefetch(limit=depth, query=by_meaning, params=near, filter=allowed),
                edge.Prefetch(limit=depth, query=by_words, params=_LIVE_STATISTICS, filter=allowed),
            ],
            with_vector=[_DENSE],
        )
    is_dense = query.mode is SearchMode.DENSE
    return edge.QueryRequest(
        limit=query.limit,
        query=by_meaning if is_dense else by_words,
        params=near if is_dense else _LIVE_STATISTICS,
        filter=allowed,
        with_vector=[_DENSE],
    )


def stored_point(point: IndexPoint) -> edge.Point:
    return edge.Point(
        id=point.point_id,
        vector={_DENSE: _floats(point.dense), KEYWORD: sparse_vector(point.keyword)},
        payload={
            "collection_id": point.collection_id,
            "document_id": point.document_id,
            "version": point.version,
        },
    )


def _floats(vector: Vectors) -> list[float]:
    """The binding reads numpy arrays as they are, which its stubs do not say."""
    return cast(list[float], vector)


def sparse_vector(keyword: KeywordVector) -> edge.SparseVector:
    return edge.SparseVector(indices=list(keyword.indices), values=list(keyword.values))


def equals(field: str, value: str | int) -> edge.FieldCondition:
    return edge.FieldCondition(field, match=edge.MatchValue(value))


def _allowed(collections: frozenset[CollectionId]) -> edge.Filter:
    ids: list[str] = [*sorted(collections)]
    return edge.Filter(must=[edge.FieldCondition("collection_id", match=edge.MatchAny(ids))])


def of_document(document_id: DocumentId | None, version: int | None) -> "list[edge.ConditionType]":
    conditions: list[edge.ConditionType] = []
    if document_id is not None:
        conditions.append(equals("document_id", document_id))
    if version is not None:
        conditions.append(equals("version", version))
    return conditions


def before(version: int) -> edge.FieldCondition:
    return edge.FieldCondition("version", range=edge.RangeFloat(lt=version))


def dense_vector(record: edge.Record) -> Vectors:
    stored = cast(dict[str, list[float]], record.vector)[_DENSE]
    return np.asarray(stored, dtype=np.float32)


def _fusion(fusion: Fusion) -> edge.Fusion:
    # The engine counts ranks from 0, the formula from 1.
    chosen = edge.Fusion.Dbsf() if fusion is Fusion.SCORES else edge.Fusion.Rrf(k=RANK_CONSTANT + 1)
    return cast(edge.Fusion, chosen)


def to_hits(query: IndexQuery, found: Sequence[edge.ScoredPoint]) -> list[Hit]:
    """The stored vectors, which the engine has made unit vectors, come with the points."""
    unit = query.dense / max(float(np.linalg.norm(query.dense)), 1e-12)
    return [
        Hit(
            point_id=str(point.id),
            score=point.score,
            similarity=float(
                unit @ np.asarray(cast(dict[str, list[float]], point.vector)[_DENSE], np.float32)
            ),
        )
        for point in found
    ]
