"""Finds the words of a passage on which a statement rests, and numbers them in order of first use."""

import math
from collections import Counter
from collections.abc import Sequence

from corpus.documents import Chunk
from generation.answers import Citation
from generation.sentences import sentences
from retrieval.passages import Passage
from retrieval.tokenizing import tokens

_MAX_SENTENCES = 3
_PRICE_OF_A_SENTENCE = 0.12
"""How much more of the statement a longer quote must cover to be worth its length."""
_TOO_FEW_WORDS = 3
"""Fewer words than this before a marker ("According to [1]") do not tell what is claimed."""
_EQUAL = 1e-9
"""Worths that differ by no more are equal: sums of the same weights in another order."""


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
        chunk, first, last = best_quote(statement, passage, question=self._question)
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


def best_quote(statement: str, passage: Passage, *, question: str) -> tuple[Chunk, int, int]:
    """The one to three sentences that share most with `statement`: their chunk, and their span in its text.

    They stand together in one chunk of the passage's section: its own, unless a neighbour has better ones. A
    word counts the more, the fewer sentences have it; a number counts double. Where the statement says too
    little the question helps; where nothing is shared (another language), the own chunk is quoted whole.
    """
    chunk = passage.chunk
    asked = set(tokens(statement, chunk.language))
    if len(asked) < _TOO_FEW_WORDS:
        asked.update(tokens(question, chunk.language))
    neighbours = [each for each in passage.read_chunks if each.number != chunk.number]
    read = [(each, sentences(each.text)) for each in (chunk, *neighbours)]
    words = [[frozenset(tokens(unit.text, each.language)) for unit in units] for each, units in read]
    weights = _weights(asked, [one for of_chunk in words for one in of_chunk])
    best, best_worth = (chunk, 0, len(chunk.text)), 0.0
    for (each, units), of_chunk in zip(read, words, strict=True):
        (first, last), worth = _best_window(of_chunk, weights)
        if worth > best_worth + _EQUAL:
            best, best_worth = (each, units[first].start, units[last].end), worth
    return best


def _weights(asked: set[str], words: Sequence[frozenset[str]]) -> dict[str, float]:
    sentences_with = Counter(word for each in words for word in each)
    return {
        word: math.log(1 + len(words) / sentences_with[word]) * (2 if word.isdecimal() else 1)
        for word in asked
        if sentences_with[word]
    }


def _best_window(words: Sequence[frozenset[str]], weights: dict[str, float]) -> tuple[tuple[int, int], float]:
    """First and last of the sentences that cover most of the weights, and their worth; 0 for nothing."""
    total = sum(weights.values())
    best, best_worth = (0, 0), 0.0
    for length in range(1, _MAX_SENTENCES + 1):
        for first in range(len(words) - length + 1):
            covered = frozenset[str]().union(*words[first : first + length])
            worth = sum(weight for word, weight in weights.items() if word in covered) / (total or 1)
            worth -= _PRICE_OF_A_SENTENCE * (length - 1)
            if worth > best_worth + _EQUAL:
                best, best_worth = (first, first + length - 1), worth
    return best, best_worth
