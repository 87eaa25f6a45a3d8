"""An exact index in plain memory: the oracle of the contract suite, and enough for a few thousand chunks."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from threading import RLock

import numpy as np

from corpus.documents import CollectionId, DocumentId
from retrieval.embedding import Vectors
from retrieval.fusion import Fusion, distribution_based_score_fusion, reciprocal_rank_fusion
from retrieval.index import Hit, IndexPoint, IndexQuery, KeywordVector
from retrieval.passages import SearchMode
from retrieval.settings import IndexSettings


class InMemoryIndex:
    """Scans every vector of the allowed collections; BM25 with the formula of Qdrant's IDF modifier."""

    def __init__(self, *, settings: IndexSettings | None = None) -> None:
        self._settings = settings or IndexSettings()
        self._points: dict[str, IndexPoint] = {}
        self._postings: dict[int, dict[str, float]] = {}
        self._lock = RLock()

    def check_room(self) -> None:
        """There is always room."""

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        with self._lock:
            for point in points:
                self._remove(point.point_id)
                unit = point.dense / max(float(np.linalg.norm(point.dense)), 1e-12)
                self._points[point.point_id] = replace(point, dense=unit)
                self._post(point.point_id, point.keyword)

    def delete(
        self, document_id: DocumentId, *, version: int | None = None, before_version: int | None = None
    ) -> None:
        with self._lock:
            for point in list(self._points.values()):
                is_meant = point.document_id == document_id and version in (None, point.version)
                if is_meant and (before_version is None or point.version < before_version):
                    self._remove(point.point_id)

    def remove(self, point_ids: Sequence[str]) -> None:
        with self._lock:
            for point_id in point_ids:
                self._remove(point_id)

    def vectors(self, point_ids: Sequence[str]) -> dict[str, Vectors]:
        with self._lock:
            return {each: self._points[each].dense for each in point_ids if each in self._points}

    def point_ids(self) -> Iterator[list[str]]:
        with self._lock:
            there = list(self._points)
        if there:
            yield there

    def search(self, query: IndexQuery) -> list[Hit]:
        with self._lock:
            cosines = self._cosines(query)
            depth = max(query.limit, self._settings.candidates)
            by_words = _best(self._keyword_scores(query), depth)
        by_meaning = _best(cosines, depth)
        match query.mode:
            case SearchMode.DENSE:
                ranking = list(by_meaning.items())
            case SearchMode.KEYWORD:
                ranking = list(by_words.items())
            case SearchMode.HYBRID if self._settings.fusion is Fusion.RANKS:
                ranking = reciprocal_rank_fusion([list(by_meaning), list(by_words)])
            case SearchMode.HYBRID:
                ranking = distribution_based_score_fusion([by_meaning, by_words])
        return [
            Hit(point_id=point_id, score=score, similarity=cosines[point_id])
            for point_id, score in ranking[: query.limit]
        ]

    def count(self, document_id: DocumentId | None = None, *, version: int | None = None) -> int:
        with self._lock:
            return sum(
                document_id in (None, point.document_id) and version in (None, point.version)
                for point in self._points.values()
            )

    def flush(self) -> None:
        """Memory has nothing to flush."""

    def optimize(self) -> None:
        """A scan has nothing to build."""

    def close(self) -> None:
        with self._lock:
            self._points.clear()
            self._postings.clear()

    def drop(self) -> None:
        self.close()

    def _cosines(self, query: IndexQuery) -> dict[str, float]:
        allowed = [point for point in self._points.values() if point.collection_id in query.collections]
        if not allowed:
            return {}
        unit = query.dense / max(float(np.linalg.norm(query.dense)), 1e-12)
        cosines = np.stack([point.dense for point in allowed]) @ unit
        return {point.point_id: float(cosine) for point, cosine in zip(allowed, cosines, strict=True)}

    def _keyword_scores(self, query: IndexQuery) -> dict[str, float]:
        scores: dict[str, float] = {}
        for token, asked in zip(query.keyword.indices, query.keyword.values, strict=True):
            posting = self._postings.get(token, {})
            rarity = math.log1p((len(self._points) - len(posting) + 0.5) / (len(posting) + 0.5))
            for point_id, weight in posting.items():
                if self._collection(point_id) in query.collections:
                    scores[point_id] = scores.get(point_id, 0.0) + asked * rarity * weight
        return scores

    def _collection(self, point_id: str) -> CollectionId:
        return self._points[point_id].collection_id

    def _post(self, point_id: str, keyword: KeywordVector) -> None:
        for token, weight in zip(keyword.indices, keyword.values, strict=True):
            self._postings.setdefault(token, {})[point_id] = weight

    def _remove(self, point_id: str) -> None:
        if point := self._points.pop(point_id, None):
            for token in point.keyword.indices:
                del self._postings[token][point_id]


def _best(scores: Mapping[str, float], limit: int) -> dict[str, float]:
    return dict(sorted(scores.items(), key=lambda pair: -pair[1])[:limit])
