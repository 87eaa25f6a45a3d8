"""Pictures of the pages of PDFs and pictures for the viewer. Runs in the parsing sandbox's children."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image

from ingest.errors import CorruptDocumentError
from ingest.parsers.pictures import UNREADABLE, pictures_of
from ingest.sniffing import PDF, sniff

PAGE_WIDTH_PIXELS = 1200
_MAX_HEIGHT_PIXELS = 4800


def render_page(path: Path, page: int) -> bytes:
    """Page `page` (from 1) as PNG, `PAGE_WIDTH_PIXELS` wide unless it is extremely tall.

    Raises `CorruptDocumentError` where the file or the page cannot be opened.
    """
    try:
        picture = _of_pdf(path, page) if sniff(path, path.name) == PDF else _of_picture(path, page)
    except (pypdfium2.PdfiumError, *UNREADABLE) as error:
        raise CorruptDocumentError(f"Page {page} cannot be shown.") from error
    output = BytesIO()
    picture.save(output, format="PNG")
    return output.getvalue()


def _of_pdf(path: Path, page: int) -> Image.Image:
    document = pypdfium2.PdfDocument(path)
    if not 1 <= page <= len(document):
        raise CorruptDocumentError(f"There is no page {page}.")
    sheet: Any = document[page - 1]
    return sheet.render(scale=_scale(*sheet.get_size())).to_pil()


def _of_picture(path: Path, page: int) -> Image.Image:
    _, picture = next(pictures_of(path, [page]))
    scale = _scale(*picture.size)
    width, height = round(picture.width * scale), round(picture.height * scale)
    return picture.convert("RGB").resize((max(width, 1), max(height, 1)))


def _scale(width: float, height: float) -> float:
    return min(PAGE_WIDTH_PIXELS / max(width, 1), _MAX_HEIGHT_PIXELS / max(height, 1))
