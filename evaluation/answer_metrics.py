"""How good an answer is, given the right ones. Pure; all values are 0 to 1."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_MARKER = re.compile(r"\s?\[\d+\]")


def without_markers(answer: str) -> str:
    """The answer without its citation markers `[1]`."""
    return _MARKER.sub("", answer)


def normalised(text: str) -> str:
    """As SQuAD's official script compares answers: lower case, no punctuation, no articles, single spaces."""
    bare = "".join(
        c for c in text.lower() if c not in string.punctuation and unicodedata.category(c)[0] != "P"
    )
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(answer: str, references: Sequence[str]) -> float:
    return float(any(normalised(answer) == normalised(reference) for reference in references))


def token_f1(answer: str, references: Sequence[str]) -> float:
    """The best F1 of the words shared with one of the references (Rajpurkar et al., 2016)."""
    return max(
        (_f1(normalised(answer).split(), normalised(each).split()) for each in references), default=0.0
    )


def _f1(answer: list[str], reference: list[str]) -> float:
    shared = sum((Counter(answer) & Counter(reference)).values())
    if not shared:
        return float(answer == reference)
    precision, recall = shared / len(answer), shared / len(reference)
    return 2 * precision * recall / (precision + recall)


def contains_any(text: str, references: Sequence[str]) -> bool:
    """Whether one of the references occurs in `text`, whole words only, however either is punctuated."""
    padded = f" {normalised(text)} "
    return any(words in padded for each in references if (words := f" {normalised(each)} ").strip())


def ratio(part: int, whole: int) -> float | None:
    """A share, or `None` of nothing."""
    return part / whole if whole else None
