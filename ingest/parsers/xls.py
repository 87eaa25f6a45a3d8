"""XLS by calamine, which builds a grid of each sheet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from ingest.errors import CorruptDocumentError, EncryptedDocumentError, LimitExceededError
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.sheets import WorkbookWriter
from ingest.parsers.xlsx import value_text

_workbooks: Any = CalamineWorkbook

MAX_GRID = 20_000_000
"""Cells of a sheet's grid, blank ones too: one stray cell in the last row makes the grid enormous."""


def parse_xls(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EncryptedDocumentError`, `EmptyDocumentError`, `LimitExceededError`."""
    builder = ParsedDocumentBuilder()
    writer = WorkbookWriter(builder, name)
    damaged = CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a workbook.")
    try:
        workbook = _workbooks.from_path(str(path))
        for title in workbook.sheet_names:
            writer.add_sheet(title, _rows(workbook.get_sheet_by_name(title), name))
    except PasswordError as error:
        raise EncryptedDocumentError(f"'{name}' is protected by a password.") from error
    except (CalamineError, OSError, ValueError) as error:
        raise damaged from error
    except BaseException as error:
        # calamine panics at some damage, and a panic is no Exception.
        if type(error).__name__ == "PanicException":
            raise damaged from error
        raise
    return finish(builder, name=name)


def _rows(sheet: Any, name: str) -> Iterator[list[str]]:
    if sheet.total_height * sheet.total_width > MAX_GRID:
        raise LimitExceededError(f"The sheet '{sheet.name}' of '{name}' has more than {MAX_GRID:,} cells.")
    for row in sheet.iter_rows():
        yield [value_text(value) for value in row]
