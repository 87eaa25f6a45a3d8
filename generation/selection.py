"""Chooses what to quote once each sentence has its score: enough to answer, and no padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generation.evidence import Candidate, Features, opens_with_pronoun
from generation.questions import Question
from generation.sentences import Sentence, UnitKind, sentences
from generation.settings import ExtractionSettings
from retrieval.passages import Passage

_MAX_UNITS = 12
_LONGEST_ITEM = 300
"""Characters; what is longer after a colon is no list item."""
_LONGEST_CONTEXT = 240
"""Characters of the sentence before, brought to explain a pronoun."""
_SAME = 0.8
"""Share of common words from which a second sentence says nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Characters `start` to `end` of the passage's text."""

    passage: Passage
    start: int
    end: int
    is_row: bool = False


def select_quotes(
    found: Sequence[Candidate], scores: Features, question: Question, settings: ExtractionSettings
) -> tuple[Quote, ...]:
    """The best sentence and those nearly as good, in reading order within a passage; best passage first."""
    chosen: list[Candidate] = []
    order = [int(i) for i in np.argsort(-scores, kind="stable")]
    lowest = max(scores[order[0]] - settings.max_gap, settings.min_score)
    for i in order:
        if len(chosen) == settings.max_sentences or (chosen and scores[i] < lowest):
            break
        if not any(_says_the_same(found[i], other) for other in chosen):
            chosen.append(found[i])
    ranks = list(dict.fromkeys(candidate.passage.rank for candidate in chosen))
    chosen.sort(key=lambda each: (ranks.index(each.passage.rank), each.sentence.start))
    quotes: list[Quote] = []
    for candidate in chosen:
        for quote in _quotes_of(candidate, question):
            _append(quotes, quote)
    return tuple(quotes)


def _says_the_same(one: Candidate, other: Candidate) -> bool:
    if one.sentence.text == other.sentence.text:
        return True
    if one.sentence.kind is UnitKind.ROW:
        return False
    return len(one.words & other.words) >= _SAME * max(1, min(len(one.words), len(other.words)))


def _append(quotes: list[Quote], quote: Quote) -> None:
    """Adds a quote, unless an earlier one holds it; one that continues the last prolongs it."""
    passage = quote.passage
    if any(
        each.passage is passage and each.start <= quote.start and quote.end <= each.end for each in quotes
    ):
        return
    last = quotes[-1] if quotes else None
    if last and last.passage is passage and last.start <= quote.start:
        between = passage.chunk.text[last.end : quote.start]
        if quote.start <= last.end or (last.is_row and quote.is_row and between == "\n"):
            quotes[-1] = Quote(passage=passage, start=last.start, end=quote.end, is_row=last.is_row)
            return
    quotes.append(quote)


def _quotes_of(candidate: Candidate, question: Question) -> list[Quote]:
    passage, unit = candidate.passage, candidate.sentence
    if unit.kind is UnitKind.ROW:
        spans = [span for span in (unit.header, (unit.start, unit.end)) if span]
        return [Quote(passage=passage, start=start, end=end, is_row=True) for start, end in spans]
    units = sentences(passage.chunk.text)
    first, last = candidate.index, _end_of_list(units, candidate.index)
    if _needs_the_one_before(units, first, candidate, question):
        first -= 1
    return [Quote(passage=passage, start=units[first].start, end=units[last].end)]


def _needs_the_one_before(
    units: Sequence[Sentence], index: int, candidate: Candidate, question: Question
) -> bool:
    """When the sentence opens with a pronoun that may stand for a word of the question."""
    if not index or not opens_with_pronoun(units[index].text):
        return False
    before = units[index - 1]
    return (
        before.block == units[index].block
        and before.kind is not UnitKind.ROW
        and len(before.text) <= _LONGEST_CONTEXT
        and any(term.forms.isdisjoint(candidate.words) for term in question.terms)
    )


def _end_of_list(units: Sequence[Sentence], index: int) -> int:
    """A sentence that ends in a colon is quoted with the items that follow it."""
    if not units[index].text.endswith((":", "：")):
        return index
    last, in_item = index, False
    for i in range(index + 1, min(index + 1 + _MAX_UNITS, len(units))):
        unit = units[i]
        opens_block = unit.block != units[i - 1].block
        stands_alone = opens_block and (i + 1 == len(units) or units[i + 1].block != unit.block)
        in_item = unit.kind is UnitKind.LIST_ITEM or stands_alone or (in_item and not opens_block)
        if not in_item or unit.kind is UnitKind.ROW or len(unit.text) > _LONGEST_ITEM:
            break
        last = i
    return last
