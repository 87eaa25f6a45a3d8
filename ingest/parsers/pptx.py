"""PPTX: a slide is a page; its title is a heading; speaker notes are text too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from lxml.etree import XMLSyntaxError
from pptx import Presentation
from pptx.exc import PackageNotFoundError
from pptx.oxml.ns import qn

from ingest.errors import CorruptDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish

_TEXT = qn("a:t")
_PARAGRAPH = qn("a:p")
_BREAK = qn("a:br")


def parse_pptx(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError` or `EmptyDocumentError`."""
    try:
        return _parse(path, name)
    except (PackageNotFoundError, BadZipFile, XMLSyntaxError, KeyError, ValueError, AttributeError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a presentation.") from error


def _parse(path: Path, name: str) -> ParsedDocument:
    presentation: Any = Presentation(str(path))
    builder = ParsedDocumentBuilder()
    first_title: str | None = None
    slides = list(presentation.slides)
    for number, slide in enumerate(slides, start=1):
        title = slide.shapes.title
        title_text = " ".join(_paragraph_text(title._element).split()) if title is not None else ""
        builder.heading(title_text or f"Slide {number}", 1, page=number)
        first_title = first_title or title_text or None
        for shape in _shapes(slide.shapes):
            if title is None or shape.shape_id != title.shape_id:
                _add_shape(builder, shape, number)
        if slide.has_notes_slide:
            _add_notes(builder, slide, number)
    own_title = presentation.core_properties.title
    if own_title in (None, "", "PowerPoint Presentation"):
        own_title = first_title
    return finish(builder, name=name, title=own_title, pages=len(slides))


def _shapes(shapes: Any) -> Iterator[Any]:
    """All shapes, those in groups too, in the order in which they were drawn."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _add_shape(builder: ParsedDocumentBuilder, shape: Any, page: int) -> None:
    if getattr(shape, "has_table", False):
        builder.table([[cell.text for cell in row.cells] for row in shape.table.rows], page=page)
        return
    if getattr(shape, "has_chart", False):
        _add_chart(builder, shape.chart, page)
        return
    kind = BlockKind.LIST_ITEM if shape.is_placeholder else BlockKind.PARAGRAPH
    for paragraph in shape._element.iter(_PARAGRAPH):
        builder.block(kind, _paragraph_text(paragraph), page=page)


def _add_chart(builder: ParsedDocumentBuilder, chart: Any, page: int) -> None:
    """A chart's numbers as a table: one row per category, one column per series."""
    if chart.has_title and chart.chart_title.has_text_frame:
        builder.block(BlockKind.CAPTION, chart.chart_title.text_frame.text, page=page)
    for plot in chart.plots:
        series = list(plot.series)
        rows = [["", *(str(one.name) for one in series)]]
        for index, category in enumerate(plot.categories):
            values = (one.values[index] if index < len(one.values) else None for one in series)
            rows.append([str(category), *("" if value is None else f"{value:.15g}" for value in values)])
        builder.table(rows, page=page)


def _add_notes(builder: ParsedDocumentBuilder, slide: Any, page: int) -> None:
    frame = slide.notes_slide.notes_text_frame
    notes = frame.text.replace("\v", "\n").strip() if frame is not None else ""
    if notes:
        builder.block(BlockKind.PARAGRAPH, f"Speaker notes: {notes}", page=page)


def _paragraph_text(element: Any) -> str:
    parts: list[str] = []
    for inner in element.iter(_TEXT, _BREAK):
        parts.append("\n" if inner.tag == _BREAK else inner.text or "")
    return "".join(parts)
