"""Where in its document a quote stands, in words: headings or sheet, and for a table its row, by column."""

from corpus.documents import Chunk
from generation.sentences import CELL_SEPARATOR

_MOST_ROWS = 3


def quote_location(chunk: Chunk, start: int, end: int) -> tuple[str, ...]:
    """The headings above characters `start` to `end` of the document, then each table row quoted there.

    The name of a sheet is a heading. A row reads `Year: 2019 | Ducks: 120`: its cells under the names of
    their columns. At most three rows are named; the header row, and a row without a header, are not.
    """
    rows = _rows(chunk, start - chunk.start, end - chunk.start)
    return (*chunk.heading_path, *rows[:_MOST_ROWS])


def _rows(chunk: Chunk, start: int, end: int) -> list[str]:
    """Rows are the lines that hold cells; lines that follow each other are one table."""
    header = chunk.header.partition("\n")[0]
    named: list[str] = []
    place = 0
    for line in chunk.text.split("\n"):
        begun, place = place, place + len(line) + 1
        if CELL_SEPARATOR not in line:
            header = ""
        elif not header:
            header = line
        elif begun < end and start < begun + len(line):
            named.append(_named_cells(header, line))
    return named


def _named_cells(header: str, row: str) -> str:
    columns, cells = header.split(CELL_SEPARATOR), row.split(CELL_SEPARATOR)
    names = columns + [""] * (len(cells) - len(columns))
    pairs = zip(names, cells, strict=False)
    return CELL_SEPARATOR.join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell.strip())
