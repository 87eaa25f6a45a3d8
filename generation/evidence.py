"""Measures how well each sentence of the passages answers a question: plain numbers, no judgement yet."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from corpus.documents import Chunk, DocumentId
from generation.questions import AnswerKind, Question, gives_kind, is_negated
from generation.sentences import Sentence, UnitKind, sentences
from retrieval.embedding import Vectors
from retrieval.passages import Passage
from retrieval.tokenizing import tokens

Features = NDArray[np.float64]

SENTENCE_FEATURES = (
    "cosine_gap",
    "passage_cosine_gap",
    "follows_on",
    "rank",
    "coverage",
    "window_coverage",
    "adjacent_pairs",
    "names_missing",
    "numbers_missing",
    "kind",
    "kind_is_asked",
    "length",
    "asks",
)
ANSWER_FEATURES = (
    "score",
    "share",
    "best_cosine",
    "kind",
    "kind_is_asked",
    "length",
    "negation_differs",
    "numbers_missing",
    "names_missing_in_passage",
    "names_missing_everywhere",
    "numbers_missing_everywhere",
    "missing_in_first_passages",
    "terms",
    "has_names",
    "other_script",
    "other_script_cosine",
    "other_script_coverage",
)
_MAX_UNITS = 12
_FIRST_PASSAGES = 3
_LONGEST_ITEM = 300
"""Characters; what is longer after a colon is no list item."""
_LONGEST_HEADING = 80
"""Characters."""
_NUMBERED = re.compile(r"\d{1,2}(?:\.\d{1,2})*\.?\s")
_PRONOUN = re.compile(
    r"(?:it|they|he|she|this|these|those|that|such|its|their|his|her|ils?|elles?|ce|cela|cette|ces|celui-ci|celle-ci|"
    r"es|sie|er|dies\w*|هو|هي|هذا|هذه|ذلك|وهو|وهي|它|他|她|这|该)\b|[它他她这该]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A sentence of a passage, with the words in it and around it."""

    passage: Passage
    sentence: Sentence
    index: int
    """Position among the sentences of its passage."""
    words: frozenset[str]
    window: frozenset[str]
    """With the words of the sentence before, of the table's header and of the headings."""
    sequence: tuple[str, ...]
    passage_words: frozenset[str]
    follows: bool
    """Whether the sentence before stands in the same block."""
    end: int
    """Where its list ends, for a sentence that announces one; else where it ends itself."""

    @property
    def text(self) -> str:
        """The sentence with what it is read with: its table's header, or the list that it announces."""
        text = self.passage.chunk.text[self.sentence.start : self.end]
        header = _header(self.passage.chunk, self.sentence)
        return f"{header}\n{text}" if header else text


def candidates(passages: Sequence[Passage]) -> list[Candidate]:
    """What may be quoted: all units of the passages but headings and what an earlier passage holds."""
    found: list[Candidate] = []
    seen: set[tuple[DocumentId, int]] = set()
    for passage in passages:
        for candidate in _of_passage(passage):
            key = (passage.chunk.document_id, passage.chunk.start + candidate.sentence.start)
            if key not in seen:
                seen.add(key)
                found.append(candidate)
    return found


def _of_passage(passage: Passage) -> list[Candidate]:
    chunk = passage.chunk
    units = sentences(chunk.text)
    sequences = [tuple(tokens(unit.text, chunk.language)) for unit in units]
    place = frozenset(tokens(" . ".join((passage.title, *chunk.heading_path)), chunk.language))
    everything = place.union(*sequences)
    found: list[Candidate] = []
    above: tuple[str, ...] = ()
    for index, (unit, sequence) in enumerate(zip(units, sequences, strict=True)):
        if _is_heading(units, index, chunk.heading_path):
            above = sequence
            continue
        follows = index > 0 and units[index - 1].block == unit.block
        before = sequences[index - 1] if index and units[index - 1].kind is not UnitKind.ROW else ()
        last = end_of_list(units, index)
        listed = (word for sequence in sequences[index + 1 : last + 1] for word in sequence)
        header = tokens(_header(chunk, unit), chunk.language)
        found.append(
            Candidate(
                passage=passage,
                sentence=unit,
                index=index,
                words=frozenset(sequence),
                window=place.union(sequence, before, header, above, listed),
                sequence=sequence,
                passage_words=everything,
                follows=follows,
                end=units[last].end,
            )
        )
    return found


def _header(chunk: Chunk, unit: Sentence) -> str:
    """The header row of a row's table, which an earlier chunk may hold; empty for what is no row."""
    if unit.kind is UnitKind.ROW and unit.block == 0 and chunk.header:
        return chunk.header
    return chunk.text[slice(*unit.header)] if unit.header else ""


def _is_heading(units: Sequence[Sentence], index: int, heading_path: Sequence[str]) -> bool:
    """Chunks do not say which of their lines are headings, so a short line of its own before a text."""
    unit = units[index]
    if " ".join(unit.text.split()) in heading_path:
        return True
    if index + 1 == len(units) or not (unit.kind is UnitKind.SENTENCE or _NUMBERED.match(unit.text)):
        return False
    following = units[index + 1]
    if following.kind is UnitKind.LIST_ITEM:
        return False
    opens_block = not index or units[index - 1].block != unit.block
    stands_alone = opens_block and (following.block != unit.block or ": " not in unit.text)
    follows_a_colon = index > 0 and announces_list(units[index - 1])
    return (
        stands_alone
        and not follows_a_colon
        and "\n" not in unit.text
        and len(unit.text) <= _LONGEST_HEADING
        and unit.text[-1] not in ".!?؟。！？:：;؛"
        and (len(following.text) > len(unit.text) or following.kind is UnitKind.ROW)
    )


def announces_list(unit: Sentence) -> bool:
    return unit.text.endswith((":", "："))


def end_of_list(units: Sequence[Sentence], index: int) -> int:
    """A sentence that ends in a colon is quoted with the items that follow it."""
    if not announces_list(units[index]):
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


def opens_with_pronoun(text: str) -> bool:
    return _PRONOUN.match(text) is not None


def shares(scores: Features) -> Features:
    """The probability that each candidate is the one that answers, supposing that one of them does."""
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


class Evidence:
    """All candidates of one question, measured together."""

    def __init__(self, question: Question, found: Sequence[Candidate], similarities: Vectors) -> None:
        """`similarities` holds the cosine of the question with each candidate's sentence."""
        self.question = question
        self.candidates = found
        self._cosines = similarities.astype(np.float64)
        df = Counter(word for candidate in found for word in candidate.window)
        self._weights = np.array(
            [
                math.log(1 + len(found) / (max(df[form] for form in term.forms) + 0.5))
                for term in question.terms
            ]
        )
        self._known = question.words

    def sentence_features(self) -> Features:
        """One row a candidate, one column for each of `SENTENCE_FEATURES`."""
        best = self._cosines.max()
        best_passage = max(each.passage.similarity for each in self.candidates)
        rows: list[list[float]] = []
        for candidate, cosine in zip(self.candidates, self._cosines, strict=True):
            unit, asked = candidate.sentence, self.question.kind
            rows.append(
                [
                    cosine - best,
                    candidate.passage.similarity - best_passage,
                    float(candidate.follows and opens_with_pronoun(unit.text)),
                    1 / candidate.passage.rank,
                    self._coverage(candidate.words),
                    self._coverage(candidate.window),
                    self._adjacent(candidate.sequence),
                    *self._missing(candidate.window),
                    gives_kind(asked, unit.text, known=self._known),
                    float(asked is not AnswerKind.OTHER),
                    _length(candidate),
                    float(unit.text[-1] in "?？؟"),
                ]
            )
        return np.array(rows)

    def answer_features(self, scores: Features) -> Features:
        """One value for each of `ANSWER_FEATURES`, supposing that the candidate of the best score answers."""
        best = int(np.argmax(scores))
        candidate, question = self.candidates[best], self.question
        nothing: frozenset[str] = frozenset()
        all_words = nothing.union(*(each.passage_words for each in self.candidates))
        text = candidate.sentence.text
        cosine = float(self._cosines.max())
        # The embedder knows the Latin script best: of another one it finds all texts alike.
        other_script = float(not any(c.isalpha() and c < "\u0250" for c in question.text))
        return np.array(
            [
                scores[best],
                shares(scores)[best],
                cosine,
                gives_kind(question.kind, text, known=self._known),
                float(question.kind is not AnswerKind.OTHER),
                _length(candidate),
                # "No" answers a question as well as "yes".
                float(question.kind is not AnswerKind.YES_NO and is_negated(text) != question.is_negated),
                self._missing(candidate.window)[1],
                self._missing(candidate.passage_words)[0],
                *self._missing(all_words),
                self._missing_in_first_passages(),
                min(len(question.terms), 10) / 10,
                float(any(term.is_name for term in question.terms)),
                other_script,
                other_script * cosine,
                other_script * self._coverage(candidate.window),
            ]
        )

    def _coverage(self, words: frozenset[str]) -> float:
        """Share of the question's content words that occur, the rarer the word the heavier."""
        if not self.question.terms:
            return 0.0
        there = np.array([not term.forms.isdisjoint(words) for term in self.question.terms])
        return float(self._weights[there].sum() / self._weights.sum())

    def _missing(self, words: frozenset[str]) -> tuple[float, float]:
        """Share of the question's names, and of its numbers, that do not occur."""
        names = [term.forms.isdisjoint(words) for term in self.question.terms if term.is_name]
        numbers = [term.forms.isdisjoint(words) for term in self.question.terms if term.is_number]
        return (sum(names) / len(names) if names else 0.0, sum(numbers) / len(numbers) if numbers else 0.0)

    def _missing_in_first_passages(self) -> float:
        """Share of the words that the question is about which the best passages never use."""
        nothing: frozenset[str] = frozenset()
        words = nothing.union(
            *(each.passage_words for each in self.candidates if each.passage.rank <= _FIRST_PASSAGES)
        )
        asked = [term.forms.isdisjoint(words) for term in self.question.terms if not term.is_framing]
        return sum(asked) / len(asked) if asked else 0.0

    def _adjacent(self, sequence: Sequence[str]) -> float:
        """Share of the question's neighbouring content words that are neighbours in the sentence too."""
        terms = self.question.terms
        if len(terms) < 2:
            return 0.0
        pairs = set(pairwise(sequence))
        met = sum(
            any(left in first.forms and right in second.forms for left, right in pairs)
            for first, second in pairwise(terms)
        )
        return met / (len(terms) - 1)


def _length(candidate: Candidate) -> float:
    return min(math.log1p(len(candidate.sequence)), 4.0)
