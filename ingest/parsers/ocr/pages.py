"""A page that was read from its picture, as blocks: tables kept row by row, the rest in reading order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from corpus.documents import Box
from ingest.parsed import BlockKind, ParsedDocumentBuilder
from ingest.parsers.ocr.engine import SURE
from ingest.parsers.ocr.reading_order import reading_order
from ingest.parsers.ocr.readings import PageReading, PrintedLine
from ingest.parsers.pdf.geometry import Rect, visual_lines
from ingest.parsers.pdf.rows import rows_of
from ingest.parsers.pdf.tables import FoundTable, find_tables

UNSURE_LINE = 0.5
"""A line whose letters are surer to be wrong than right is left out."""
SURE_LINE = 0.85
"""What a page shows beside its own text may be a photograph: only sure lines are taken."""
_PARAGRAPH_GAP = 0.7
"""A gap above this share of the line height starts a new paragraph."""
_HEADING_SIZE = 1.35
_TITLE_SIZE = 1.8
_LONGEST_HEADING = 100
_BROKEN_WORD = re.compile(r"[^\W\d_]-$")
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


@dataclass(slots=True, kw_only=True)
class _TableUnit(Rect):
    table: FoundTable


def add_read_page(
    builder: ParsedDocumentBuilder, reading: PageReading, *, least_confidence: float = UNSURE_LINE
) -> None:
    """Adds what was read on a page, but for lines less sure than `least_confidence`."""
    lines = [line for line in reading.lines if line.confidence >= least_confidence]
    if not lines:
        return
    words = [word for line in lines for word in line.words]
    tables = [
        _TableUnit(x0=rect.x0, y0=rect.y0, x1=rect.x1, y1=rect.y1, table=table)
        for table in find_tables(rows_of(visual_lines(words)))
        for rect in (table.rect,)
    ]
    free = [line for line in lines if not any(table.holds_center(line) for table in tables)]
    height = median(line.height for line in lines)
    paragraph: list[PrintedLine] = []
    for unit in reading_order([*free, *tables]):
        if isinstance(unit, PrintedLine):
            if paragraph and not _goes_on(paragraph, unit):
                _add_paragraph(builder, reading, paragraph, height)
                paragraph = []
            paragraph.append(unit)
        else:
            _add_paragraph(builder, reading, paragraph, height)
            paragraph = []
            rows = unit.table.rows
            boxes = [reading.box(row.rect) for row in rows]
            builder.table([row.cells for row in rows], page=reading.number, boxes=boxes)
    _add_paragraph(builder, reading, paragraph, height)


def reading_warnings(wanted: Sequence[int], readings: Mapping[int, PageReading]) -> list[str]:
    """What the uploader should know about pages that were, or should have been, read from pictures."""
    unread = [number for number in wanted if number not in readings]
    unsure = [number for number in wanted if number in readings and _is_unsure(readings[number])]
    return [
        *page_warning(unread, "text recognition did not get through; its text is missing"),
        *page_warning(
            unsure, "hard to recognise; where its writing is the reason, Tesseract with its language helps"
        ),
    ]


def _is_unsure(reading: PageReading) -> bool:
    return reading.confidence < SURE


def page_warning(pages: Sequence[int], what: str) -> list[str]:
    """One sentence about these pages; none where there are none."""
    if not pages:
        return []
    shown = ", ".join(str(page) for page in pages[:20]) + (", …" if len(pages) > 20 else "")
    return [f"{'Page' if len(pages) == 1 else 'Pages'} {shown}: {what}."]


def _goes_on(paragraph: Sequence[PrintedLine], line: PrintedLine) -> bool:
    last = paragraph[-1]
    size = min(last.height, line.height)
    same_line = abs(line.center_y - last.center_y) < 0.5 * size
    if same_line:
        return True
    follows = line.center_y - last.center_y >= 0 and line.y0 - last.y1 <= _PARAGRAPH_GAP * size
    same_size = max(last.height, line.height) < _HEADING_SIZE * size
    same_column = line.x0 < last.x1 and last.x0 < line.x1
    return follows and same_size and same_column


def _add_paragraph(
    builder: ParsedDocumentBuilder, reading: PageReading, lines: Sequence[PrintedLine], usual_height: float
) -> None:
    if not lines:
        return
    text, parts = _joined(lines)
    boxes: list[tuple[str, Box]] = [
        (part, reading.box(line)) for part, line in zip(parts, lines, strict=True)
    ]
    size = median(line.height for line in lines) / max(usual_height, 1e-6)
    if size >= _HEADING_SIZE and len(lines) <= 2 and len(text) <= _LONGEST_HEADING:
        level = 1 if size >= _TITLE_SIZE else 2
        builder.heading(text, level, page=reading.number, lines=boxes)
    else:
        builder.block(BlockKind.PARAGRAPH, text, page=reading.number, lines=boxes)


def _joined(lines: Sequence[PrintedLine]) -> tuple[str, list[str]]:
    """The lines as running text, words that were broken at a line's end made whole; and each line's part."""
    text = ""
    parts: list[str] = []
    for index, line in enumerate(lines):
        part = line.text
        following = lines[index + 1].text if index + 1 < len(lines) else ""
        separator = " " if following else ""
        if following and _BROKEN_WORD.search(part) and following[:1].islower():
            part, separator = part[:-1], ""
        elif following and _CJK.match(part[-1]) and _CJK.match(following):
            separator = ""
        parts.append(part)
        text += part + separator
    return text, parts
