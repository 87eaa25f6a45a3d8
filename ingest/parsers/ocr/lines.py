"""Takes apart the lines that the engine has put together: across columns, and over broken words.

ocrust joins what stands at one height, so that a line of one column goes on in the next one, and where a
line ends in a hyphen it joins it with the line below. Both are undone here, before columns are known.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from ingest.parsers.ocr.readings import PrintedLine
from ingest.parsers.pdf.geometry import Rect, Word, union

_SAME_EDGE = 0.1
"""Words that were found in one piece share their upper and lower edge to this share of their height."""
_COLUMN_GAP = 1.35
"""Shares of the line height between words of two columns that happen to share their edges."""
_WIDER_THAN_USUAL = 1.5


def printed_lines(words: Sequence[Word], pieces: Sequence[Rect], confidence: float) -> Iterator[PrintedLine]:
    """What really stands on one line of one column each.

    `words` are those of a joined line, in the order of its text. `pieces` are the boxes in which they were
    found, as far as the engine tells: of lines joined by a hyphen it names those of the first only.
    """
    group: list[Word] = []
    for word in words:
        if group and not _found_together(group[-1], word, pieces):
            yield from _lines_of(group, pieces, confidence)
            group = []
        group.append(word)
    yield from _lines_of(group, pieces, confidence)


def _found_together(before: Word, word: Word, pieces: Sequence[Rect]) -> bool:
    reach = _SAME_EDGE * max(before.height, 1)
    level = abs(word.y0 - before.y0) <= reach and abs(word.y1 - before.y1) <= reach
    return level and word.x0 >= before.x0 and _piece(before, pieces) == _piece(word, pieces)


def _piece(word: Word, pieces: Sequence[Rect]) -> int | None:
    return next((index for index, piece in enumerate(pieces) if piece.holds_center(word)), None)


def _lines_of(group: Sequence[Word], pieces: Sequence[Rect], confidence: float) -> Iterator[PrintedLine]:
    if not group:
        return
    if _piece(group[0], pieces) is not None:
        yield _printed(group, confidence)
        return
    gaps = [right.x0 - left.x1 for left, right in pairwise(group)]
    widest = max(_COLUMN_GAP * group[0].height, _WIDER_THAN_USUAL * median(gaps or [0.0]))
    begun = 0
    for index, gap in enumerate(gaps, start=1):
        if gap > widest:
            yield _printed(group[begun:index], confidence)
            begun = index
    yield _printed(group[begun:], confidence)


def _printed(words: Iterable[Word], confidence: float) -> PrintedLine:
    together = tuple(words)
    rect = union(together)
    return PrintedLine(
        x0=rect.x0,
        y0=rect.y0,
        x1=rect.x1,
        y1=rect.y1,
        text=" ".join(word.text for word in together),
        words=together,
        confidence=confidence,
    )
