"""XLSB: the binary form of an Excel workbook ([MS-XLSB]), streamed record by record."""

import posixpath
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.packages import Package, local_name, open_package
from ingest.parsers.sheets import WorkbookWriter
from ingest.parsers.xlsx import value_text
from ingest.sniffing import KINDS, XLSB

_WORKBOOK, _WORKBOOK_LINKS = "xl/workbook.bin", "xl/_rels/workbook.bin.rels"
_STRINGS, _STYLES = "xl/sharedStrings.bin", "xl/styles.bin"
_SHEET, _SHARED_STRING, _FORMAT, _CELL_FORMATS, _CELL_FORMAT = 156, 19, 44, 617, 47
_ROW, _RK, _ERROR, _BOOL, _REAL, _TEXT, _SHARED = 0, 2, 3, 4, 5, 6, 7
_FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOL = 8, 9, 10
_DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_LAST_COLUMN = 16_383
_FIRST_DATE = datetime(1899, 12, 30)
"""Day 0 of Excel's calendar, which has no time zone."""


def parse_xlsb(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EmptyDocumentError` or `LimitExceededError`."""
    with open_package(path, name, KINDS[XLSB]) as package:
        builder = ParsedDocumentBuilder()
        writer = WorkbookWriter(builder, name)
        try:
            workbook = _Workbook(package)
            for title, part in workbook.sheets():
                writer.add_sheet(title, workbook.rows(part))
        except (struct.error, IndexError, ValueError) as error:
            raise package.damaged() from error
        return finish(builder, name=name)


@dataclass(slots=True, init=False)
class _Workbook:
    package: Package
    strings: list[str]
    dates: frozenset[int]
    """Cell formats that show a number as a date or time."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.strings = []
        if _STRINGS in package:
            records = _records(package.read(_STRINGS))
            self.strings = [_text(data, 1) for kind, data in records if kind == _SHARED_STRING]
        self.dates = frozenset(_date_formats(package.read(_STYLES)) if _STYLES in package else ())

    def sheets(self) -> Iterator[tuple[str, str]]:
        """Title and part of each worksheet."""
        links = {
            link.get("Id"): posixpath.normpath(posixpath.join("xl", link.get("Target", "").lstrip("/")))
            for link in self.package.xml(_WORKBOOK_LINKS)
            if local_name(link) == "Relationship"
        }
        for kind, data in _records(self.package.read(_WORKBOOK)):
            # Betas of Excel 2007 wrote four bytes more before the link.
            for at in (8, 12) if kind == _SHEET else ():
                link = _text(data, at)
                if (part := links.get(link, "")) in self.package:
                    yield _text(data, at + 4 + 2 * len(link)), part
                    break

    def rows(self, part: str) -> Iterator[list[str]]:
        """Rows with content, and one blank row for any number of them."""
        cells: list[str] = []
        last = 0
        for kind, data in _records(self.package.read(part)):
            if kind == _ROW:
                yield cells
                (number,) = struct.unpack_from("<I", data)
                if number > last + 1:
                    yield []
                last, cells = number, []
            elif _RK <= kind <= _FORMULA_BOOL:
                (column,) = struct.unpack_from("<I", data)
                if column <= _LAST_COLUMN:
                    cells += [""] * (column - len(cells))
                    cells.append(self._cell(kind, data))
        yield cells

    def _cell(self, kind: int, data: bytes) -> str:
        style = int.from_bytes(data[4:7], "little")
        match kind:
            case _ if kind == _RK:
                return self._number(_rk(data), style)
            case _ if kind in (_REAL, _FORMULA_NUMBER):
                return self._number(struct.unpack_from("<d", data, 8)[0], style)
            case _ if kind in (_BOOL, _FORMULA_BOOL):
                return value_text(bool(data[8]))
            case _ if kind in (_TEXT, _FORMULA_TEXT):
                return value_text(_text(data, 8))
            case _ if kind == _SHARED:
                return value_text(self.strings[struct.unpack_from("<I", data, 8)[0]])
            case _:
                return ""

    def _number(self, number: float, style: int) -> str:
        if style not in self.dates:
            return value_text(number)
        try:
            moment = _FIRST_DATE + timedelta(seconds=round(number * 86_400))
        except OverflowError:
            return value_text(number)
        return value_text(moment.time() if moment.date() == date(1899, 12, 30) else moment)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Record types and contents; both type and length are written seven bits a byte."""
    at = 0
    while at < len(data):
        kind = data[at]
        at += 1
        if kind & 0x80:
            kind = kind & 0x7F | (data[at] & 0x7F) << 7
            at += 1
        length = shift = 0
        while True:
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 21:
                break
        yield kind, data[at : at + length]
        at += length


def _text(data: bytes, at: int) -> str:
    (length,) = struct.unpack_from("<I", data, at)
    return data[at + 4 : at + 4 + 2 * length].decode("utf-16-le", "replace")


def _rk(data: bytes) -> float:
    """A number in four bytes: an integer or the upper half of a double, either perhaps times 100."""
    (packed,) = struct.unpack_from("<i", data, 8)
    number = (
        packed >> 2 if packed & 2 else struct.unpack("<d", struct.pack("<Q", (packed & 0xFFFFFFFC) << 32))[0]
    )
    return number / 100 if packed & 1 else number


def _date_formats(data: bytes) -> Iterator[int]:
    own: dict[int, str] = {}
    number = -1
    for kind, content in _records(data):
        if kind == _FORMAT:
            own[int.from_bytes(content[:2], "little")] = _text(content, 2)
        elif kind == _CELL_FORMATS:
            number = 0
        elif kind == _CELL_FORMAT and number >= 0:
            shown = int.from_bytes(content[2:4], "little")
            if shown in _DATE_FORMATS or _is_date(own.get(shown, "")):
                yield number
            number += 1


def _is_date(number_format: str) -> bool:
    bare = number_format.lower().split('"')[::2]
    return any(letter in part for part in bare for letter in ("yy", "dd", "mmm", "h:", "ss"))
