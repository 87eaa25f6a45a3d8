import pytest

from evaluation.answer_metrics import contains_any, exact_match, normalised, ratio, token_f1, without_markers


def test_answers_are_compared_without_case_punctuation_and_articles() -> None:
    assert normalised("The  U.S. Army, «an» army!") == "us army army"
    assert exact_match("the Eiffel Tower.", ["Eiffel tower"]) == 1.0
    assert exact_match("Eiffel", ["Eiffel tower", "tower"]) == 0.0


def test_f1_by_hand() -> None:
    # shared: "25", "working", "days" of 6 words in the answer and 3 in the reference
    answer = "Everybody has exactly 25 working days"

    assert token_f1(answer, ["25 working days"]) == pytest.approx(2 * (3 / 6) * (3 / 3) / (3 / 6 + 3 / 3))


def test_the_best_reference_counts() -> None:
    assert token_f1("in October 1973", ["1973", "in October 1973"]) == 1.0
    assert token_f1("in October 1973", ["1974"]) == 0.0
    assert token_f1("in October 1973", []) == 0.0


def test_repeated_words_are_shared_only_as_often_as_they_occur() -> None:
    assert token_f1("two two two", ["two"]) == pytest.approx(2 * (1 / 3) * 1 / (1 / 3 + 1))


def test_only_whole_words_are_contained() -> None:
    assert contains_any("It began in October 1973.", ["october 1973"])
    assert not contains_any("Item 19734", ["1973"])
    assert not contains_any("anything", ["", "the"])


def test_markers_are_no_part_of_an_answer() -> None:
    assert without_markers("25 days [1]. See section 4 [2][13]") == "25 days. See section 4"


def test_a_share_of_nothing_is_unknown() -> None:
    assert ratio(0, 0) is None
    assert ratio(1, 4) == 0.25
