"""Splitters without any sense of structure, to compare ours with."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

Span = tuple[int, int]
"""Start and end, in characters."""

_SEPARATORS = ("\n\n", "\n", ".", "?", "!", " ")
"""In the order of `RecursiveTokenChunker` of Chroma's report."""


def window_spans(text: str, offsets: Sequence[Span], *, size: int, overlap: int) -> list[Span]:
    """Windows of `size` tokens, each beginning `overlap` tokens before the last one's end."""
    spans: list[Span] = []
    for first in range(0, len(offsets), size - overlap):
        last = min(first + size, len(offsets))
        spans.append((offsets[first][0], len(text) if last == len(offsets) else offsets[last][0]))
        if last == len(offsets):
            break
    return spans


def recursive_spans(text: str, offsets: Sequence[Span], *, most: int) -> list[Span]:
    """Spans of at most `most` tokens: cut at the first separator that there is, if too long at the next.

    As LangChain's RecursiveCharacterTextSplitter: neighbouring pieces of a level share a span while they fit.
    """
    starts = [start for start, _ in offsets]

    def tokens(span: Span) -> int:
        return bisect_left(starts, span[1]) - bisect_left(starts, span[0])

    def split(span: Span, separators: Sequence[str]) -> list[Span]:
        if tokens(span) <= most:
            return [span]
        if not separators:
            first, last = bisect_left(starts, span[0]), bisect_left(starts, span[1])
            cuts = [span[0], *starts[first + most : last : most], span[1]]
            return list(pairwise(cuts))
        spans: list[Span] = []
        shared: Span | None = None
        for piece in _parts(text, span, separators[0]):
            if tokens(piece) > most:
                spans += [shared] if shared else []
                spans += split(piece, separators[1:])
                shared = None
            elif shared and tokens((shared[0], piece[1])) <= most:
                shared = (shared[0], piece[1])
            else:
                spans += [shared] if shared else []
                shared = piece
        return [*spans, shared] if shared else spans

    return [span for span in split((0, len(text)), _SEPARATORS) if text[slice(*span)].strip()]


def _parts(text: str, span: Span, separator: str) -> list[Span]:
    """The span cut after every separator in it."""
    parts: list[Span] = []
    start, end = span
    while (found := text.find(separator, start, end)) >= 0:
        parts.append((start, found + len(separator)))
        start = found + len(separator)
    return [*parts, (start, end)] if start < end else parts
