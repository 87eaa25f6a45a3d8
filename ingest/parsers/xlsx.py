"""XLSX: a sheet is a section, and each run of rows between blank rows a table."""

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from ingest.errors import CorruptDocumentError, LimitExceededError
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish

MAX_CELLS = 2_000_000
"""Cells with content in one workbook."""
MAX_BLANK_ROWS = 100_000
"""A sheet that goes on blank for longer than this is over."""


def parse_xlsx(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EmptyDocumentError`, or `LimitExceededError` above `MAX_CELLS`."""
    try:
        with path.open("rb") as file:
            # Rows are streamed and formulas give the value last computed: no grid is ever built.
            workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            return _parse(workbook, name)
    except (InvalidFileException, BadZipFile, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a workbook.") from error


def _parse(workbook: Any, name: str) -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    cells = 0
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()
        headed = False
        for rows in _tables(sheet):
            cells += sum(1 for row in rows for cell in row if cell)
            if cells > MAX_CELLS:
                raise LimitExceededError(f"'{name}' has more than {MAX_CELLS:,} cells.")
            if not headed:
                builder.heading(sheet.title, 1)
                headed = True
            builder.table(rows)
    return finish(builder, name=name, title=workbook.properties.title)


def _tables(sheet: Any) -> Iterator[list[list[str]]]:
    rows: list[list[str]] = []
    blank = 0
    for row in sheet.iter_rows():
        texts = [_cell_text(cell) for cell in row]
        if any(texts):
            rows.append(texts)
            blank = 0
            continue
        blank += 1
        if rows:
            yield _without_blank_columns(rows)
            rows = []
        if blank > MAX_BLANK_ROWS:
            return
    if rows:
        yield _without_blank_columns(rows)


def _without_blank_columns(rows: list[list[str]]) -> list[list[str]]:
    used = sorted({index for row in rows for index, cell in enumerate(row) if cell})
    return [[row[index] if index < len(row) else "" for index in used] for row in rows]


def _cell_text(cell: Any) -> str:
    value = cell.value
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case float() | int():
            if cell.number_format.endswith("%"):
                return f"{value * 100:.10g}%"
            return f"{value:.15g}" if isinstance(value, float) else str(value)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value).strip()
