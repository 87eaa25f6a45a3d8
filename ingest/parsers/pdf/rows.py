"""Visual lines cut into cells, and which of them read like a row of a table of numbers."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.parsers.pdf.geometry import Rect, Word, union

_CELL_GAP = 0.9
"""A gap wider than this share of the line height parts two cells."""
_NUMBER = re.compile(
    r"^[\$€£¥(\-–—+]*\s*\d[\d,.\s]*\)?\s*%?\)?\*?$|^[\$€£]?\s*[—–\-]{1,2}$|^[\$€£%]$|^n/?[am]$", re.IGNORECASE
)
_LONGEST_NUMBER = 24
_FEWEST_ROWS = 3
_OPENERS = frozenset({"$", "€", "£", "(", "$("})
_CLOSERS = frozenset({"%", ")", "%)"})
_TRAILING_OPENER = re.compile(r"^(.*\S)\s+(?:[\$€£]|\()$")
_DOT_LEADERS = re.compile(r"^(.{4,}?)[.\s…·]{6,}[\$€£]?$")
_CURRENCY_OF_NEXT = re.compile(r"^([(\d][\d,.)%]*)\s+[\$€£]$")


@dataclass(slots=True)
class Cell(Rect):
    text: str
    is_number: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One visual line: its cells from left to right, numbers and the label before them told apart."""

    center_y: float
    height: float
    cells: tuple[Cell, ...]
    numbers: tuple[Cell, ...]
    labels: tuple[Cell, ...]
    """Cells of words left of the first number."""

    @property
    def is_tabular(self) -> bool:
        """A label followed by numbers, or several numbers alone."""
        if not self.labels:
            return len(self.numbers) >= 2
        return bool(self.numbers) and len(self.labels) == 1 and len(self.labels[0].text) > 2

    @property
    def has_several_labels(self) -> bool:
        return len(self.labels) > 1


def is_number(text: str) -> bool:
    if len(text) >= _LONGEST_NUMBER or (text[0].isalpha() and text[0] not in "nN"):
        return False
    return _NUMBER.match(text) is not None


def rows_of(lines: Iterable[Sequence[Word]]) -> list[Row]:
    """The rows that a page's visual lines are, top to bottom."""
    return [_row(line) for line in lines if line]


def may_hold_table(lines: Sequence[Sequence[Word]]) -> bool:
    """Whether so many lines hold a number that looking closer is worth the time."""
    with_number = (any(not word.text[0].isalpha() for word in line) for line in lines if len(line) > 1)
    return sum(with_number) >= _FEWEST_ROWS


def _row(line: Sequence[Word]) -> Row:
    cells = _join_signs(_split(line))
    numbers = tuple(cell for cell in cells if cell.is_number)
    first_number = numbers[0].x0 if numbers else float("inf")
    return Row(
        center_y=line[0].center_y,
        height=max([word.y1 - word.y0 for word in line]),
        cells=tuple(cells),
        numbers=numbers,
        labels=tuple(cell for cell in cells if not cell.is_number and cell.x0 < first_number),
    )


def _split(line: Sequence[Word]) -> list[Cell]:
    heights = sorted([word.y1 - word.y0 for word in line])
    widest_gap = _CELL_GAP * heights[len(heights) // 2]
    groups: list[list[Word]] = []
    right = 0.0
    for word in line:
        if groups and word.x0 - right < widest_gap:
            groups[-1].append(word)
        else:
            groups.append([word])
        right = word.x1
    return [_cell(group, " ".join([word.text for word in group])) for group in groups]


def _cell(parts: Sequence[Rect], text: str) -> Cell:
    rect = parts[0] if len(parts) == 1 else union(parts)
    return Cell(rect.x0, rect.y0, rect.x1, rect.y1, text=text, is_number=is_number(text))


def _join_signs(cells: Sequence[Cell]) -> list[Cell]:
    """Gives lone currency signs, brackets and percent signs to the number they belong to."""
    joined: list[Cell] = []
    index = 0
    while index < len(cells):
        cell = cells[index]
        following = cells[index + 1] if index + 1 < len(cells) else None
        before_number = following is not None and following.is_number
        if cell.text in _OPENERS and following is not None and before_number:
            joined.append(_cell((cell, following), cell.text + following.text))
            index += 2
            continue
        if cell.text in _CLOSERS and joined:
            joined[-1] = _cell((joined[-1], cell), joined[-1].text + cell.text)
        else:
            text = _without_strays(cell.text, before_number=before_number)
            joined.append(cell if text == cell.text else _cell((cell,), text))
        index += 1
    return joined


def _without_strays(text: str, *, before_number: bool) -> str:
    """Drops the next number's currency sign and the dots that lead the eye to it."""
    if before_number and (found := _TRAILING_OPENER.match(text)):
        text = found[1]
    for pattern in (_DOT_LEADERS, _CURRENCY_OF_NEXT):
        if found := pattern.match(text):
            text = found[1]
    return text
