"""Running headers, footers and page numbers: lines that return at one place of many pages.

They interrupt sentences that go on over the page, and a citation of them would prove nothing. So they are
left out, but for the first of each kind, which may be the only place that names the company or the form.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ingest.parsers.pdf.geometry import PageWords, Rect, union

_MARGIN = 0.13
"""Share of the page's height, at its top and at its bottom, in which furniture stands."""
_OUTERMOST_LINES = 4
_EDGE_LINES = 2
"""Where pages end early, their footer is known by being the last line, not by its height."""
_FEWEST_PAGES = 3
_SAME_PLACE = 0.012
"""Share of the page's height by which a line may wander from page to page."""
_LEAST_DENSITY = 0.4
"""On so many of the pages between its first and its last: a heading may return by chance."""
_DIGITS = re.compile(r"\d+")
_ROMAN = re.compile(r"[ivxlc]{1,7}")
_ONLY_A_NUMBER = re.compile(
    r"\W*(?:(?:page|seite|pagina|página|pág|p)\W*)?#\W*(?:(?:of|von|de|di|sur|/)?\W*#\W*)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    page: int
    place: float
    """Its middle, in shares of the page's height."""
    edge: str
    """Whether it is among the very first or last lines of the page, wherever these stand."""
    rect: Rect
    is_number: bool


def find_furniture(pages: Iterable[PageWords]) -> dict[int, list[Rect]]:
    """By page, the boxes of the lines that are to be left out."""
    alike: dict[str, list[_Line]] = defaultdict(list)
    for page in pages:
        for text, line in _outer_lines(page):
            alike[text].append(line)
    furniture: dict[int, list[Rect]] = defaultdict(list)
    for lines in alike.values():
        for line in _repeated(lines):
            if line.rect not in furniture[line.page]:
                furniture[line.page].append(line.rect)
    return furniture


def _outer_lines(page: PageWords) -> Iterator[tuple[str, _Line]]:
    """The lines in the page's margins and at its edges, with their text as all pages have it."""
    margin = _MARGIN * page.height
    lines = page.lines
    for index, line in enumerate(lines):
        after = len(lines) - 1 - index
        if min(index, after) >= _OUTERMOST_LINES:
            continue
        height = line[0].center_y
        in_margin = (index < _OUTERMOST_LINES and height < margin) or (
            after < _OUTERMOST_LINES and height > page.height - margin
        )
        edge = "first" if index < _EDGE_LINES else "last" if after < _EDGE_LINES else ""
        if in_margin or edge:
            rect = union(line)
            text = _pattern(" ".join(word.text for word in line))
            is_number = _ONLY_A_NUMBER.fullmatch(text) is not None
            place = rect.center_y / max(page.height, 1)
            yield text, _Line(page=page.number, place=place, edge=edge, rect=rect, is_number=is_number)


def _pattern(text: str) -> str:
    """The text with every number as `#`, so that page numbers are alike."""
    folded = text.casefold().strip()
    return "#" if _ROMAN.fullmatch(folded) else _DIGITS.sub("#", folded)


def _repeated(lines: Sequence[_Line]) -> list[_Line]:
    """Those that stand at one place of several pages, or at one edge of them; without the first of each."""
    groups = [[line for line in lines if line.edge == edge] for edge in ("first", "last")]
    group: list[_Line] = []
    for line in sorted(lines, key=lambda line: line.place):
        if group and line.place - group[-1].place > _SAME_PLACE:
            groups.append(group)
            group = []
        group.append(line)
    repeated = [line for group in (*groups, group) if _is_dense(group) for line in group]
    first = min((line.page for line in repeated), default=0)
    return [line for line in repeated if line.is_number or line.page != first]


def _is_dense(group: Sequence[_Line]) -> bool:
    pages = sorted({line.page for line in group})
    return len(pages) >= _FEWEST_PAGES and len(pages) >= _LEAST_DENSITY * (pages[-1] - pages[0] + 1)
