"""Reads the markers of a language model's reply while it streams.

Character by character, so that how the stream was cut cannot change what is read. White space and what may
yet become a marker are held back, nothing else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN, _CLOSE = "[【", {"[": "]", "【": "】"}
_MAX_MARKER = 60
"""Longer brackets are text."""
_NUMBERS = r"\s*\d{1,3}(?:\s*[,;，、؛،–-]\s*\d{1,3})*\s*"
_MARKER = re.compile(
    rf"[\[【](?:\^|sources?\b:?)?(?P<numbers>{_NUMBERS})(?:†[^】\]\n]*)?[\]】]", re.IGNORECASE
)
_MARKER_BEGUN = re.compile(r"[\[【][\s\d,;，、؛،–^:a-z-]*(?:†[^】\]\n]*)?\Z", re.IGNORECASE)
_WORD_BEGUN = re.compile(r"[\[【](?:\^|s(?:o(?:u(?:r(?:c(?:es?)?)?)?)?)?)?(?![a-z^])", re.IGNORECASE)
_NUMBER_OR_RANGE = re.compile(r"(\d+)\s*(?:[–-]\s*(\d+))?")
_LIST_AND_QUOTE_SIGNS = frozenset(" \t>-*+.)0123456789")
_CLOSING_PUNCTUATION = frozenset(".,;:!?)]}»”’。，；：！？）…")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """The words before rest on this source."""

    source: int
    """Its number in the prompt, from 1."""


Piece = Text | Marker


class MarkerReader:
    """Splits a reply into text and the markers of known sources.

    Understands `[1]`, `[1, 2]`, `[1][3]`, `[1-3]`, `[^1]`, `[Source 1]`, `【1】` and `【1†…】`, digits of any
    script. Markers of unknown sources vanish, with the space before them; so does a marker repeated at the
    same place. Code spans and blocks are text. Numbers of four digits and more (`[2024]`) are text.
    """

    def __init__(self, *, sources: int) -> None:
        self._sources = sources
        self._space = ""
        self._space_before_nothing = False
        self._begun = ""
        self._previous = "\n"
        self._marked: set[int] = set()
        self._code = _CodeTracker()

    def feed(self, text: str) -> list[Piece]:
        """What is now certain."""
        return _joined(piece for character in text for piece in self._take(character))

    def finish(self) -> list[Piece]:
        """What was held back when the reply ended; white space at the end is dropped."""
        begun, self._begun = self._begun, ""
        return _joined(self._emit(begun)) if begun else []

    def _take(self, character: str) -> Iterator[Piece]:
        if self._begun:
            begun = self._begun + character
            if character == _CLOSE[begun[0]] and (found := _MARKER.fullmatch(begun)):
                self._begun = ""
                yield from self._mark(found["numbers"])
                return
            if _may_become_marker(begun):
                self._begun = begun
                return
            self._begun = ""
            yield from self._emit(begun[:-1])
        if character in _OPEN and self._previous != "\\" and not self._code.is_inside():
            self._begun = character
        else:
            yield from self._emit(character)

    def _mark(self, numbers: str) -> Iterator[Piece]:
        self._previous = "]"
        known = [number for number in _numbers(numbers) if 1 <= number <= self._sources]
        if not known:
            self._space_before_nothing = True
        for number in known:
            if number not in self._marked:
                self._marked.add(number)
                yield from self._flush_space()
                yield Marker(source=number)

    def _emit(self, text: str) -> Iterator[Piece]:
        for character in text:
            self._code.take(character)
            self._previous = character
            if character.isspace():
                if self._space_before_nothing:
                    self._space, self._space_before_nothing = "", False
                self._space += character
                continue
            if self._space_before_nothing and character in _CLOSING_PUNCTUATION:
                self._space = ""
            yield from self._flush_space()
            self._marked.clear()
            yield Text(text=character)

    def _flush_space(self) -> Iterator[Piece]:
        space, self._space, self._space_before_nothing = self._space, "", False
        if space:
            yield Text(text=space)


class _CodeTracker:
    """Whether the next character stands in a code span or block of Markdown (CommonMark 4.5, 6.1).

    Unlike in CommonMark an unclosed span ends with its line, which is all a stream can know.
    """

    def __init__(self) -> None:
        self._fence = ""
        self._span = 0
        self._run = ""
        self._run_opens_line = True
        self._at_line_start = True

    def is_inside(self) -> bool:
        """Asked of a bracket, which ends a run of fence signs as any other character does."""
        self._end_run()
        return bool(self._fence or self._span)

    def take(self, character: str) -> None:
        if character in "`~" and self._run in ("", character * len(self._run)):
            if not self._run:
                self._run_opens_line = self._at_line_start
            self._run += character
            return
        self._end_run()
        if character in "`~":
            self._run, self._run_opens_line = character, self._at_line_start
        elif character == "\n":
            self._span, self._at_line_start = 0, True
        elif character not in _LIST_AND_QUOTE_SIGNS:
            self._at_line_start = False

    def _end_run(self) -> None:
        run, self._run = self._run, ""
        if not run:
            return
        is_fence = len(run) >= 3 and self._run_opens_line
        self._at_line_start = False
        if self._fence:
            if is_fence and run.startswith(self._fence):
                self._fence = ""
        elif is_fence:
            self._fence = run
        elif run[0] == "`":
            self._span = 0 if self._span == len(run) else self._span or len(run)


def _may_become_marker(begun: str) -> bool:
    return (
        len(begun) <= _MAX_MARKER
        and _WORD_BEGUN.match(begun) is not None
        and _MARKER_BEGUN.match(begun) is not None
    )


def _numbers(text: str) -> Iterator[int]:
    for found in _NUMBER_OR_RANGE.finditer(text):
        first, last = int(found[1]), int(found[2] or found[1])
        yield from range(first, last + 1) if first <= last else (first, last)


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, Text) and isinstance(last, Text):
            joined[-1] = Text(text=last.text + piece.text)
        else:
            joined.append(piece)
    return joined
