"""A quote from a table says which row it is and what its columns mean, in every format that has tables."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from reportlab.pdfgen.canvas import Canvas

from corpus.documents import Chunk, DocumentId
from generation.locations import quote_location
from ingest.chunking import Chunker, ChunkingSettings
from ingest.isolation import ParserSandbox
from ingest.sniffing import sniff
from retrieval.adapters.sentence_transformers import MiniLmEmbedder

ROWS = [["Year", "Ducks", "Geese"], ["2018", "117", "41"], ["2019", "120", "38"], ["2020", "131", "35"]]
NAMED = "Year: 2019 | Ducks: 120 | Geese: 38"
QUOTE = "2019 | 120 | 38"


def write_xlsx(path: Path) -> None:
    book = Workbook()
    sheet = book.create_sheet("Lake", 0)
    for row in ROWS:
        sheet.append(row)
    book.save(path)


def write_csv(path: Path) -> None:
    path.write_text("\n".join(",".join(row) for row in ROWS))


def write_html(path: Path) -> None:
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in ROWS)
    path.write_text(f"<html><body><h1>Lake</h1><table>{rows}</table></body></html>")


def write_docx(path: Path) -> None:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    cells = [[f"<w:tc><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc>" for cell in row] for row in ROWS]
    table = "".join(f"<w:tr>{''.join(row)}</w:tr>" for row in cells)
    with ZipFile(path, "w") as parts:
        parts.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
        )
        parts.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="r1" Type="{office}" Target="word/document.xml"/></Relationships>',
        )
        parts.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{word}"><w:body><w:p><w:r><w:t>Birds of the lake.</w:t></w:r></w:p>'
            f"<w:tbl>{table}</w:tbl></w:body></w:document>",
        )


def write_pdf(path: Path) -> None:
    canvas = Canvas(str(path))
    canvas.drawString(72, 760, "Birds that were counted on the lake by the wardens in each of three years.")
    for line, row in enumerate(ROWS):
        for column, cell in enumerate(row):
            canvas.drawString(72 + 150 * column, 700 - 18 * line, cell)
    canvas.save()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("name", "write", "above"),
    [
        ("birds.xlsx", write_xlsx, ("Lake",)),
        ("birds.csv", write_csv, ()),
        ("birds.html", write_html, ("Lake",)),
        ("birds.docx", write_docx, ()),
        ("birds.pdf", write_pdf, ()),
    ],
)
def test_a_quoted_row_is_named_by_its_columns(
    sandbox: ParserSandbox,
    embedder: MiniLmEmbedder,
    tmp_path: Path,
    name: str,
    write: Callable[[Path], None],
    above: tuple[str, ...],
) -> None:
    path = tmp_path / name
    write(path)
    document = sandbox.parse(path, name, sniff(path, name))
    (chunk,) = Chunker(embedder).split(document, DocumentId("doc_1"), 1)
    start = document.text.index(QUOTE)
    assert quote_location(chunk, start, start + len(QUOTE)) == (*above, NAMED)
    if name.endswith("pdf"):
        (box,) = chunk.boxes(start, start + len(QUOTE))
        assert box.page == 1


def test_a_row_far_below_its_header_is_named_all_the_same(
    sandbox: ParserSandbox, embedder: MiniLmEmbedder, tmp_path: Path
) -> None:
    path = tmp_path / "long.csv"
    path.write_text("Year,Ducks\n" + "\n".join(f"{year},{year * 7}" for year in range(1000, 2000)))
    document = sandbox.parse(path, path.name, sniff(path, path.name))
    chunks = Chunker(embedder, ChunkingSettings()).split(document, DocumentId("doc_1"), 1)
    start = document.text.index("1900 | 13300")
    chunk = next(chunk for chunk in chunks if chunk.start <= start < chunk.end)
    assert chunk.number > 0
    assert quote_location(chunk, start, start + 12) == ("Year: 1900 | Ducks: 13300",)


CHUNK = Chunk(
    document_id=DocumentId("doc_1"),
    version=1,
    number=0,
    start=100,
    end=100,
    text="",
    heading_path=("Birds",),
    page=None,
    regions=(),
    language="en",
    tokens=0,
)


@pytest.mark.parametrize(
    ("text", "quote", "rows"),
    [
        ("Words before.\n\nA | B\n1 | 2\n\nWords after.", "Words after.", ()),
        ("A | B\n1 | 2\n\nC | D\n3 | 4", "3 | 4", ("C: 3 | D: 4",)),
        ("A | B\n1 | 2", "A | B", ()),
        ("A | B\n1 |  | 3", "1 |  | 3", ("A: 1 | 3",)),
        ("A | B\n1 | 2\n3 | 4", "2\n3 | 4", ("A: 1 | B: 2", "A: 3 | B: 4")),
        ("A | B\n1 | 2\n3 | 4", "3 | 4", ("A: 3 | B: 4",)),
        ("A | B\n" + "1 | 2\n" * 9, "A | B\n" + "1 | 2\n" * 9, ("A: 1 | B: 2",) * 3),
    ],
)
def test_only_the_quoted_rows_are_named(text: str, quote: str, rows: tuple[str, ...]) -> None:
    chunk = replace(CHUNK, text=text, end=100 + len(text))
    start = 100 + text.index(quote)
    assert quote_location(chunk, start, start + len(quote)) == ("Birds", *rows)
