"""XLS and XLSB by calamine, which builds a grid of each sheet."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from ingest.errors import CorruptDocumentError, EncryptedDocumentError, LimitExceededError
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.sheets import WorkbookWriter
from ingest.parsers.xlsx import value_text

MAX_GRID = 20_000_000
"""Cells of a sheet's grid, blank ones too: one stray cell in the last row makes the grid enormous."""
_STYLES = "xl/styles.bin"


def parse_xls(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EncryptedDocumentError`, `EmptyDocumentError` or `LimitExceededError`."""
    return _parse(BytesIO(path.read_bytes()), name)


def parse_xlsb(path: Path, name: str) -> ParsedDocument:
    """Raises like `parse_xls`."""
    try:
        return _parse(BytesIO(path.read_bytes()), name)
    except BaseException as error:  # noqa: BLE001
        # calamine panics on some styles, and a panic is no Exception. Styles only tell dates from numbers.
        if type(error).__name__ != "PanicException":
            raise
    return _parse(_without_styles(path, name), name)


def _parse(file: BytesIO, name: str) -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    writer = WorkbookWriter(builder, name)
    try:
        workbook = CalamineWorkbook.from_filelike(file)
        for title in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(title)
            if sheet.total_height * sheet.total_width > MAX_GRID:
                raise LimitExceededError(f"The sheet '{title}' of '{name}' has more than {MAX_GRID:,} cells.")
            writer.add_sheet(title, _rows(sheet))
    except PasswordError as error:
        raise EncryptedDocumentError(f"'{name}' is protected by a password.") from error
    except (CalamineError, OSError, ValueError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a workbook.") from error
    return finish(builder, name=name)


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        yield [value_text(value) for value in row]


def _without_styles(path: Path, name: str) -> BytesIO:
    output = BytesIO()
    try:
        with ZipFile(path) as source, ZipFile(output, "w") as target:
            for member in source.infolist():
                if member.filename != _STYLES:
                    target.writestr(member, source.read(member))
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a workbook.") from error
    output.seek(0)
    return output
