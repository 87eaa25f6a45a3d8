"""The parsed form: one shape for every format, with a canonical text that everything else points into."""

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.documents import Block, BlockKind, Box, Region

__all__ = ["Attachment", "Block", "BlockKind", "Box", "ParsedDocument", "ParsedDocumentBuilder", "Region"]

BLOCK_SEPARATOR = "\n\n"
ROW_SEPARATOR = "\n"
CELL_SEPARATOR = " | "
LOWEST_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that a document carries and that its own parser is still to read (`ingest.attachments`)."""

    name: str
    data: bytes
    position: int
    """How many blocks of the document come before it."""
    level: int
    """Level of the heading under which it will stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    title: str
    text: str
    """Canonical text: the blocks' texts joined by blank lines."""
    blocks: tuple[Block, ...]
    regions: tuple[Region, ...]
    """Page positions (one per line of text) in ascending `start`; empty where the format has no pages."""
    pages: int | None
    language: str
    """ISO 639-1 code, or `und`."""
    warnings: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    """In ascending `position`."""


class ParsedDocumentBuilder:
    """Collects blocks in reading order; keeps canonical text, spans and heading path in step."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._regions: list[Region] = []
        self._headings: list[tuple[int, str]] = []
        self._attachments: list[Attachment] = []

    @property
    def has_text(self) -> bool:
        return bool(self._blocks)

    @property
    def block_count(self) -> int:
        return len(self._blocks)

    def heading(
        self, text: str, level: int, *, page: int | None = None, lines: Sequence[tuple[str, Box]] = ()
    ) -> None:
        """Adds a heading and makes it the section of what follows."""
        self._headings = [(above, title) for above, title in self._headings if above < level]
        added = self._append(BlockKind.HEADING, text, page=page, lines=lines, level=level)
        if added:
            self._headings.append((level, " ".join(text.split())))

    def block(
        self, kind: BlockKind, text: str, *, page: int | None = None, lines: Sequence[tuple[str, Box]] = ()
    ) -> None:
        """Adds a paragraph, list item, code or caption; empty text is skipped.

        `lines` are the printed lines with their boxes, each a substring of `text`, in order.
        """
        self._append(kind, text, page=page, lines=lines)

    def code(self, text: str, language: str | None = None) -> None:
        """Adds a piece of source code."""
        self._append(BlockKind.CODE, text, page=None, lines=(), code_language=language)

    def table(
        self,
        rows: Sequence[Sequence[str]],
        *,
        page: int | None = None,
        boxes: Sequence[Box | None] = (),
    ) -> None:
        """Adds a table, header row first. `boxes`, where known, holds one box per row."""
        texts = [CELL_SEPARATOR.join(" ".join(cell.split()) for cell in row) for row in rows]
        kept = [(text, index) for index, text in enumerate(texts) if text.strip(" |")]
        if not kept:
            return
        spans: list[tuple[int, int]] = []
        offset = self._next_start()
        lines: list[tuple[str, Box]] = []
        for text, index in kept:
            spans.append((offset, offset + len(text)))
            offset += len(text) + len(ROW_SEPARATOR)
            if index < len(boxes) and (box := boxes[index]) is not None:
                lines.append((text, box))
        joined = ROW_SEPARATOR.join(text for text, _ in kept)
        self._append(BlockKind.TABLE, joined, page=page, lines=lines, rows=tuple(spans))

    def attach(self, name: str, data: bytes, *, level: int) -> None:
        """Adds a file to be read by its own parser and shown here."""
        self._attachments.append(
            Attachment(name=name, data=data, position=len(self._blocks), level=min(level, LOWEST_LEVEL))
        )

    def include(self, text: str, blocks: Sequence[Block], *, below: int = 0) -> None:
        """Adds blocks of another document, its headings `below` levels deeper.

        Pages and boxes stay behind: they are places in a file that this document is not.
        """
        for block in blocks:
            words = text[block.start : block.end]
            if block.kind is BlockKind.HEADING:
                self.heading(words, min((block.level or 1) + below, LOWEST_LEVEL))
                continue
            shift = self._next_start() - block.start
            rows = tuple((start + shift, end + shift) for start, end in block.rows)
            self._append(block.kind, words, page=None, lines=(), rows=rows, code_language=block.code_language)

    def build(
        self, *, title: str, language: str, pages: int | None = None, warnings: Sequence[str] = ()
    ) -> ParsedDocument:
        return ParsedDocument(
            title=title,
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            regions=tuple(self._regions),
            pages=pages,
            language=language,
            warnings=tuple(warnings),
            attachments=tuple(self._attachments),
        )

    def _next_start(self) -> int:
        return self._length + (len(BLOCK_SEPARATOR) if self._parts else 0)

    def _append(
        self,
        kind: BlockKind,
        text: str,
        *,
        page: int | None,
        lines: Sequence[tuple[str, Box]],
        level: int | None = None,
        rows: tuple[tuple[int, int], ...] = (),
        code_language: str | None = None,
    ) -> bool:
        if not rows:
            text = text.strip("\n") if kind is BlockKind.CODE else text.strip()
        if not text.strip():
            return False
        start = self._next_start()
        if self._parts:
            self._parts.append(BLOCK_SEPARATOR)
        self._parts.append(text)
        self._length = start + len(text)
        path = tuple(title for _, title in self._headings)
        self._blocks.append(
            Block(
                kind=kind,
                start=start,
                end=self._length,
                heading_path=path,
                level=level,
                page=page,
                rows=rows,
                code_language=code_language,
            )
        )
        self._add_regions(text, start, lines)
        return True

    def _add_regions(self, text: str, start: int, lines: Sequence[tuple[str, Box]]) -> None:
        """A line that cannot be found in the block marks nothing: better no box than the wrong one."""
        cursor = 0
        for line, box in lines:
            found = text.find(line, cursor) if line else -1
            if found < 0:
                continue
            cursor = found + len(line)
            self._regions.append(Region(start=start + found, end=start + cursor, box=box))
