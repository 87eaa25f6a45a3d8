"""XLSX and XLSM, streamed by openpyxl."""

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from ingest.errors import CorruptDocumentError
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.sheets import WorkbookWriter


def parse_xlsx(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EmptyDocumentError` or `LimitExceededError`."""
    try:
        with path.open("rb") as file:
            # Rows are streamed and formulas give the value last computed: no grid is ever built.
            workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            return _parse(workbook, name)
    except (InvalidFileException, BadZipFile, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a workbook.") from error


def _parse(workbook: Any, name: str) -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    writer = WorkbookWriter(builder, name)
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()
        writer.add_sheet(sheet.title, _rows(sheet))
    return finish(builder, name=name, title=workbook.properties.title)


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        yield [_cell_text(cell) for cell in row]


def _cell_text(cell: Any) -> str:
    value = cell.value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and cell.number_format.endswith("%"):
        return f"{value * 100:.10g}%"
    return value_text(value)


def value_text(value: Any) -> str:
    """A cell's value as it is written: dates in ISO 8601, numbers without a needless fraction."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return f"{value:.15g}"
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value).strip()
