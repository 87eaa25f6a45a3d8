"""One page of liteparse's blocks, its tables of numbers repaired and no text left out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from liteparse.types import LayoutBlock, LayoutCell, ParsedPage

from corpus.documents import Box
from ingest.parsed import BlockKind, ParsedDocumentBuilder
from ingest.parsers.pdf.geometry import PageSize, PageWords, Rect, Word, by_line, union
from ingest.parsers.pdf.line_boxes import line_boxes
from ingest.parsers.pdf.markup import has_invented_formula, without_markup
from ingest.parsers.pdf.rows import may_hold_table, rows_of
from ingest.parsers.pdf.tables import FoundTable, find_tables

_TOKEN = re.compile(r"\w+")
_COHERENT_SHARE = 0.95
"""liteparse's own table is kept when this share of the rows found here stand whole in its rows."""
_LONGEST_CELL_CHARS = 600
_MIN_LOST_CHARS = 4
"""A single shorter word is more likely a list's number or a sign than lost text."""
_BROKEN_AT_ENDS = 3
_KINDS = {
    "paragraph": BlockKind.PARAGRAPH,
    "list_item": BlockKind.LIST_ITEM,
    "code": BlockKind.CODE,
    "grid_fallback": BlockKind.CODE,
}


def add_page(
    builder: ParsedDocumentBuilder, page: ParsedPage, words: PageWords, furniture: Sequence[Rect] = ()
) -> None:
    """Adds the page's blocks in reading order, without what stands in `furniture`."""
    _PageWalk(builder, page, words, furniture).add()


class _PageWalk:
    def __init__(
        self,
        builder: ParsedDocumentBuilder,
        page: ParsedPage,
        words: PageWords,
        furniture: Sequence[Rect],
    ) -> None:
        self._builder = builder
        self._size = PageSize(number=page.page_num, width=page.width, height=page.height)
        self._blocks = [block for block in page.blocks or () if block.kind not in ("figure", "rule")]
        self._lines, left_out = _parted(words.lines, furniture)
        self._rotated = words.rotated
        self._furniture = [" ".join(_tokens(_as_printed(line))) for line in left_out]
        self._words = [word for line in self._lines for word in line]
        self._printed = {word.text for word in self._words}
        self._middle_x = np.array([word.x0 + word.x1 for word in self._words]) / 2
        self._middle_y = np.array([word.y0 + word.y1 for word in self._words]) / 2
        self._is_free = np.ones(len(self._words), dtype=bool)
        """Which words no block has claimed yet."""
        self._tables = self._repaired_tables()
        self._added: set[int] = set()

    def add(self) -> None:
        for block in self._blocks:
            repaired = self._covering_table(block)
            if repaired is None:
                self._add_block(block)
            else:
                self._add_surroundings(block, self._tables[repaired])
                self._add_repaired(repaired)
        for index in range(len(self._tables)):
            self._add_repaired(index)
        self._add_lost_text()

    def _repaired_tables(self) -> list[FoundTable]:
        """Tables found in the word boxes that liteparse's own tables do not hold row by row."""
        if not may_hold_table(self._lines):
            return []
        own_rows = [
            set(_tokens(" ".join(cell.text for cell in row)))
            for block in self._blocks
            if block.kind == "table"
            for row in _table_cells(block)
        ]
        return [table for table in find_tables(rows_of(self._lines)) if not _stands_in(table, own_rows)]

    def _covering_table(self, block: LayoutBlock) -> int | None:
        rect = _rect(block)
        if rect is None or not self._tables:
            return None
        words = Counter(_tokens(_block_text(block)))
        for index, table in enumerate(self._tables):
            shared = rect.overlap(table.rect)
            if shared > 0.5 * max(rect.area, 1e-6):
                return index
            inside = Counter(token for row in table.rows for cell in row.cells for token in _tokens(cell))
            if shared > 0 and words and (words & inside).total() >= 0.8 * words.total():
                return index
        return None

    def _add_block(self, block: LayoutBlock) -> None:
        rect = _rect(block)
        number = self._size.number
        words = self._claim(rect)
        if block.kind == "table":
            rows = [row for row in _table_cells(block) if not self._is_furniture(_row_text(row))]
            self._add_table(rows, words)
            return
        if not words and self._is_furniture(_block_text(block)):
            return
        text = without_markup(_block_text(block), self._printed)
        if has_invented_formula(text, self._printed) and words:
            text = _as_printed(words)
        lines = line_boxes(text, words, self._size)
        if block.kind == "heading":
            self._builder.heading(text, max(1, min(6, block.level or 1)), page=number, lines=lines)
        else:
            kind = _KINDS.get(block.kind, BlockKind.PARAGRAPH)
            self._builder.block(kind, text, page=number, lines=lines)

    def _add_table(self, rows: Sequence[Sequence[LayoutCell]], words: Sequence[Word]) -> None:
        """A table, or, where a cell is as long as a paragraph, the columns of prose that it really is."""
        texts = [[without_markup(cell.text, self._printed) for cell in row] for row in rows]
        if max((len(text) for row in texts for text in row), default=0) > _LONGEST_CELL_CHARS:
            prose = "\n".join(text for row in texts for text in row if text)
            lines = line_boxes(prose, words, self._size)
            self._builder.block(BlockKind.PARAGRAPH, prose, page=self._size.number, lines=lines)
        else:
            boxes = [self._row_box(row) for row in rows]
            self._builder.table(texts, page=self._size.number, boxes=boxes)

    def _add_surroundings(self, block: LayoutBlock, table: FoundTable) -> None:
        """Lines of a replaced block that are not of the table: text above or below it."""
        rect = _rect(block)
        middles = [row.center_y for row in table.source]
        top, bottom = min(middles) - 3, max(middles) + 3
        outside = [word for word in self._claim(rect) if not top <= word.center_y <= bottom]
        self._add_lines(by_line(outside))

    def _add_repaired(self, index: int) -> None:
        if index in self._added:
            return
        self._added.add(index)
        table = self._tables[index]
        self._claim(table.rect)
        boxes = [self._size.box(row.rect) for row in table.rows]
        self._builder.table([row.cells for row in table.rows], page=self._size.number, boxes=boxes)

    def _is_furniture(self, text: str) -> bool:
        """Whether `text` is one or several of the lines that are left out."""
        left = " ".join(_tokens(text))
        for line in self._furniture:
            left = left.replace(line, "", 1)
        return bool(self._furniture) and not left.strip()

    def _add_lost_text(self) -> None:
        """Lines that no block holds: liteparse drops rotated text, and here and there a line of the body."""
        free = by_line(self._words[index] for index in np.flatnonzero(self._is_free))
        if free or self._rotated:
            shown = [f" {' '.join(_tokens(_block_text(block)))} " for block in self._blocks]
            self._add_lines([line for line in (*free, *self._rotated) if not _is_shown(line, shown)])

    def _add_lines(self, lines: Sequence[Sequence[Word]]) -> None:
        for line in lines:
            text = " ".join(word.text for word in line)
            box = self._size.box(union(line))
            self._builder.block(BlockKind.PARAGRAPH, text, page=self._size.number, lines=[(text, box)])

    def _claim(self, rect: Rect | None) -> list[Word]:
        if rect is None:
            return []
        x, y = self._middle_x, self._middle_y
        across = (x >= rect.x0 - 1) & (x <= rect.x1 + 1)
        down = (y >= rect.y0 - 1) & (y <= rect.y1 + 1)
        claimed = np.flatnonzero(across & down & self._is_free)
        self._is_free[claimed] = False
        words = self._words
        return [words[index] for index in claimed.tolist()]

    def _row_box(self, row: Sequence[LayoutCell]) -> Box | None:
        rects = [
            Rect(x0=box.x, y0=box.y, x1=box.x + box.width, y1=box.y + box.height)
            for cell in row
            if (box := cell.bbox) is not None
        ]
        return self._size.box(union(rects)) if rects else None


def page_words(page: ParsedPage) -> PageWords:
    """The page's words, upright ones in their lines."""
    upright: list[Word] = []
    rotated: list[list[Word]] = []
    for item in page.text_items:
        words = [
            Word(x := word.x, y := word.y, x + word.width, y + word.height, text)
            for word in item.words
            if (text := word.text) and not text.isspace()
        ]
        if abs(item.rotation) < 1:
            upright += words
        elif words:
            rotated.append(words)
    return PageWords.of(page.page_num, page.height, upright, rotated)


def _stands_in(table: FoundTable, own_rows: Sequence[set[str]]) -> bool:
    tabular = [row for row in table.source if row.is_tabular]
    whole = sum(
        any(set(_tokens(" ".join(cell.text for cell in row.cells))) <= own for own in own_rows)
        for row in tabular
    )
    if whole < _COHERENT_SHARE * len(tabular):
        return False
    header = set(_tokens(" ".join(table.rows[0].cells))) if table.has_header else set[str]()
    return not header or any(header <= own for own in own_rows)


def _rect(block: LayoutBlock) -> Rect | None:
    box = block.bbox
    return Rect(x0=box.x, y0=box.y, x1=box.x + box.width, y1=box.y + box.height) if box else None


def _table_cells(block: LayoutBlock) -> Iterator[list[LayoutCell]]:
    if block.header:
        yield block.header
    yield from block.rows or ()


def _block_text(block: LayoutBlock) -> str:
    """The block's words as printed, with the number of a numbered item."""
    if block.kind == "table":
        return "\n".join(" ".join(cell.text for cell in row) for row in _table_cells(block))
    if block.lines:
        return "\n".join(block.lines)
    text = block.text or ""
    return f"{block.marker} {text}" if block.kind == "list_item" and block.ordered and block.marker else text


def _as_printed(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


def _is_shown(line: Sequence[Word], shown: Sequence[str]) -> bool:
    """Whether a block has the words of `line` in a row; broken words at its ends are joined there."""
    tokens = [token for word in line for token in _tokens(word.text)]
    if not tokens or (len(tokens) == 1 and len(tokens[0]) < _MIN_LOST_CHARS):
        return True
    inner = tokens[1:-1] if len(tokens) > _BROKEN_AT_ENDS else tokens
    return not any(char.isalnum() for token in tokens for char in token) or any(
        f" {' '.join(inner)} " in text for text in shown
    )


def _parted(
    lines: Sequence[Sequence[Word]], furniture: Sequence[Rect]
) -> tuple[list[Sequence[Word]], list[Sequence[Word]]]:
    """The lines that stay, and those that are page furniture."""
    stay: list[Sequence[Word]] = []
    left_out: list[Sequence[Word]] = []
    for line in lines:
        is_furniture = any(all(rect.holds_center(word) for word in line) for rect in furniture)
        (left_out if is_furniture else stay).append(line)
    return stay, left_out


def _row_text(row: Sequence[LayoutCell]) -> str:
    return " ".join(cell.text for cell in row)
