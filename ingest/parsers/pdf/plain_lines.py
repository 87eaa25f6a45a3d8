"""The second PDF engine: PDFium's own lines with their boxes, for what liteparse cannot read."""

from dataclasses import dataclass
from typing import Any

import pypdfium2

from corpus.documents import Box
from ingest.parsed import BlockKind, ParsedDocumentBuilder
from ingest.parsers.pdf.geometry import PageSize, Rect, union

_PARAGRAPH_GAP = 0.8
"""A gap above this share of the line height starts a new paragraph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """From the file's coordinates (origin bottom left of the crop box) to those of the displayed page."""

    left: float
    bottom: float
    width: float
    height: float
    degrees: int

    @classmethod
    def of(cls, page: Any) -> "_Turn":
        left, bottom, right, top = page.get_cropbox()
        return cls(
            left=left, bottom=bottom, width=right - left, height=top - bottom, degrees=page.get_rotation()
        )

    def displayed(self, left: float, bottom: float, right: float, top: float) -> Rect:
        corners = [self._point(left, bottom), self._point(right, top)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return Rect(x0=min(xs), y0=min(ys), x1=max(xs), y1=max(ys))

    def _point(self, x: float, y: float) -> tuple[float, float]:
        x, y = x - self.left, y - self.bottom
        match self.degrees:
            case 90:
                return y, x
            case 180:
                return self.width - x, y
            case 270:
                return self.height - y, self.width - x
            case _:
                return x, self.height - y


def add_plain_page(builder: ParsedDocumentBuilder, document: pypdfium2.PdfDocument, number: int) -> None:
    """Adds the paragraphs of page `number` (from 1) in the order in which the file draws them."""
    page: Any = document[number - 1]
    width, height = page.get_size()
    size = PageSize(number=number, width=width, height=height)
    text_page = page.get_textpage()
    paragraph: list[tuple[str, Rect]] = []
    for text, rect in _lines(text_page, _Turn.of(page)):
        if paragraph and rect.y0 - paragraph[-1][1].y1 > _PARAGRAPH_GAP * rect.height:
            _add(builder, paragraph, size)
            paragraph = []
        paragraph.append((text, rect))
    _add(builder, paragraph, size)
    text_page.close()
    page.close()


def _lines(text_page: Any, turn: _Turn) -> list[tuple[str, Rect]]:
    lines: list[tuple[str, Rect]] = []
    text: str = text_page.get_text_range()
    position = 0
    for line in text.splitlines(keepends=True):
        rects: list[Rect] = []
        for index in range(position, position + len(line.rstrip())):
            left, bottom, right, top = text_page.get_charbox(index)
            if right > left and top > bottom:
                rects.append(turn.displayed(left, bottom, right, top))
        position += len(line)
        if line.strip() and rects:
            lines.append((" ".join(line.split()), union(rects)))
    return lines


def _add(builder: ParsedDocumentBuilder, lines: list[tuple[str, Rect]], size: PageSize) -> None:
    text = "\n".join(line for line, _ in lines)
    boxes: list[tuple[str, Box]] = [(line, size.box(rect)) for line, rect in lines]
    builder.block(BlockKind.PARAGRAPH, text, page=size.number, lines=boxes)
