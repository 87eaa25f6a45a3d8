"""Whether a sentence is backed by the quotes it cites: words, numbers, names, negation and meaning.

A first, cautious check. What it calls supported may still be wrong where every word is right and only
their relation is not ("A pays B" for "B pays A").
"""

import re
from collections.abc import Sequence

import numpy as np

from generation.answers import Support
from generation.questions import is_negated
from generation.sentences import sentences
from retrieval.embedding import Embedder
from retrieval.tokenizing import likely_languages, tokens

_SUPPORTED_COVERAGE = 0.7
_WEAK_COVERAGE = 0.4
_SUPPORTED_SIMILARITY = 0.75
_WEAK_SIMILARITY = 0.5
_SAME_STATEMENT = 0.6
"""Share of common words from which a negation in only one of two sentences is a contradiction."""

_MARKER = re.compile(r"\[\d+\]")
_NUMBER = re.compile(r"\d+(?:[.,'\u00a0\u202f ]\d{3}(?!\d))*(?:[.,]\d+)?")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!\A)(?<!\w)[A-ZÀ-Þ][\w’'-]+|(?<!\w)(?=\w*\d)(?=\w*[A-Za-z])[\w-]+")
_NUMBER_WORDS = {
    word: str(value)
    for value, words in enumerate(
        (
            "zero zéro null صفر",
            "one un une eins واحد",
            "two deux zwei اثنان",
            "three trois drei ثلاثة",
            "four quatre vier أربعة",
            "five cinq fünf خمسة",
            "six sechs ستة",
            "seven sept sieben سبعة",
            "eight huit acht ثمانية",
            "nine neuf neun تسعة",
            "ten dix zehn عشرة",
            "eleven onze elf",
            "twelve douze zwölf",
        )
    )
    for word in words.split()
}


def support_of(sentence: str, quotes: Sequence[str], embedder: Embedder) -> Support:
    """How well `quotes` back `sentence`; its own markers `[1]` do not count.

    Unsupported where a number or a name of the sentence is in none of the quotes, where the closest words
    say the contrary, or where neither words nor meaning are near enough.
    """
    claim = _MARKER.sub("", sentence).strip()
    evidence = "\n".join(quotes)
    if not claim or not evidence.strip():
        return Support.UNSUPPORTED
    if " ".join(claim.split()).rstrip(".") in " ".join(evidence.split()):
        return Support.SUPPORTED
    if not _numbers(claim) <= _numbers(evidence) | _spelled_numbers(evidence) or _has_new_name(
        claim, evidence
    ):
        return Support.UNSUPPORTED
    if _contradicts(claim, evidence):
        return Support.UNSUPPORTED
    coverage = _coverage(claim, evidence)
    if coverage >= _SUPPORTED_COVERAGE:
        return Support.SUPPORTED
    similarity = _similarity(claim, evidence, embedder)
    if coverage >= _WEAK_COVERAGE and similarity >= _SUPPORTED_SIMILARITY:
        return Support.SUPPORTED
    if coverage >= _WEAK_COVERAGE or similarity >= _WEAK_SIMILARITY:
        return Support.WEAK
    return Support.UNSUPPORTED


def _numbers(text: str) -> set[str]:
    """Each number without signs between thousands, with a point for decimals: `12 000,50` is `12000.50`."""
    found: set[str] = set()
    for match in _NUMBER.findall(text):
        digits = re.sub(r"[.,'\u00a0\u202f ](?=\d{3}(?!\d))", "", match).replace(",", ".")
        found.add("".join(str(int(c)) if c.isdigit() else c for c in digits))
    return found


def _spelled_numbers(text: str) -> set[str]:
    return {_NUMBER_WORDS[word] for word in re.findall(r"\w+", text.lower()) if word in _NUMBER_WORDS}


def _has_new_name(claim: str, evidence: str) -> bool:
    """A capitalised word inside the sentence, or an identifier such as `E-4012`, that no quote holds."""
    language = likely_languages(claim)[0]
    if language == "de":
        return False  # every noun has a capital
    known = set(re.findall(r"\w+", evidence.lower())) | set(tokens(evidence, language))
    for name in _NAME.findall(claim):
        parts = tokens(name, language)
        if parts and name.lower() not in known and known.isdisjoint(parts):
            return True
    return False


def _contradicts(claim: str, evidence: str) -> bool:
    """Whether just one is negated: the claim, or the sentence of the evidence that is nearest to it."""
    language = likely_languages(claim)[0]
    words = set(tokens(claim, language))
    if not words:
        return False
    closest = max(
        (unit.text for unit in sentences(evidence)),
        key=lambda text: len(words.intersection(tokens(text, language))),
    )
    shared = len(words.intersection(tokens(closest, language))) / len(words)
    return shared >= _SAME_STATEMENT and is_negated(claim) != is_negated(closest)


def _coverage(claim: str, evidence: str) -> float:
    language = likely_languages(claim)[0]
    words = set(tokens(claim, language))
    if not words:
        return 0.0
    return len(words.intersection(tokens(evidence, language))) / len(words)


def _similarity(claim: str, evidence: str, embedder: Embedder) -> float:
    units = [unit.text for unit in sentences(evidence)]
    vectors = embedder.embed_documents([claim, evidence, *units])
    return float(np.max(vectors[1:] @ vectors[0]))
