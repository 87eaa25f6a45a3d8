import pytest

from generation.answers import Support
from generation.grounding import support_of
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import Embedder

LEAVE = "Employees may carry over up to 12 days of unused annual leave until 31 March of the following year."
NOTICE = "The laboratory in Lyon does not accept samples after 16:00 on Fridays."


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return MiniLmEmbedder()


def test_the_quote_itself_is_supported(embedder: Embedder) -> None:
    assert support_of(f"{LEAVE} [1]", [LEAVE], embedder) is Support.SUPPORTED


def test_a_rewording_is_supported(embedder: Embedder) -> None:
    claim = "Up to 12 unused days of annual leave may be carried over until 31 March [1]."
    assert support_of(claim, [LEAVE], embedder) is Support.SUPPORTED


def test_numbers_may_be_spelled_in_the_source(embedder: Embedder) -> None:
    quote = "You may work remotely up to three days per week."
    assert support_of("You may work remotely 3 days per week.", [quote], embedder) is Support.SUPPORTED


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("Employees may carry over up to 15 days of unused annual leave until 31 March.", LEAVE),
        ("The laboratory in Lyon accepts samples after 16:00 on Fridays.", NOTICE),
        ("The laboratory in Leeds does not accept samples after 16:00 on Fridays.", NOTICE),
        ("La machine coûte 12 000 € et se commande auprès de Marc.", "La machine coûte 21 000 €."),
        ("ساعات العمل في رمضان من 9:00 إلى 14:30.", "ساعات العمل في رمضان من 8:00 إلى 14:30."),
        ("Penguins are excellent swimmers.", LEAVE),
    ],
    ids=["changed number", "dropped negation", "other name", "changed amount", "changed hour", "other topic"],
)
def test_what_the_quote_does_not_say_is_unsupported(claim: str, quote: str, embedder: Embedder) -> None:
    assert support_of(claim, [quote], embedder) is Support.UNSUPPORTED


def test_a_loose_paraphrase_is_weak(embedder: Embedder) -> None:
    claim = "Holiday that was not taken is partly kept for some months."
    assert support_of(claim, [LEAVE], embedder) is Support.WEAK


def test_thousands_may_be_written_differently(embedder: Embedder) -> None:
    assert support_of("The limit is 12,500 EUR.", ["The limit is 12 500 EUR."], embedder) is Support.SUPPORTED


def test_nothing_is_supported_by_nothing(embedder: Embedder) -> None:
    assert support_of(LEAVE, [], embedder) is Support.UNSUPPORTED
