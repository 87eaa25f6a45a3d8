"""Splits a parsed document into chunks along its structure.

A chunk is a span of the canonical text. Sections start new chunks, small ones share one, tables break
between rows, prose between sentences, and what is embedded always fits into the embedder whole.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from corpus.documents import Block, BlockKind, Chunk, DocumentId, Region
from corpus.generations import FIRST
from ingest.parsed import ParsedDocument
from retrieval.embedding import embedded_text

CHUNKER = "structure-3"
"""Part of an index generation's identity: change it when the same document would be split differently."""

SPECIAL_TOKENS = 2
"""What the embedder adds at both ends of a text."""

MIN_ROOM = 32
"""Tokens a piece may always have, however long its title and headings are."""

_SENTENCE_END = re.compile(r"[.!?؟。！？][\"'»”)\]]*\s+|[。！？]|\n(?![^\S\n]*[a-zß-öø-ÿα-ωа-я])")
"""A line's end ends a sentence unless the next line goes on with a small letter: then it was wrapped."""
_LINE_END = re.compile(r"\n")


class Tokenizer(Protocol):
    """The embedder, as far as chunking needs it."""

    @property
    def max_tokens(self) -> int: ...

    def token_offsets(self, text: str) -> list[tuple[int, int]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkingSettings:
    max_tokens: int = 256
    """Longest embedded text of a chunk, title and headings included; the embedder's own limit if smaller."""
    min_tokens: int = 96
    """A section shorter than this shares its chunk with the next one."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block, or a part of one that is too long, that fits into a chunk by itself."""

    start: int
    end: int
    block: Block


class _TokenCounts:
    """Tokens of any span of one text, from a single tokenization."""

    def __init__(self, offsets: list[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in offsets]

    def between(self, start: int, end: int) -> int:
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def after(self, start: int, tokens: int) -> int:
        """Where the text goes on after the next `tokens` tokens."""
        return self._starts[bisect_left(self._starts, start) + tokens]

    def cut(self, start: int, end: int, tokens: int) -> int:
        """`end`, or where the text from `start` on must end to have at most `tokens` tokens."""
        return end if self.between(start, end) <= tokens else self.after(start, tokens)


class Chunker:
    def __init__(self, tokenizer: Tokenizer, settings: ChunkingSettings | None = None) -> None:
        self._tokenizer = tokenizer
        self._settings = settings or ChunkingSettings()

    def split(
        self, parsed: ParsedDocument, document_id: DocumentId, version: int, *, generation: int = FIRST
    ) -> list[Chunk]:
        """Chunks in reading order. The same document always gives the same chunks."""
        document = _Splitter(parsed, self._tokenizer, self._settings)
        regions = _RegionCursor(parsed.regions)
        chunks: list[Chunk] = []
        for group in document.groups():
            start, end = group[0].start, group[-1].end
            path = document.heading_path(group[0].block)
            header = document.header(group[0])
            under = regions.under(start, end)
            chunks.append(
                Chunk(
                    document_id=document_id,
                    version=version,
                    generation=generation,
                    number=len(chunks),
                    start=start,
                    end=end,
                    text=parsed.text[start:end],
                    header=parsed.text[slice(*header)].rstrip(),
                    heading_path=path,
                    page=under[0].box.page if under else group[0].block.page,
                    regions=under,
                    language=parsed.language,
                    tokens=document.counts.between(start, end)
                    + document.counts.between(*header)
                    + document.place_tokens(path),
                )
            )
        return chunks


class _Splitter:
    """One document on its way into chunks."""

    def __init__(self, parsed: ParsedDocument, tokenizer: Tokenizer, settings: ChunkingSettings) -> None:
        self._parsed = parsed
        self._tokenizer = tokenizer
        self._min_tokens = settings.min_tokens
        self._limit = min(settings.max_tokens, tokenizer.max_tokens) - SPECIAL_TOKENS
        self._place_tokens: dict[tuple[str, ...], int] = {}
        self.counts = _TokenCounts(tokenizer.token_offsets(parsed.text))

    def groups(self) -> Iterator[list[_Piece]]:
        """Neighbouring pieces that make up one chunk each."""
        group: list[_Piece] = []
        for piece in self._pieces():
            if group and (self._starts_section(group, piece) or not self._fits(group, piece)):
                kept, group = _without_trailing_headings(group)
                yield kept
                if group and not self._fits(group, piece):
                    yield group
                    group = []
            group.append(piece)
        if group:
            yield group

    def heading_path(self, block: Block) -> tuple[str, ...]:
        if block.kind is BlockKind.HEADING:
            return (*block.heading_path, " ".join(self._parsed.text[block.start : block.end].split()))
        return block.heading_path

    def header(self, first: _Piece) -> tuple[int, int]:
        """Span of the header row, for a chunk whose first piece goes on with a table; else an empty one.

        A header takes at most a third of a chunk: what is longer is cut.
        """
        rows = first.block.rows
        if not rows or first.start < rows[0][1]:
            return first.start, first.start
        start, end = rows[0]
        return start, self.counts.cut(start, end, self._limit // 3)

    def place_tokens(self, path: tuple[str, ...]) -> int:
        """Tokens of the title and headings that are embedded before a chunk's text."""
        if path not in self._place_tokens:
            place = embedded_text(self._parsed.title, path, "")
            self._place_tokens[path] = len(self._tokenizer.token_offsets(place))
        return self._place_tokens[path]

    def _fits(self, group: list[_Piece], piece: _Piece) -> bool:
        room = self._limit - self.place_tokens(self.heading_path(group[0].block))
        room -= self.counts.between(*self.header(group[0]))
        return self.counts.between(group[0].start, piece.end) <= room

    def _starts_section(self, group: list[_Piece], piece: _Piece) -> bool:
        if piece.block.kind is not BlockKind.HEADING or group[-1].block.kind is BlockKind.HEADING:
            return False
        return self.counts.between(group[0].start, group[-1].end) >= self._min_tokens

    def _pieces(self) -> Iterator[_Piece]:
        for block in self._parsed.blocks:
            path = self.heading_path(block)
            room = self._limit - self.place_tokens(path)
            if block.kind is not BlockKind.HEADING and path:
                room -= len(self._tokenizer.token_offsets(path[-1]))  # its heading comes along
            if block.rows:
                last = _Piece(block.end, block.end, block)
                room -= self.counts.between(*self.header(last))  # every piece but the first repeats it
            room = max(room, MIN_ROOM)
            yield from _pieces(self._parsed.text, block, self.counts, room)


class _RegionCursor:
    """Page positions under successive spans, found in one pass."""

    def __init__(self, regions: tuple[Region, ...]) -> None:
        self._regions = regions
        self._starts = [region.start for region in regions]

    def under(self, start: int, end: int) -> tuple[Region, ...]:
        first = bisect_left(self._starts, start)
        if first and self._regions[first - 1].end > start:
            first -= 1
        return self._regions[first : bisect_left(self._starts, end)]


def _without_trailing_headings(group: list[_Piece]) -> tuple[list[_Piece], list[_Piece]]:
    """A heading belongs to what follows it, not to the end of the chunk before."""
    cut = len(group)
    while cut > 1 and group[cut - 1].block.kind is BlockKind.HEADING:
        cut -= 1
    return group[:cut], group[cut:]


def _pieces(text: str, block: Block, counts: _TokenCounts, room: int) -> Iterator[_Piece]:
    if counts.between(block.start, block.end) <= room:
        yield _Piece(block.start, block.end, block)
        return
    start = block.start
    last_cut = start
    for cut in (*_cuts(text, block), block.end):
        if counts.between(start, cut) > room and last_cut > start:
            yield _trimmed(text, start, last_cut, block)
            start = last_cut
        while counts.between(start, cut) > room:  # one sentence or row longer than a chunk
            middle = counts.after(start, room)
            yield _trimmed(text, start, middle, block)
            start = middle
        last_cut = cut
    if text[start : block.end].strip():
        yield _trimmed(text, start, block.end, block)


def _cuts(text: str, block: Block) -> list[int]:
    """Where a long block may be cut: after a table row, a line of code, else after a sentence."""
    if block.rows:
        return [start for start, _ in block.rows[1:]]
    ending = _LINE_END if block.kind is BlockKind.CODE else _SENTENCE_END
    return [match.end() for match in ending.finditer(text, block.start, block.end)]


def _trimmed(text: str, start: int, end: int, block: Block) -> _Piece:
    span = text[start:end]
    return _Piece(start + len(span) - len(span.lstrip()), start + len(span.rstrip()), block)
