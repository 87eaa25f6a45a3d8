import math

import pytest

from retrieval.keyword import KeywordEncoder, token_id


def test_weights_follow_okapi_bm25() -> None:
    encoder = KeywordEncoder(average_length=4.0, k1=1.2, b=0.75)

    vector = encoder.weigh(["pump", "pump", "valve"])

    # tf (k1 + 1) / (tf + k1 (1 - b + b length / average)), worked out by hand for length 3
    norm = 1.2 * (0.25 + 0.75 * 3 / 4)
    weights = dict(zip(vector.indices, vector.values, strict=True))
    assert weights[token_id("pump")] == pytest.approx(2 * 2.2 / (2 + norm))
    assert weights[token_id("valve")] == pytest.approx(2.2 / (1 + norm))


def test_a_long_chunk_weighs_less_for_the_same_word() -> None:
    encoder = KeywordEncoder(average_length=10.0)

    [short] = encoder.weigh(["pump"]).values
    long = max(encoder.weigh(["pump", *(f"word{n}" for n in range(50))]).values)

    assert short > long


def test_a_query_counts_each_word_as_often_as_it_is_asked() -> None:
    vector = KeywordEncoder().query("the pump behind the other pump, and the valve")

    weights = dict(zip(vector.indices, vector.values, strict=True))
    assert weights == {token_id("pump"): 2.0, token_id("valv"): 1.0}


def test_indices_ascend_and_fit_into_32_bits() -> None:
    vector = KeywordEncoder().document(" ".join(f"word{n}x" for n in range(200)), "en")

    assert list(vector.indices) == sorted(set(vector.indices))
    assert all(0 <= index < 2**32 for index in vector.indices)


def test_token_ids_never_change() -> None:
    """An index written by an older version must still be understood: CRC-32 and its published check value."""
    assert token_id("123456789") == 0xCBF43926


def test_a_text_without_words_is_an_empty_vector() -> None:
    vector = KeywordEncoder().document("…", "en")

    assert (vector.indices, vector.values) == ((), ())
    assert math.isclose(sum(KeywordEncoder().query("…").values), 0.0)
