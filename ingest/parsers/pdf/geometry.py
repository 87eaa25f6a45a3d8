"""Words on a page and the visual lines they form. Coordinates are points, origin top left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter

from corpus.documents import Box

_SAME_LINE = 0.45
"""Share of the lower height by which two words' centres may differ on one line."""
_LINES_LOOKED_BACK = 6


# Not frozen, and made by position where there are many, for speed: a page has a thousand words.
@dataclass(slots=True)
class Rect:
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def center_x(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def center_y(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return max(0.0, self.x1 - self.x0) * max(0.0, self.y1 - self.y0)

    def overlap(self, other: "Rect") -> float:
        """Area that both share."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, width) * max(0.0, height)

    def holds_center(self, other: "Rect", *, margin: float = 1.0) -> bool:
        return (
            self.x0 - margin <= other.center_x <= self.x1 + margin
            and self.y0 - margin <= other.center_y <= self.y1 + margin
        )


@dataclass(slots=True)
class Word(Rect):
    text: str
    line: int = 0
    """Number of its line among the page's visual lines, where they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """The words of a page whose visual lines are known."""

    number: int
    height: float
    lines: Sequence[Sequence[Word]]
    rotated: Sequence[Sequence[Word]]
    """Lines written at an angle."""

    @classmethod
    def of(
        cls, number: int, height: float, upright: Sequence[Word], rotated: Sequence[Sequence[Word]]
    ) -> "PageWords":
        lines = visual_lines(upright)
        for index, line in enumerate(lines):
            for word in line:
                word.line = index
        return cls(number=number, height=height, lines=lines, rotated=rotated)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSize:
    number: int
    """From 1."""
    width: float
    height: float

    def box(self, rect: Rect) -> Box:
        """`rect` in fractions of the page, cut off at its edges."""
        return Box(
            page=self.number,
            x0=_fraction(rect.x0, self.width),
            y0=_fraction(rect.y0, self.height),
            x1=_fraction(rect.x1, self.width),
            y1=_fraction(rect.y1, self.height),
        )


def _fraction(length: float, whole: float) -> float:
    return round(min(1.0, max(0.0, length / whole)), 5) if whole > 0 else 0.0


def union(rects: Iterable[Rect]) -> Rect:
    """The smallest rectangle around all; there must be at least one."""
    remaining = iter(rects)
    first = next(remaining)
    x0, y0, x1, y1 = first.x0, first.y0, first.x1, first.y1
    for rect in remaining:
        if rect.x0 < x0:
            x0 = rect.x0
        if rect.y0 < y0:
            y0 = rect.y0
        if rect.x1 > x1:
            x1 = rect.x1
        if rect.y1 > y1:
            y1 = rect.y1
    return Rect(x0, y0, x1, y1)


def visual_lines(words: Sequence[Word]) -> list[list[Word]]:
    """Words grouped by height on the page, top to bottom, each line left to right."""
    lines: list[tuple[float, float, list[Word]]] = []
    for double_middle, word in sorted([(word.y0 + word.y1, word) for word in words], key=itemgetter(0)):
        middle, height = double_middle / 2, word.y1 - word.y0
        for first_middle, first_height, members in reversed(lines[-_LINES_LOOKED_BACK:]):
            if middle - first_middle < _SAME_LINE * (height if height < first_height else first_height):
                members.append(word)
                break
        else:
            lines.append((middle, height, [word]))
    return [sorted(members, key=attrgetter("x0")) for _, _, members in lines]


def by_line(words: Iterable[Word]) -> list[list[Word]]:
    """Words that stand in the order of their lines, line by line."""
    return [list(line) for _, line in groupby(words, key=attrgetter("line"))]
