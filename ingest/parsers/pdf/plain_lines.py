"""The second PDF engine: PDFium's own lines with their boxes, for files that liteparse cannot read."""

from typing import Any

import pypdfium2

from corpus.documents import Box
from ingest.parsed import BlockKind, ParsedDocumentBuilder
from ingest.parsers.pdf.geometry import PageSize, Rect, union

_PARAGRAPH_GAP = 0.8
"""A gap above this share of the line height starts a new paragraph."""


def add_plain_page(builder: ParsedDocumentBuilder, document: pypdfium2.PdfDocument, number: int) -> None:
    """Adds the paragraphs of page `number` (from 1) in the order in which the file draws them."""
    page: Any = document[number - 1]
    width, height = page.get_size()
    size = PageSize(number=number, width=width, height=height)
    text_page = page.get_textpage()
    paragraph: list[tuple[str, Rect]] = []
    for text, rect in _lines(text_page, height):
        if paragraph and rect.y0 - paragraph[-1][1].y1 > _PARAGRAPH_GAP * rect.height:
            _add(builder, paragraph, size)
            paragraph = []
        paragraph.append((text, rect))
    _add(builder, paragraph, size)
    text_page.close()
    page.close()


def _lines(text_page: Any, page_height: float) -> list[tuple[str, Rect]]:
    lines: list[tuple[str, Rect]] = []
    text: str = text_page.get_text_range()
    position = 0
    for line in text.splitlines(keepends=True):
        rects: list[Rect] = []
        for index in range(position, position + len(line.rstrip())):
            left, bottom, right, top = text_page.get_charbox(index)
            if right > left and top > bottom:
                rects.append(Rect(x0=left, y0=page_height - top, x1=right, y1=page_height - bottom))
        position += len(line)
        if line.strip() and rects:
            lines.append((" ".join(line.split()), union(rects)))
    return lines


def _add(builder: ParsedDocumentBuilder, lines: list[tuple[str, Rect]], size: PageSize) -> None:
    text = "\n".join(line for line, _ in lines)
    boxes: list[tuple[str, Box]] = [(line, size.box(rect)) for line, rect in lines]
    builder.block(BlockKind.PARAGRAPH, text, page=size.number, lines=boxes)
