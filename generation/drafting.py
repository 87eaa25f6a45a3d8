"""An answer while it grows: its text with markers, and which sentence each marker belongs to."""

import re
from collections.abc import Callable, Sequence

from generation.answers import AnswerSentence, Citation, Support
from generation.sentences import Sentence, sentences

_SPACE_BEFORE_STOP = re.compile(r"\s+(?=[.,;:!?。，；：！？])")
_LONGEST_STATEMENT = 2000

Judge = Callable[[str, Sequence[str]], Support]
"""How well a sentence, without markers, is backed by the quotes it cites."""


class Draft:
    def __init__(self) -> None:
        self._words = ""
        self._markers: list[tuple[int, int]] = []
        self._text: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._text)

    def add_text(self, text: str) -> None:
        self._words += text
        self._text.append(text)

    def add_marker(self, n: int) -> str:
        """Marks the words so far; returns the marker as shown."""
        self._markers.append((len(self._words), n))
        self._text.append(f"[{n}]")
        return self._text[-1]

    def statement(self) -> str:
        """What a marker put now would vouch for: the sentence so far, without markers."""
        units = sentences(self._words[-_LONGEST_STATEMENT:])
        return _clean(units[-1].text) if units else ""

    def sentences(self, citations: Sequence[Citation], support_of: Judge) -> tuple[AnswerSentence, ...]:
        """The sentences with their markers, each judged by the quotes it cites; unsupported without any."""
        quotes = {citation.n: citation.quote for citation in citations}
        units = sentences(self._words)
        owned: list[list[tuple[int, int]]] = [[] for _ in units]
        for offset, n in self._markers:
            if units:
                owned[self._owner(units, offset)].append((offset, n))
        made: list[AnswerSentence] = []
        for unit, markers in zip(units, owned, strict=True):
            cited = tuple(dict.fromkeys(n for _, n in markers))
            backing = [quotes[n] for n in cited]
            support = support_of(_clean(unit.text), backing) if backing else Support.UNSUPPORTED
            made.append(
                AnswerSentence(text=self._with_markers(unit, markers), citations=cited, support=support)
            )
        return tuple(made)

    def _owner(self, units: Sequence[Sentence], offset: int) -> int:
        """A marker belongs to the sentence it stands in or after; at the head of a line, to the next."""
        before = max((i for i, unit in enumerate(units) if unit.start < offset), default=0)
        is_at_head = "\n" in self._words[units[before].end : offset]
        return min(before + 1, len(units) - 1) if is_at_head else before

    def _with_markers(self, unit: Sentence, markers: Sequence[tuple[int, int]]) -> str:
        offsets = [offset for offset, _ in markers]
        at, end = min([unit.start, *offsets]), max([unit.end, *offsets])
        parts: list[str] = []
        for offset, n in markers:
            parts += [self._words[at:offset], f"[{n}]"]
            at = offset
        return "".join([*parts, self._words[at:end]])


def _clean(text: str) -> str:
    """Without the space that a marker left before a full stop."""
    return _SPACE_BEFORE_STOP.sub("", text)
