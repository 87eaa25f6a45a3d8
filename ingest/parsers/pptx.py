"""PPTX: a slide is a page; its title is a heading; speaker notes are text too."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from pptx import Presentation
from pptx.exc import PackageNotFoundError
from pptx.oxml.ns import qn

from ingest.errors import CorruptDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish

_CHART_TITLE = qn("c:title")
_SERIES = qn("c:ser")
_NAME = qn("c:tx")
_CATEGORIES, _X_VALUES = qn("c:cat"), qn("c:xVal")
_VALUES, _Y_VALUES = qn("c:val"), qn("c:yVal")
_VALUE = qn("c:v")
_TEXT = qn("a:t")
_PARAGRAPH = qn("a:p")
_BREAK = qn("a:br")


def parse_pptx(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError` or `EmptyDocumentError`."""
    try:
        return _parse(path, name)  # lxml's XMLSyntaxError is a SyntaxError
    except (PackageNotFoundError, BadZipFile, SyntaxError, KeyError, ValueError, AttributeError) as error:
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
    # The XML is read because python-pptx knows only some kinds of chart.
    space = chart._chartSpace
    for title in space.iter(_CHART_TITLE):
        builder.block(BlockKind.CAPTION, _paragraph_text(title), page=page)
    series = list(space.iter(_SERIES))
    if series:
        columns = [["", *_values(series[0], _CATEGORIES, _X_VALUES)]]
        columns += [[" ".join(_values(one, _NAME)), *_values(one, _VALUES, _Y_VALUES)] for one in series]
        builder.table(list(zip_longest(*columns, fillvalue="")), page=page)


def _values(series: Any, *tags: str) -> list[str]:
    return [value.text or "" for tag in tags for child in series.iter(tag) for value in child.iter(_VALUE)]


def _add_notes(builder: ParsedDocumentBuilder, slide: Any, page: int) -> None:
    frame = slide.notes_slide.notes_text_frame
    notes = frame.text.replace("\v", "\n").strip() if frame is not None else ""
    if notes:
        builder.block(BlockKind.PARAGRAPH, f"Speaker notes: {notes}", page=page)


def _paragraph_text(element: Any) -> str:
    return "".join("\n" if inner.tag == _BREAK else inner.text or "" for inner in element.iter(_TEXT, _BREAK))
