"""Cuts a passage into the units an answer may quote, each an exact span of the text.

Blocks set apart by a blank line, list items and table rows are never joined; running text is cut where
English, French, German, Arabic, Chinese or Japanese punctuation ends a sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

CELL_SEPARATOR = " | "
"""Stands between the cells of a table row in every canonical text."""


class UnitKind(StrEnum):
    SENTENCE = "sentence"
    LIST_ITEM = "list_item"
    """The sentence that opens a list item."""
    ROW = "row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Characters `start` to `end` of the text; `text` is exactly that span."""

    start: int
    end: int
    text: str
    kind: UnitKind = UnitKind.SENTENCE
    block: int = 0
    """Number of the block (what blank lines set apart) in which it stands, from 0."""
    header: tuple[int, int] | None = None
    """For a table row below the first: the span of the table's first row."""


_BLOCK = re.compile(r"\S(?:.*?)(?=\n[^\S\n]*\n|\Z)", re.DOTALL)
_ITEM = re.compile(r"[^\S\n]*(?:[-*•‣◦▪–●·]|\(?\d{1,3}[.)]|\(?[a-zA-Z][)])[^\S\n]+\S")
_STOP = re.compile(
    r"(?P<wide>[。！？｡]+)[」』”’）)】〕]*"
    r"|(?P<firm>[!?؟۔؛…‽]+\.?)(?:[\"'”’)\]]+|[^\S\n]?»)*(?=\s|\Z)"
    r"|(?P<period>\.+)(?:[\"'”’)\]]+|[^\S\n]?»)*(?=\s|\Z)"
)
_FIELD = re.compile(r"[^\W\d_][\w-]{1,20}: \S")
_CASELESS = re.compile("[\u0590-\u08ff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_GOES_ON = ".,;:!?؟،؛。！？，；：-–—("
"""A line that ends so is no heading, or the sentence goes on behind it."""
_LONGEST_TITLE = 50
"""Characters."""
_SHORT = 0.6
"""Share of the next line's length below which a line was not wrapped for being full."""
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")
_WORD_BEFORE = re.compile(r"[^\s(\[«\"'“‘/]+\Z")
_NEXT_WORD = re.compile(r"[\s\"'“‘«(\[¿¡]*(?P<word>[^\W_]+|\S)")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER_END = _words(
    "mr mrs ms dr prof st sr jr messrs gen sen rep gov capt lt col sgt rev hon vs e.g i.e eg ie cf viz "
    "approx mme mlle mm ex c.-à-d env z.b d.h bzw ca u.a dhr ing incl excl resp"
)
_BEFORE_NUMBER = _words(
    "no nos nr num art arts fig figs p pp pg sec sect ch chap vol para par eq ref tel ext § n° al ver v "
    "jan feb mar apr jun jul aug sep sept oct nov dec janv févr avr juil déc"
)
_OPENERS = _words(
    "the a an this that these those it its he she they we you i in on at for from if when while as after "
    "before however but and there all each every any no our their his her by with to le la les un une ce "
    "cette ces il elle ils elles nous vous en au aux pour der die das ein eine es er sie wir im"
)


def sentences(text: str) -> list[Sentence]:
    """The units of `text` in order. Together they cover all of it but white space."""
    found: list[Sentence] = []
    for number, block in enumerate(_BLOCK.finditer(text)):
        header: tuple[int, int] | None = None
        for start, end, kind in _parts(text, block.start(), block.end()):
            if kind is UnitKind.ROW:
                found.append(_unit(text, start, end, kind, block=number, header=header))
                header = header or (found[-1].start, found[-1].end)
                continue
            header = None
            for first, last in _cut(text, start, end):
                found.append(_unit(text, first, last, kind, block=number, header=None))
                kind = UnitKind.SENTENCE
    return found


def _unit(
    text: str, start: int, end: int, kind: UnitKind, *, block: int, header: tuple[int, int] | None
) -> Sentence:
    span = text[start:end]
    start += len(span) - len(span.lstrip())
    end = start + len(span.strip())
    return Sentence(start=start, end=end, text=text[start:end], kind=kind, block=block, header=header)


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int, UnitKind]]:
    """The rows, list items and stretches of running text of one block."""
    begun, kind = start, UnitKind.SENTENCE
    cursor = start
    while cursor < end:
        line_end = text.find("\n", cursor, end)
        line_end = end if line_end < 0 else line_end
        line = text[cursor:line_end]
        is_row, is_item = CELL_SEPARATOR in line, _ITEM.match(line) is not None
        if (is_row or is_item) and text[begun:cursor].strip():
            yield begun, cursor, kind
        if is_row:
            yield cursor, line_end, UnitKind.ROW
            begun, kind = line_end, UnitKind.SENTENCE
        elif is_item:
            begun, kind = cursor, UnitKind.LIST_ITEM
        elif _stands_apart(line, text[line_end + 1 : end].partition("\n")[0]):
            if text[begun:line_end].strip():
                yield begun, line_end, kind
            begun, kind = line_end, UnitKind.SENTENCE
        cursor = line_end + 1
    if text[begun:end].strip():
        yield begun, end, kind


def _stands_apart(line: str, following: str) -> bool:
    """Whether a line is a heading or a field such as `Subject: …`, rather than wrapped where it was full."""
    line, following = line.strip(), following.strip()
    if not line or not following:
        return False
    if _FIELD.match(line) and _FIELD.match(following):
        return True
    if line[-1] in _GOES_ON or not (line[0].isupper() or _CASELESS.match(line)) or following[0].islower():
        return False
    return len(line) <= _LONGEST_TITLE and len(line) < _SHORT * len(following)


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begun = start
    for stop in _STOP.finditer(text, start, end):
        if not text[stop.end() : end].strip():
            break
        if _ends_sentence(text, begun, stop, end):
            yield begun, stop.end()
            begun = stop.end()
    if text[begun:end].strip():
        yield begun, end


def _ends_sentence(text: str, begun: int, stop: re.Match[str], end: int) -> bool:
    if stop["wide"]:
        return True
    following = _NEXT_WORD.match(text, stop.end(), end)
    next_word = following["word"] if following else ""
    if next_word[:1].islower():
        return False
    if stop["firm"] or len(stop["period"]) > 1:
        return True
    before = text[begun : stop.start()]
    if not before.strip("-*• \t\n(").strip(")").lstrip("0123456789"):
        return False  # "1." at the start is a number in a list, not a sentence
    found = _WORD_BEFORE.search(before)
    word = found.group().lower() if found else ""
    if word in _NEVER_END:
        return False
    if word in _BEFORE_NUMBER and (next_word[:1].isdigit() or word in {"al", "n°", "§"}):
        return False
    if _INITIALS.fullmatch(word):
        # "J. Smith" and "U.S. Army" go on; only a word that opens sentences tells that one ended.
        return next_word.lower() in _OPENERS
    return True
