"""Finds the words of a passage on which a statement rests, and numbers them in order of first use."""

import math
from collections import Counter
from collections.abc import Sequence

from generation.answers import Citation
from generation.sentences import Sentence, sentences
from retrieval.passages import Passage
from retrieval.tokenizing import tokens

_MAX_SENTENCES = 3
_PRICE_OF_A_SENTENCE = 0.12
"""How much more of the statement a longer quote must cover to be worth its length."""
_TOO_FEW_WORDS = 3
"""Fewer words than this before a marker ("According to [1]") do not tell what is claimed."""


class QuoteBook:
    """The citations of one answer.

    A number stands for a quote, not for a document: a second statement from the same passage shares the
    number when the same words support it, and gets its own when others do.
    """

    def __init__(self, question: str) -> None:
        self._question = question
        self._made: list[Citation] = []

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(self._made)

    def cite(self, statement: str, passage: Passage) -> Citation:
        """The citation of `passage` for `statement`: one made before where it fits, else a new one."""
        first, last = best_quote(statement, passage, question=self._question)
        chunk = passage.chunk
        start, end = chunk.start + first, chunk.start + last
        for made in self._made:
            if made.passage is passage and made.start <= start and end <= made.end:
                return made
        boxes = chunk.boxes(start, end)
        citation = Citation(
            n=len(self._made) + 1,
            document_id=chunk.document_id,
            document_version=chunk.version,
            title=passage.title,
            page=boxes[0].page if boxes else chunk.page,
            quote=chunk.text[first:last],
            start=start,
            end=end,
            boxes=boxes,
            passage=passage,
        )
        self._made.append(citation)
        return citation


def best_quote(statement: str, passage: Passage, *, question: str) -> tuple[int, int]:
    """Span in the passage's text of the one to three sentences that share most with `statement`.

    A word counts the more, the fewer sentences have it; a number counts double. Where the statement says
    too little the question helps; where nothing is shared (another language), the passage is quoted whole.
    """
    chunk = passage.chunk
    units = sentences(chunk.text)
    words = [frozenset(tokens(unit.text, chunk.language)) for unit in units]
    asked = set(tokens(statement, chunk.language))
    if len(asked) < _TOO_FEW_WORDS:
        asked.update(tokens(question, chunk.language))
    weights = _weights(asked, words)
    best = _best_window(units, words, weights)
    if best is None:
        return 0, len(chunk.text)
    return units[best[0]].start, units[best[1]].end


def _weights(asked: set[str], words: Sequence[frozenset[str]]) -> dict[str, float]:
    sentences_with = Counter(word for each in words for word in each)
    return {
        word: math.log(1 + len(words) / sentences_with[word]) * (2 if word.isdecimal() else 1)
        for word in asked
        if sentences_with[word]
    }


def _best_window(
    units: Sequence[Sentence], words: Sequence[frozenset[str]], weights: dict[str, float]
) -> tuple[int, int] | None:
    total = sum(weights.values())
    best, best_worth = None, 0.0
    for length in range(1, _MAX_SENTENCES + 1):
        for first in range(len(units) - length + 1):
            covered = frozenset[str]().union(*words[first : first + length])
            worth = sum(weight for word, weight in weights.items() if word in covered) / (total or 1)
            worth -= _PRICE_OF_A_SENTENCE * (length - 1)
            if worth > best_worth + 1e-9:
                best, best_worth = (first, first + length - 1), worth
    return best
