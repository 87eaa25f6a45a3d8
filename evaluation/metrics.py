"""How good a ranking is, given which documents are relevant. Pure; all values are 0 to 1."""

import math
from collections.abc import Mapping, Sequence

Judgements = Mapping[str, int]
"""Document id to relevance grade; a document that is not named, or has grade 0, is not relevant."""


def ndcg(ranking: Sequence[str], judgements: Judgements, *, cutoff: int) -> float:
    """Normalised discounted cumulative gain with linear gain, as trec_eval's `ndcg_cut` (Järvelin, 2002)."""
    ideal = _discounted_gain(sorted(judgements.values(), reverse=True)[:cutoff])
    if not ideal:
        return 0.0
    return _discounted_gain([judgements.get(document, 0) for document in ranking[:cutoff]]) / ideal


def recall(ranking: Sequence[str], judgements: Judgements, *, cutoff: int) -> float:
    """Share of the relevant documents among the first `cutoff`."""
    relevant = {document for document, grade in judgements.items() if grade > 0}
    if not relevant:
        return 0.0
    return len(relevant.intersection(ranking[:cutoff])) / len(relevant)


def reciprocal_rank(ranking: Sequence[str], judgements: Judgements, *, cutoff: int) -> float:
    """One over the rank of the first relevant document, 0 when it is not among the first `cutoff`."""
    for rank, document in enumerate(ranking[:cutoff], start=1):
        if judgements.get(document, 0) > 0:
            return 1 / rank
    return 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _discounted_gain(grades: Sequence[int]) -> float:
    return sum(max(grade, 0) / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))
