"""PDF: liteparse's layout with our table repair, PDFium's plain lines where it fails, recognised pictures."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import pypdfium2
from liteparse.parser import LiteParse
from liteparse.types import ParsedPage, ParseError, ParseResult
from PIL import Image

from ingest.errors import (
    CorruptDocumentError,
    EncryptedDocumentError,
    LimitExceededError,
    NothingRecognizedError,
    RecognitionMissingError,
)
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.ocr.engine import is_installed
from ingest.parsers.ocr.pages import (
    SURE_LINE,
    UNSURE_LINE,
    add_read_page,
    page_warning,
    reading_warnings,
)
from ingest.parsers.ocr.readings import PageReading
from ingest.parsers.pdf.furniture import find_furniture
from ingest.parsers.pdf.page_blocks import add_page, page_words
from ingest.parsers.pdf.pictured import has_no_text, may_need_ocr, pages_in_pictures, picture_for_reading
from ingest.parsers.pdf.plain_lines import add_plain_page

MAX_PAGES = 5000
_PASSWORD_ERROR = 4
"""FPDF_ERR_PASSWORD"""
_MAY_COPY = 1 << 4
"""Bit 5 of the user access permissions, ISO 32000-1 table 22."""
_MISREAD_SHARE = 0.4
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_NO_TITLE = re.compile(
    r"^(microsoft (word|powerpoint|excel)\b.*|untitled.*|document\d*|.*\.\w{2,5}|\W*|slide \d+|\(.*\))$",
    re.IGNORECASE,
)


def parse_pdf(path: Path, name: str, readings: Mapping[int, PageReading] | None = None) -> ParsedDocument:
    """The text layer with layout and boxes, and what recognition read on pages that are pictures.

    Without `readings` the result names the pages that wait for them. Raises `EncryptedDocumentError`,
    `CorruptDocumentError`, `EmptyDocumentError`, `LimitExceededError` above `MAX_PAGES`, and, where all
    pages are pictures, `RecognitionMissingError` or `NothingRecognizedError`.
    """
    document = _open(path, name)
    pages = len(document)
    if pages > MAX_PAGES:
        raise LimitExceededError(f"'{name}' has {pages:,} pages; {MAX_PAGES:,} is the most.")
    builder = ParsedDocumentBuilder()
    layout = _layout(path)
    suspects = _look_closer(path, layout)
    unread = pages_in_pictures(document, suspects)
    if layout:
        replaced = {page.page_num for page in suspects if has_no_text(page)}.intersection(readings or ())
        warnings = _add_pages(builder, document, layout, readings or {}, replaced)
    else:
        warnings = _add_plain_pages(builder, document)
    if not pypdfium2.raw.FPDF_GetDocUserPermissions(document) & _MAY_COPY:
        warnings.append("The owner of this PDF forbids copying its text; answers quote it all the same.")
    if unread and readings is None and is_installed():
        return builder.build(title="", language="", pages=pages, warnings=warnings, unread=unread)
    if unread and readings is None:
        if not builder.has_text:
            raise RecognitionMissingError(f"'{name}' looks scanned: its pages are pictures of text.")
        warnings += page_warning(unread, "pictures of text; text recognition is not installed")
    if unread and readings is not None:
        if not builder.has_text:
            raise NothingRecognizedError(
                f"The pages of '{name}' are pictures; no text was recognised in them."
            )
        without_text = [page.page_num for page in suspects if page.page_num in unread and has_no_text(page)]
        warnings += reading_warnings(without_text, readings)
    title = _own_title(document)
    return finish(
        builder,
        name=name,
        title=None if _NO_TITLE.match(title) else title,
        pages=pages,
        warnings=warnings,
        heading_as_title=True,
    )


def pictures_for_reading(path: Path, pages: Sequence[int]) -> Iterator[tuple[int, Image.Image]]:
    """Each of the pages (from 1) as a picture, without the text that is read without recognition."""
    document = pypdfium2.PdfDocument(path)
    layout = _layout(path, pages, looking_closer=True)
    for page in layout.pages if layout else ():
        yield page.page_num, picture_for_reading(document, page)


def _open(path: Path, name: str) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR:
            raise EncryptedDocumentError(f"'{name}' is protected by a password.") from error
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a PDF.") from error
    if not len(document):
        raise CorruptDocumentError(f"'{name}' is damaged: it has no readable pages.")
    return document


def _own_title(document: pypdfium2.PdfDocument) -> str:
    untyped: Any = document
    return untyped.get_metadata_value("Title").strip()


def _add_pages(
    builder: ParsedDocumentBuilder,
    document: pypdfium2.PdfDocument,
    layout: ParseResult,
    readings: Mapping[int, PageReading],
    replaced: Set[int],
) -> list[str]:
    """Adds all pages; returns warnings about those that could not be read.

    Of the pages `replaced`, which have next to no text of their own, only the reading is added.
    """
    words = [page_words(page) for page in layout.pages]
    furniture = find_furniture(words)
    for page, its_words in zip(layout.pages, words, strict=True):
        reading = readings.get(page.page_num)
        if page.page_num not in replaced:
            if _is_misread(page):
                add_plain_page(builder, document, page.page_num)
            else:
                add_page(builder, page, its_words, furniture.get(page.page_num, ()))
        if reading is not None:
            is_whole = page.page_num in replaced
            add_read_page(builder, reading, least_confidence=UNSURE_LINE if is_whole else SURE_LINE)
    return page_warning([error.page_num for error in layout.page_errors], "could not be read")


def _look_closer(path: Path, layout: ParseResult | None) -> list[ParsedPage]:
    """The pages that may be pictures, with what liteparse says about them."""
    numbers = [page.page_num for page in layout.pages if may_need_ocr(page)] if layout else []
    closer = _layout(path, numbers, looking_closer=True) if numbers else None
    return closer.pages if closer else []


def _layout(path: Path, pages: Sequence[int] = (), *, looking_closer: bool = False) -> ParseResult | None:
    """All pages, or those named; `None` where liteparse cannot read the file."""
    engine = LiteParse(
        ocr_enabled=False,
        quiet=True,
        max_pages=MAX_PAGES,
        target_pages=",".join(str(page) for page in pages) or None,
        num_workers=1,
        continue_on_page_error=True,
        output_format="markdown",
        extract_blocks=True,
        emit_word_boxes=True,
        extract_links=False,
        keep_headers_footers=True,
        include_complexity=looking_closer,
    )
    try:
        return engine.parse(path)
    except ParseError:
        return None


def _add_plain_pages(builder: ParsedDocumentBuilder, document: pypdfium2.PdfDocument) -> list[str]:
    failed: list[int] = []
    for number in range(1, len(document) + 1):
        try:
            add_plain_page(builder, document, number)
        except pypdfium2.PdfiumError:
            failed.append(number)
    return page_warning(failed, "could not be read")


def _is_misread(page: ParsedPage) -> bool:
    """liteparse drops text that stands at an angle, and letters of Arabic ligatures; PDFium does not."""
    total = sum(len(item.text) for item in page.text_items)
    rotated = sum(len(item.text) for item in page.text_items if abs(item.rotation) >= 1)
    right_to_left = sum(len(_RIGHT_TO_LEFT.findall(item.text)) for item in page.text_items)
    return max(rotated, right_to_left) > _MISREAD_SHARE * total
