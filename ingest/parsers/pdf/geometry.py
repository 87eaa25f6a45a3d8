"""Words on a page and the visual lines they form. Coordinates are points, origin top left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corpus.documents import Box

_SAME_LINE = 0.45
"""Share of the lower height by which two words' centres may differ on one line."""
_LINES_LOOKED_BACK = 6


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Rect):
    text: str


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
    every = list(rects)
    return Rect(
        x0=min(rect.x0 for rect in every),
        y0=min(rect.y0 for rect in every),
        x1=max(rect.x1 for rect in every),
        y1=max(rect.y1 for rect in every),
    )


def visual_lines(words: Sequence[Word]) -> list[list[Word]]:
    """Words grouped by height on the page, top to bottom, each line left to right."""
    lines: list[tuple[Word, list[Word]]] = []
    for word in sorted(words, key=lambda word: word.center_y):
        for first, members in reversed(lines[-_LINES_LOOKED_BACK:]):
            reach = _SAME_LINE * min(word.height, first.height)
            if abs(first.center_y - word.center_y) < reach:
                members.append(word)
                break
        else:
            lines.append((word, [word]))
    return [sorted(members, key=lambda word: word.x0) for _, members in lines]
