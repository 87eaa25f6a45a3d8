"""Writes a PDF with running header and footer; the same source gives the same bytes."""

from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
)
from reportlab.platypus import PageBreak as NewPage
from reportlab.platypus import Paragraph as PrintedParagraph
from reportlab.platypus import Table as PrintedTable
from written_source import Heading, ListItem, PageBreak, Paragraph, Part, Table, WrittenSource

MARGIN = 22 * mm
INK = HexColor("#1c2430")
ACCENT = HexColor("#1f5f74")
RULE = HexColor("#b9c4cc")
SHADE = HexColor("#e9f0f3")

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10.5, leading=15, spaceAfter=7, textColor=INK)
ITEM = ParagraphStyle("item", parent=BODY, leftIndent=16, bulletIndent=3, spaceAfter=3)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=9.5, leading=12.5, spaceAfter=0)
HEADER_CELL = ParagraphStyle("header-cell", parent=CELL, fontName="Helvetica-Bold")
HEADINGS = {
    1: ParagraphStyle(
        "h1",
        parent=BODY,
        fontName="Helvetica-Bold",
        fontSize=20,
        leading=25,
        spaceAfter=12,
        textColor=ACCENT,
    ),
    2: ParagraphStyle(
        "h2",
        parent=BODY,
        fontName="Helvetica-Bold",
        fontSize=13.5,
        leading=18,
        spaceBefore=9,
        spaceAfter=5,
        textColor=ACCENT,
        keepWithNext=1,
    ),
    3: ParagraphStyle(
        "h3",
        parent=BODY,
        fontName="Helvetica-Bold",
        fontSize=11,
        spaceBefore=4,
        spaceAfter=3,
        keepWithNext=1,
    ),
}


def write_pdf(source: WrittenSource, path: Path) -> None:
    """Uses the PDF base fonts, so the text must stay within Windows-1252."""
    width, height = A4
    frame = Frame(MARGIN, MARGIN, width - 2 * MARGIN, height - 2 * MARGIN, id="body", showBoundary=0)

    def draw_margins(canvas: Canvas, _document: BaseDocTemplate) -> None:
        _draw_margins(canvas, source)

    document = BaseDocTemplate(
        str(path),
        pagesize=A4,
        title=source.title,
        author=source.author,
        lang=source.language,
        # Fixed creation date and file identifier instead of the time of the run.
        invariant=1,
    )
    document.addPageTemplates(PageTemplate(id="page", frames=[frame], onPage=draw_margins))
    document.build([_flowable(part, frame.width) for part in source.parts])


def _draw_margins(canvas: Canvas, source: WrittenSource) -> None:
    width, height = A4
    canvas.saveState()
    canvas.setFont("Helvetica", 8.5)
    canvas.setFillColor(INK)
    canvas.setStrokeColor(RULE)
    canvas.drawString(MARGIN, height - 13 * mm, source.header)
    canvas.line(MARGIN, height - 15.5 * mm, width - MARGIN, height - 15.5 * mm)
    canvas.drawString(MARGIN, 11 * mm, source.footer)
    canvas.drawRightString(width - MARGIN, 11 * mm, f"Page {canvas.getPageNumber()}")
    canvas.restoreState()


def _flowable(part: Part, width: float) -> Flowable:
    match part:
        case Heading():
            return PrintedParagraph(escape(part.text), HEADINGS[part.level])
        case Paragraph():
            return PrintedParagraph(escape(part.text), BODY)
        case ListItem():
            mark = "•" if part.number is None else f"{part.number}."
            return PrintedParagraph(escape(part.text), ITEM, bulletText=mark)
        case Table():
            return _table(part, width)
        case PageBreak():
            return NewPage()


def _table(table: Table, width: float) -> Flowable:
    header, *body = table.rows
    cells = [[PrintedParagraph(escape(text), HEADER_CELL) for text in header]]
    cells += [[PrintedParagraph(escape(text), CELL) for text in row] for row in body]
    printed = PrintedTable(
        cells,
        colWidths=_column_widths(table, width),
        repeatRows=1,
        spaceBefore=4,
        spaceAfter=10,
        style=[
            ("GRID", (0, 0), (-1, -1), 0.6, RULE),
            ("BACKGROUND", (0, 0), (-1, 0), SHADE),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ],
    )
    return KeepTogether([printed])


def _column_widths(table: Table, width: float) -> list[float]:
    """In proportion to the longest cell of each column, within limits so that none gets too narrow."""
    longest = [min(max(len(cell) for cell in column), 45) for column in zip(*table.rows, strict=True)]
    weights = [max(length, 9) for length in longest]
    return [width * weight / sum(weights) for weight in weights]
