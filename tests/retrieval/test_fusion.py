import pytest

from retrieval.fusion import distribution_based_score_fusion, reciprocal_rank_fusion


def test_reciprocal_ranks_count_from_one_and_add_up() -> None:
    fused = reciprocal_rank_fusion([["a", "b"], ["b", "c"]], k=60)

    assert fused == [
        ("b", pytest.approx(1 / 62 + 1 / 61)),
        ("a", pytest.approx(1 / 61)),
        ("c", pytest.approx(1 / 62)),
    ]


def test_ties_keep_first_ranking_order() -> None:
    assert [item for item, _ in reciprocal_rank_fusion([["a"], ["b"]])] == ["a", "b"]


def test_scores_are_spread_over_three_deviations_either_side_of_the_mean() -> None:
    # mean 2, sample deviation 1: -1 becomes 0 and 5 becomes 1
    fused = dict(distribution_based_score_fusion([{"a": 3.0, "b": 2.0, "c": 1.0}]))

    assert fused == {"a": pytest.approx(4 / 6), "b": pytest.approx(3 / 6), "c": pytest.approx(2 / 6)}


def test_rankings_of_different_scales_count_alike() -> None:
    small = {"a": 0.3, "b": 0.2, "c": 0.1}
    large = {"c": 300.0, "b": 200.0, "a": 100.0}

    fused = dict(distribution_based_score_fusion([small, large]))

    assert list(fused.values()) == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize("ranking", [{"a": 7.0}, {"a": 7.0, "b": 7.0}])
def test_a_ranking_that_does_not_discriminate_gives_the_middle(ranking: dict[str, float]) -> None:
    assert set(dict(distribution_based_score_fusion([ranking])).values()) == {0.5}


def test_nothing_fused_is_nothing() -> None:
    assert distribution_based_score_fusion([{}, {}]) == reciprocal_rank_fusion([[], []]) == []
