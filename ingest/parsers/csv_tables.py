"""CSV with any usual delimiter: one table, header row first."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ingest.errors import LimitExceededError
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish

MAX_CELLS = 2_000_000
_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 40
_LONGEST_CELL = 1 << 24


def parse_csv(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`, and `LimitExceededError` above `MAX_CELLS`."""
    text = decode(path.read_bytes())
    builder = ParsedDocumentBuilder()
    builder.table(_read(text, name))
    return finish(builder, name=name)


def _read(text: str, name: str) -> list[list[str]]:
    rows: list[list[str]] = []
    cells = 0
    for row in _rows(text, _delimiter(text)):
        cells += len(row)
        if cells > MAX_CELLS:
            raise LimitExceededError(f"'{name}' has more than {MAX_CELLS:,} cells.")
        rows.append(row)
    return rows


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_CELL)
    lines = text.splitlines(keepends=True)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _delimiter(text: str) -> str:
    """The delimiter under which most sampled rows have one and the same number of cells, above one."""
    sample = "".join(text[: 1 << 16].splitlines(keepends=True)[:_SAMPLE_LINES])

    def agreement(delimiter: str) -> tuple[int, int]:
        widths = Counter(len(row) for row in _rows(sample, delimiter) if row)
        width, rows = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(1, 0))
        return (rows if width > 1 else 0, width)

    return max(_DELIMITERS, key=agreement)
