"""Several rankings of the same things into one. Pure functions; engines compute the same."""

import math
from collections.abc import Hashable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


class Fusion(StrEnum):
    """How a hybrid search joins its dense and its keyword ranking."""

    SCORES = "scores"
    """Distribution-based score fusion."""
    RANKS = "ranks"
    """Reciprocal rank fusion."""


RANK_CONSTANT = 60


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Item]], *, k: int = RANK_CONSTANT
) -> list[tuple[Item, float]]:
    """Sums `1 / (k + rank)` with ranks from 1 (Cormack, Clarke and Büttcher, SIGIR 2009); best first.

    Ties keep the order in which the things were first met.
    """
    scores: dict[Item, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (k + rank)
    return _best_first(scores)


def distribution_based_score_fusion(rankings: Sequence[Mapping[Item, float]]) -> list[tuple[Item, float]]:
    """Sums scores after mapping each ranking's mean minus and plus three deviations to 0 and 1; best first.

    As Qdrant's DBSF: the deviation is that of a sample (n - 1), nothing is clipped, and a ranking of one
    thing or of equal scores gives 0.5.
    """
    scores: dict[Item, float] = {}
    for ranking in rankings:
        for item, score in _normalised(ranking).items():
            scores[item] = scores.get(item, 0.0) + score
    return _best_first(scores)


def _normalised(ranking: Mapping[Item, float]) -> dict[Item, float]:
    if len(ranking) < 2:
        return dict.fromkeys(ranking, 0.5)
    mean = math.fsum(ranking.values()) / len(ranking)
    variance = math.fsum((score - mean) ** 2 for score in ranking.values()) / (len(ranking) - 1)
    low, width = mean - 3 * math.sqrt(variance), 6 * math.sqrt(variance)
    if not width:
        return dict.fromkeys(ranking, 0.5)
    return {item: (score - low) / width for item, score in ranking.items()}


def _best_first(scores: Mapping[Item, float]) -> list[tuple[Item, float]]:
    return sorted(scores.items(), key=lambda pair: -pair[1])
