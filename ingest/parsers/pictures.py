"""Pictures of text: PNG, JPEG, TIFF with any number of pages, WebP, GIF, BMP."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ingest.errors import (
    CorruptDocumentError,
    LimitExceededError,
    NothingRecognizedError,
    RecognitionMissingError,
)
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.ocr.engine import is_installed
from ingest.parsers.ocr.pages import add_read_page, reading_warnings
from ingest.parsers.ocr.readings import PageReading

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
MAX_PIXELS = 120_000_000
MAX_PAGES = 2000
UNREADABLE = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises for files that are not what they say."""

_SMOOTH = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})

# Pillow would only warn up to a certain size; `_page_count` decides.
Image.MAX_IMAGE_PIXELS = None
# Loads all formats now: a child may not, once it is confined.
Image.init()


def parse_picture(path: Path, name: str, readings: Mapping[int, PageReading] | None) -> ParsedDocument:
    """The text that recognition read, or, without `readings`, which pages wait to be read.

    Raises `CorruptDocumentError`, `RecognitionMissingError`, `LimitExceededError` above `MAX_PIXELS`, and
    `NothingRecognizedError`.
    """
    pages = _page_count(path, name)
    builder = ParsedDocumentBuilder()
    if readings is None and not is_installed():
        raise RecognitionMissingError(f"'{name}' is a picture; nothing is installed that reads it.")
    if readings is None:
        return builder.build(title="", language="", pages=pages, unread=range(1, pages + 1))
    for reading in readings.values():
        add_read_page(builder, reading)
    if not builder.has_text:
        raise NothingRecognizedError(f"In the picture '{name}' no text was recognised.")
    warnings = reading_warnings(range(1, pages + 1), readings)
    return finish(builder, name=name, pages=pages, warnings=warnings, heading_as_title=True)


def pictures_of(
    path: Path, pages: Sequence[int], *, longest_side: int | None = None
) -> Iterator[tuple[int, Image.Image]]:
    """Each of the pages (from 1) as it is shown, shrunk where a side has more pixels than `longest_side`.

    Of a large page only the shrunk one is in memory while the caller works on it.
    """
    for number in pages:
        with Image.open(path, formats=FORMATS) as picture:
            picture.seek(number - 1)
            page = _shrunk(picture, longest_side) if longest_side else picture
            shown = ImageOps.exif_transpose(page)
        del picture, page
        yield number, shown


def _shrunk(picture: Image.Image, longest_side: int) -> Image.Image:
    # A JPEG is decoded at a half or a quarter of its size where that is enough.
    picture.draft(None, _fitting(picture.size, longest_side))
    picture.load()  # which turns some TIFF files
    if max(picture.size) <= longest_side:
        return picture
    size = _fitting(picture.size, longest_side)
    shrunk = _with_smooth_pixels(picture).resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    shrunk.getexif()[ExifTags.Base.Orientation] = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return shrunk


def _fitting(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    scale = min(1.0, longest_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _with_smooth_pixels(picture: Image.Image) -> Image.Image:
    """`picture` in a mode whose pixels can be averaged."""
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode in ("P", "PA") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture if picture.mode in _SMOOTH else picture.convert("RGB")


def _page_count(path: Path, name: str) -> int:
    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                size = f"{picture.width:,} x {picture.height:,}"
                raise LimitExceededError(f"'{name}' has {size} pixels; {MAX_PIXELS:,} is the most.")
            frames: int = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
            picture.load()
    except UNREADABLE as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a picture.") from error
    if frames > MAX_PAGES:
        raise LimitExceededError(f"'{name}' has {frames:,} pages; {MAX_PAGES:,} is the most.")
    return frames
