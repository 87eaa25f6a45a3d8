"""The order in which the lines of a page are read: columns one after the other, titles across them first.

A recursive XY-cut (Nagy and Seth 1984) on line boxes, with one change: lines that cross the gutter between
two columns part the page into bands, so that a title or a wide table does not hide the columns below it.
"""

from collections.abc import Sequence
from typing import TypeVar

from ingest.parsers.pdf.geometry import Rect

AnyRect = TypeVar("AnyRect", bound=Rect)

_MIN_LINES_BESIDE = 3
"""Fewer lines than this on one side of a gutter are no column."""
_MOST_CROSSING_SHARE = 0.35
_MIN_COLUMN_SHARE = 0.18
"""A column is at least so wide, in shares of the region."""
_FILLED = 0.45
"""The lines of a column of prose fill it to this share in the middle; cells of a table do not."""
_MIN_GUTTER_HEIGHTS = 0.6


def reading_order(rects: Sequence[AnyRect]) -> list[AnyRect]:
    """The same boxes in the order in which a person reads them."""
    gutter = _gutter(rects)
    if gutter is None:
        return _by_line(rects)
    ordered: list[AnyRect] = []
    band: list[AnyRect] = []
    for rect in sorted(rects, key=lambda rect: rect.center_y):
        if rect.x0 < gutter < rect.x1:
            ordered += [*_columns(band, gutter), rect]
            band = []
        else:
            band.append(rect)
    return ordered + _columns(band, gutter)


def _columns(band: Sequence[AnyRect], gutter: float) -> list[AnyRect]:
    left = [rect for rect in band if rect.center_x < gutter]
    right = [rect for rect in band if rect.center_x >= gutter]
    return reading_order(left) + reading_order(right) if left and right else _by_line(band)


def _by_line(rects: Sequence[AnyRect]) -> list[AnyRect]:
    """Top to bottom, and left to right among those that stand at one height."""
    lines: list[list[AnyRect]] = []
    for rect in sorted(rects, key=lambda rect: rect.center_y):
        last = lines[-1][-1] if lines else None
        if last is not None and rect.center_y - last.center_y < 0.5 * min(rect.height, last.height):
            lines[-1].append(rect)
        else:
            lines.append([rect])
    return [rect for line in lines for rect in sorted(line, key=lambda rect: rect.x0)]


def _gutter(rects: Sequence[Rect]) -> float | None:
    """Where two columns of prose are parted with the fewest lines across, or `None`."""
    if len(rects) < 2 * _MIN_LINES_BESIDE:
        return None
    left, right = min(rect.x0 for rect in rects), max(rect.x1 for rect in rects)
    found: list[tuple[int, float, float]] = []
    for x, width in _gaps(rects):
        crossing = sum(rect.x0 < x < rect.x1 for rect in rects)
        if crossing <= _MOST_CROSSING_SHARE * len(rects) and _parts_columns(rects, x, left, right):
            found.append((crossing, -width, x))
    return min(found)[2] if found else None


def _gaps(rects: Sequence[Rect]) -> list[tuple[float, float]]:
    """Middles and widths of the gaps between the right edge of a line and the next left edge after it."""
    heights = sorted(rect.height for rect in rects)
    least = _MIN_GUTTER_HEIGHTS * heights[len(heights) // 2]
    lefts = sorted(rect.x0 for rect in rects)
    gaps: set[tuple[float, float]] = set()
    for rect in rects:
        after = next((x for x in lefts if x > rect.x1), None)
        if after is not None and after - rect.x1 >= least:
            gaps.add(((rect.x1 + after) / 2, after - rect.x1))
    return sorted(gaps)


def _parts_columns(rects: Sequence[Rect], x: float, left: float, right: float) -> bool:
    sides = (
        ([rect for rect in rects if rect.x1 <= x], x - left),
        ([rect for rect in rects if rect.x0 >= x], right - x),
    )
    for lines, width in sides:
        if len(lines) < _MIN_LINES_BESIDE or width < _MIN_COLUMN_SHARE * (right - left):
            return False
        widths = sorted(line.x1 - line.x0 for line in lines)
        if widths[len(widths) // 2] < _FILLED * width:
            return False
    return True
