"""Where the printed lines of a block lie in its text."""

from collections.abc import Sequence

from corpus.documents import Box
from ingest.parsers.pdf.geometry import PageSize, Word, by_line, union

_LOOKAHEAD_CHARS = 40


def line_boxes(text: str, words: Sequence[Word], page: PageSize) -> list[tuple[str, Box]]:
    """The printed lines of `text` in order, each a substring of it, with their boxes.

    `words` stand in the order of their lines. The words of a line are looked up near where the line before
    ended, because the text may join words that the page hyphenates, and right-to-left text runs against the
    order of the boxes.
    """
    found: list[tuple[str, Box]] = []
    cursor = 0
    for line in by_line(words):
        span, matched = _find_line(text, line, cursor)
        if span is not None:
            start, end = span
            found.append((text[start:end], page.box(union(matched))))
            cursor = end
    return found


def _find_line(text: str, line: Sequence[Word], cursor: int) -> tuple[tuple[int, int] | None, list[Word]]:
    words = [word.text for word in line]
    reach = cursor + sum(map(len, words)) + len(words) + _LOOKAHEAD_CHARS
    matched: list[Word] = []
    start, end, after = len(text), cursor, cursor
    for word, letters in zip(line, words, strict=True):
        position = text.find(letters, after, reach)
        if position < 0:
            position = text.find(letters, cursor, reach)
        if position < 0:
            continue
        after = position + len(letters)
        if position < start:
            start = position
        if after > end:
            end = after
        matched.append(word)
    return ((start, end), matched) if matched else (None, matched)
