"""Spreadsheets of every kind: a sheet is a section, and each run of rows between blank rows a table."""

from collections.abc import Iterable

from ingest.errors import LimitExceededError
from ingest.parsed import ParsedDocumentBuilder

MAX_CELLS = 2_000_000
"""Cells with content in one workbook."""
MAX_BLANK_ROWS = 100_000
"""A sheet that goes on blank for longer than this is over."""


class WorkbookWriter:
    """Adds the sheets of one workbook to a document, as they are streamed, within one budget of cells."""

    def __init__(self, builder: ParsedDocumentBuilder, name: str) -> None:
        self._builder = builder
        self._name = name
        self._cells = 0

    def add_sheet(self, title: str, rows: Iterable[list[str]]) -> None:
        """Adds a sheet under its title, if it holds anything.

        Raises `LimitExceededError` above `MAX_CELLS` in the workbook.
        """
        headed = False
        table: list[list[str]] = []
        blank = 0
        for row in rows:
            if any(row):
                table.append(row)
                blank = 0
                self._count(row)
                if not headed:
                    self._builder.heading(title, 1)
                    headed = True
                continue
            blank += 1
            self._add_table(table)
            table = []
            if blank > MAX_BLANK_ROWS:
                break
        self._add_table(table)

    def _count(self, row: list[str]) -> None:
        self._cells += sum(1 for cell in row if cell)
        if self._cells > MAX_CELLS:
            raise LimitExceededError(f"'{self._name}' has more than {MAX_CELLS:,} cells.")

    def _add_table(self, rows: list[list[str]]) -> None:
        """Columns without any content are left out."""
        used = sorted({index for row in rows for index, cell in enumerate(row) if cell})
        self._builder.table([[row[index] if index < len(row) else "" for index in used] for row in rows])
