"""Pictures of PDF pages for the viewer. Runs in the parsing sandbox's children."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2

from ingest.errors import CorruptDocumentError

PAGE_WIDTH_PIXELS = 1200
_MAX_HEIGHT_PIXELS = 4800


def render_page(path: Path, page: int) -> bytes:
    """Page `page` (from 1) as PNG, `PAGE_WIDTH_PIXELS` wide unless it is extremely tall.

    Raises `CorruptDocumentError` where the file or the page cannot be opened.
    """
    try:
        document = pypdfium2.PdfDocument(path)
        if not 1 <= page <= len(document):
            raise CorruptDocumentError(f"There is no page {page}.")
        sheet: Any = document[page - 1]
        width, height = sheet.get_size()
        scale = min(PAGE_WIDTH_PIXELS / max(width, 1), _MAX_HEIGHT_PIXELS / max(height, 1))
        picture = sheet.render(scale=scale).to_pil()
    except pypdfium2.PdfiumError as error:
        raise CorruptDocumentError(f"Page {page} cannot be shown.") from error
    output = BytesIO()
    picture.save(output, format="PNG")
    return output.getvalue()
