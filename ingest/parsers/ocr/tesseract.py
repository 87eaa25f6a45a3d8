"""A second reader for writing that the first does not know: Tesseract 5, where the system has it.

Its C library is called in this process (a confined child may not start programs). Each language is a package
of its own, `tesseract-ocr-rus` for Russian; all that are installed and strange to ocrust are tried.
"""

import ctypes
import ctypes.util
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from PIL import Image

from ingest.parsers.ocr.readings import PageReading, PrintedLine, Turn
from ingest.parsers.pdf.geometry import Word, union

_LANGUAGES = """
amh ara asm aze_cyrl bel ben bod bul chr div dzo ell fas guj heb hin hye kan kat kaz khm kir kor lao
mal mar mkd mon mya nep ori pan pus rus san sin snd srp syr tam tel tgk tha tir uig ukr urd uzb_cyrl
yid
"""
"""Of those that Tesseract has, the ones whose writing PP-OCRv6 does not know."""
_FOLDERS = (
    "/usr/share/tesseract-ocr/*/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
_WORD_LEVEL = "5"
_POINTER = ctypes.c_void_p


class Tesseract:
    def __init__(self, library: ctypes.CDLL, data: Path, languages: tuple[str, ...]) -> None:
        self._library = library
        self._data = data
        self.languages = languages

    @classmethod
    def find(cls) -> "Tesseract | None":
        """Tesseract with those of its languages that are needed; `None` where there are none."""
        name = ctypes.util.find_library("tesseract")
        if name is None:
            return None
        for pattern in _FOLDERS:
            for folder in sorted(Path("/").glob(pattern.removeprefix("/")), reverse=True):
                if languages := sorted(
                    set(_LANGUAGES.split()) & {path.stem for path in folder.glob("*.traineddata")}
                ):
                    return cls(_declared(ctypes.CDLL(name)), folder, tuple(languages))
        return None

    def read(self, picture: Image.Image, like: PageReading) -> PageReading:
        """What the surest of the languages reads on `picture`, measured as `like` measures the page."""
        scale = max(like.turn.shown_width, like.turn.shown_height) / max(picture.size)
        width, height = picture.width * scale, picture.height * scale
        turn = Turn(degrees=0.0, width=width, height=height, shown_width=width, shown_height=height)
        readings = (
            PageReading(
                number=like.number, turn=turn, lines=tuple(lines_of(self._table(picture, language), scale))
            )
            for language in self.languages
        )
        return max((one for one in readings if one.lines), key=lambda one: one.confidence, default=like)

    def _table(self, picture: Image.Image, language: str) -> str:
        """Tesseract's own table of what stands where; empty where the language does not load."""
        gray = picture.convert("L")
        library = self._library
        handle = library.TessBaseAPICreate()
        try:
            if library.TessBaseAPIInit3(handle, str(self._data).encode(), language.encode()):
                return ""
            library.TessBaseAPISetImage(handle, gray.tobytes(), gray.width, gray.height, 1, gray.width)
            text = library.TessBaseAPIGetTsvText(handle, 0)
            table = ctypes.string_at(text).decode("utf-8", "replace") if text else ""
            library.TessDeleteText(text)
        finally:
            library.TessBaseAPIDelete(handle)
        return table


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Pointers are wider than the integers that ctypes supposes."""
    number = ctypes.c_int
    library.TessBaseAPICreate.restype = _POINTER
    library.TessBaseAPIInit3.argtypes = [_POINTER, ctypes.c_char_p, ctypes.c_char_p]
    library.TessBaseAPISetImage.argtypes = [_POINTER, ctypes.c_char_p, number, number, number, number]
    library.TessBaseAPIGetTsvText.argtypes = [_POINTER, number]
    library.TessBaseAPIGetTsvText.restype = _POINTER
    library.TessDeleteText.argtypes = [_POINTER]
    library.TessBaseAPIDelete.argtypes = [_POINTER]
    return library


def lines_of(table: str, scale: float) -> Iterator[PrintedLine]:
    """The lines of Tesseract's table (TSV), their boxes times `scale`."""
    rows = [row.split("\t") for row in table.splitlines()]
    words = [row for row in rows if len(row) == 12 and row[0] == _WORD_LEVEL and row[11].strip()]
    for _, line in groupby(words, key=lambda row: row[1:5]):
        found = list(line)
        placed = [_word(row, scale) for row in found]
        rect = union(placed)
        yield PrintedLine(
            x0=rect.x0,
            y0=rect.y0,
            x1=rect.x1,
            y1=rect.y1,
            text=" ".join(word.text for word in placed),
            words=tuple(placed),
            confidence=sum(float(row[10]) for row in found) / len(found) / 100,
        )


def _word(row: list[str], scale: float) -> Word:
    left, top, width, height = (float(number) * scale for number in row[6:10])
    return Word(x0=left, y0=top, x1=left + width, y1=top + height, text=row[11].strip())
