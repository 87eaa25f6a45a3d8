import math

import pytest

from evaluation.metrics import ndcg, percentile, recall, reciprocal_rank


def test_ndcg_by_hand_with_grades() -> None:
    # gains 0, 2, 1 at ranks 1 to 3; ideal 2, 1, 1
    gained = 2 / math.log2(3) + 1 / math.log2(4)
    ideal = 2 + 1 / math.log2(3) + 1 / math.log2(4)

    assert ndcg(["x", "a", "b"], {"a": 2, "b": 1, "c": 1}, cutoff=10) == pytest.approx(gained / ideal)


def test_ndcg_of_the_ideal_ranking_is_one_even_beyond_the_cutoff() -> None:
    judgements = {f"d{n}": 1 for n in range(20)}

    assert ndcg(list(judgements), judgements, cutoff=10) == pytest.approx(1.0)


def test_only_ranks_up_to_the_cutoff_count() -> None:
    ranking = ["x"] * 10 + ["a"]

    assert ndcg(ranking, {"a": 1}, cutoff=10) == 0
    assert recall(ranking, {"a": 1}, cutoff=10) == 0
    assert reciprocal_rank(ranking, {"a": 1}, cutoff=10) == 0
    assert reciprocal_rank(ranking, {"a": 1}, cutoff=11) == pytest.approx(1 / 11)


def test_recall_is_the_share_of_relevant_documents() -> None:
    assert recall(["a", "x", "b"], {"a": 1, "b": 2, "c": 1, "x": 0}, cutoff=3) == pytest.approx(2 / 3)


def test_reciprocal_rank_takes_the_first_relevant_document() -> None:
    assert reciprocal_rank(["x", "a", "b"], {"a": 1, "b": 1}, cutoff=10) == pytest.approx(0.5)


def test_without_relevant_documents_every_metric_is_zero() -> None:
    assert ndcg(["a"], {"a": 0}, cutoff=10) == recall(["a"], {"a": 0}, cutoff=10) == 0


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(1, 101)]

    assert (percentile(values, 0.5), percentile(values, 0.95), percentile([3.0], 0.95)) == (50.0, 95.0, 3.0)
