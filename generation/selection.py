"""Chooses what to quote once each sentence has its score: enough to answer, and no padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generation.evidence import Candidate, Features, announces_list, end_of_list, opens_with_pronoun, shares
from generation.questions import Question, gives_kind
from generation.sentences import UnitKind, sentences
from generation.settings import ExtractionSettings
from retrieval.passages import Passage
from retrieval.tokenizing import tokens

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
    share = shares(scores)
    for i in (int(i) for i in np.argsort(-scores, kind="stable")):
        if len(chosen) == settings.max_sentences or (chosen and share[i] < settings.min_share):
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
    return len(one.words & other.words) >= _SAME * max(1, len(one.words), len(other.words))


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
    start = unit.start
    if candidate.follows and opens_with_pronoun(unit.text):
        start = _start_of_context(candidate, question)
    return [Quote(passage=passage, start=start, end=max(candidate.end, _end_of_answer(candidate, question)))]


def _start_of_context(candidate: Candidate, question: Question) -> int:
    """Of the sentence before, where the pronoun may stand for a word of the question; else of its own."""
    before = sentences(candidate.passage.chunk.text)[candidate.index - 1]
    is_needed = any(term.forms.isdisjoint(candidate.words) for term in question.terms)
    if is_needed and before.kind is not UnitKind.ROW and len(before.text) <= _LONGEST_CONTEXT:
        return before.start
    return candidate.sentence.start


def _end_of_answer(candidate: Candidate, question: Question) -> int:
    """Of the sentence after, with its list, where that goes on and has what is asked for; else of its own."""
    units = sentences(candidate.passage.chunk.text)
    index = candidate.index + 1
    if index == len(units) or units[index].block != candidate.sentence.block:
        return candidate.sentence.end
    after, known = units[index], question.words
    if opens_with_pronoun(after.text) and gives_kind(question.kind, candidate.sentence.text, known=known) < 0:
        goes_on = gives_kind(question.kind, after.text, known=known) > 0
    else:
        words = frozenset(tokens(after.text, candidate.passage.chunk.language))
        missing = [term for term in question.terms if term.forms.isdisjoint(candidate.words)]
        goes_on = announces_list(after) and any(not term.forms.isdisjoint(words) for term in missing)
    return units[end_of_list(units, index)].end if goes_on else candidate.sentence.end
