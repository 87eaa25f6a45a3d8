"""A Qdrant server, or its small imitation inside qdrant-client for tests. Door to `qdrant_client`."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import httpx
import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException

from corpus.documents import CollectionId, DocumentId
from corpus.errors import UnavailableError
from retrieval.embedding import Vectors
from retrieval.fusion import RANK_CONSTANT, Fusion
from retrieval.index import Hit, IndexPoint, IndexQuery, KeywordVector
from retrieval.passages import SearchMode
from retrieval.settings import IndexSettings

_DENSE = "dense"
_KEYWORD = "keyword"
_BATCH = 256
_SCROLLED = 1000
# Counts the chunks that are there now: the engine's own statistics keep deleted ones until a clean-up.
_LIVE_STATISTICS = models.SearchParams(idf=models.IdfCorpusParams(corpus=models.Filter()))


class QdrantIndex:
    """One Qdrant collection, made if it is missing. `location` is `:memory:` or a server's URL.

    A write is acknowledged once the server has applied it. The server optimizes and flushes by itself.
    """

    def __init__(
        self,
        location: str,
        *,
        name: str,
        dimension: int,
        settings: IndexSettings | None = None,
        api_key: str | None = None,
    ) -> None:
        self._name = name
        self._settings = settings or IndexSettings()
        self._is_local = location == ":memory:"
        self._client = (
            QdrantClient(location)
            if self._is_local
            else QdrantClient(url=location, api_key=api_key, timeout=60, check_compatibility=False)
        )
        with _translated():
            self._make(dimension)

    def check_room(self) -> None:
        """The server tells when it stores."""

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        for start in range(0, len(points), _BATCH):
            batch = [_stored(point) for point in points[start : start + _BATCH]]
            with _translated():
                self._client.upsert(self._name, batch, wait=True)

    def delete(
        self, document_id: DocumentId, *, version: int | None = None, before_version: int | None = None
    ) -> None:
        conditions = _of_document(document_id, version)
        if before_version is not None:
            older = models.Range(lt=before_version)
            conditions.append(models.FieldCondition(key="version", range=older))
        doomed = models.Filter(must=[*conditions])
        with _translated():
            self._client.delete(self._name, models.FilterSelector(filter=doomed), wait=True)

    def remove(self, point_ids: Sequence[str]) -> None:
        if point_ids:
            with _translated():
                self._client.delete(self._name, models.PointIdsList(points=[*point_ids]), wait=True)

    def vectors(self, point_ids: Sequence[str]) -> dict[str, Vectors]:
        found: dict[str, Vectors] = {}
        for start in range(0, len(point_ids), _BATCH):
            batch = point_ids[start : start + _BATCH]
            with _translated():
                records = self._client.retrieve(self._name, batch, with_payload=False, with_vectors=[_DENSE])
            for record in records:
                stored = cast(dict[str, list[float]], record.vector)[_DENSE]
                found[str(record.id)] = np.asarray(stored, dtype=np.float32)
        return found

    def point_ids(self) -> Iterator[list[str]]:
        offset = None
        while True:
            with _translated():
                records, offset = self._client.scroll(
                    self._name, limit=_SCROLLED, offset=offset, with_payload=False
                )
            if records:
                yield [str(record.id) for record in records]
            if offset is None:
                return

    def search(self, query: IndexQuery) -> list[Hit]:
        if not query.collections or query.limit < 1:
            return []
        with _translated():
            found = self._ask(query)
        unit = query.dense / max(float(np.linalg.norm(query.dense)), 1e-12)
        return [
            Hit(point_id=str(point.id), score=point.score, similarity=_cosine(unit, point)) for point in found
        ]

    def count(self, document_id: DocumentId | None = None, *, version: int | None = None) -> int:
        wanted = models.Filter(must=[*_of_document(document_id, version)])
        with _translated():
            return self._client.count(self._name, count_filter=wanted, exact=True).count

    def flush(self) -> None:
        """The server flushes its own log."""

    def optimize(self) -> None:
        """The server optimizes by itself."""

    def close(self) -> None:
        self._client.close()

    def drop(self) -> None:
        with _translated():
            self._client.delete_collection(self._name)
        self.close()

    def _ask(self, query: IndexQuery) -> list[models.ScoredPoint]:
        ids: list[CollectionId] = sorted(query.collections)
        allowed = models.Filter(
            must=[models.FieldCondition(key="collection_id", match=models.MatchAny(any=[*ids]))]
        )
        depth = max(query.limit, self._settings.candidates)
        near = None if self._is_local else _near(max(self._settings.exploration, depth))
        by_meaning = models.Prefetch(
            query=_floats(query.dense), using=_DENSE, params=near, filter=allowed, limit=depth
        )
        by_words = models.Prefetch(
            query=_sparse(query.keyword), using=_KEYWORD, params=_LIVE_STATISTICS, filter=allowed, limit=depth
        )
        if query.mode is SearchMode.HYBRID:
            # A ranking without any word to look for has nothing to say.
            prefetches = [by_meaning, by_words] if query.keyword.indices else [by_meaning]
            fused = self._client.query_points(
                self._name,
                query=_fusion(self._settings.fusion),
                prefetch=prefetches,
                limit=query.limit,
                with_payload=False,
                with_vectors=[_DENSE],
            )
            return fused.points
        if query.mode is SearchMode.KEYWORD and not query.keyword.indices:
            return []
        one = by_meaning if query.mode is SearchMode.DENSE else by_words
        return self._client.query_points(
            self._name,
            query=one.query,
            using=one.using,
            search_params=one.params,
            query_filter=allowed,
            limit=query.limit,
            with_payload=False,
            with_vectors=[_DENSE],
        ).points

    def _make(self, dimension: int) -> None:
        if self._client.collection_exists(self._name):
            return
        int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99)
        self._client.create_collection(
            self._name,
            vectors_config={
                _DENSE: models.VectorParams(
                    size=dimension,
                    distance=models.Distance.COSINE,
                    quantization_config=models.ScalarQuantization(scalar=int8),
                )
            },
            sparse_vectors_config={_KEYWORD: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        if self._is_local:
            return  # the imitation has no payload indexes and warns when it is asked for one
        for field in ("collection_id", "document_id"):
            self._client.create_payload_index(self._name, field, models.PayloadSchemaType.KEYWORD)
        self._client.create_payload_index(self._name, "version", models.PayloadSchemaType.INTEGER)


def _stored(point: IndexPoint) -> models.PointStruct:
    return models.PointStruct(
        id=point.point_id,
        vector={_DENSE: _floats(point.dense), _KEYWORD: _sparse(point.keyword)},
        payload={
            "collection_id": point.collection_id,
            "document_id": point.document_id,
            "version": point.version,
        },
    )


def _floats(vector: Vectors) -> list[float]:
    return cast(list[float], vector.tolist())


def _sparse(keyword: KeywordVector) -> models.SparseVector:
    return models.SparseVector(indices=list(keyword.indices), values=list(keyword.values))


def _equals(field: str, value: str | int) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def _of_document(document_id: DocumentId | None, version: int | None) -> list[models.FieldCondition]:
    conditions = [] if document_id is None else [_equals("document_id", document_id)]
    if version is not None:
        conditions.append(_equals("version", version))
    return conditions


def _near(exploration: int) -> models.SearchParams:
    """The imitation is exact, and warns when it is told how to search."""
    return models.SearchParams(
        hnsw_ef=exploration, quantization=models.QuantizationSearchParams(rescore=True)
    )


def _fusion(fusion: Fusion) -> models.FusionQuery | models.RrfQuery:
    if fusion is Fusion.SCORES:
        return models.FusionQuery(fusion=models.Fusion.DBSF)
    # The engine counts ranks from 0, the formula from 1.
    return models.RrfQuery(rrf=models.Rrf(k=RANK_CONSTANT + 1))


def _cosine(unit: Vectors, point: models.ScoredPoint) -> float:
    return float(unit @ np.asarray(cast(dict[str, list[float]], point.vector)[_DENSE], dtype=np.float32))


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (ApiException, httpx.HTTPError) as error:
        raise UnavailableError(f"The search index does not answer: {error}") from error
