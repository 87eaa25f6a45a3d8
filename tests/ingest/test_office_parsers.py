"""OpenDocument, RTF, XLSB and EPUB files, made here, keep their structure."""

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from ingest.errors import CorruptDocumentError, EncryptedDocumentError
from ingest.parsed import ParsedDocument

Shape = list[tuple[str, str]]
ParseBytes = Callable[[str, bytes], ParsedDocument]


def shape(document: ParsedDocument) -> Shape:
    return [(block.kind.value, document.text[block.start : block.end]) for block in document.blocks]


@pytest.fixture
def parse_bytes(parse: Callable[[Path], ParsedDocument], tmp_path: Path) -> ParseBytes:
    def parse_bytes(name: str, content: bytes) -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(content)
        return parse(path)

    return parse_bytes


def package(parts: dict[str, str | bytes]) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


NAMESPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for short, long in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "style": "style",
        "presentation": "presentation",
    }.items()
)


def opendocument(kind: str, body: str, *, before: str = "", manifest: str = "<manifest/>") -> bytes:
    content = (
        f"<office:document-content {NAMESPACES}>{before}<office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    media_type = f"application/vnd.oasis.opendocument.{kind}"
    return package({"mimetype": media_type, "content.xml": content, "META-INF/manifest.xml": manifest})


def test_odt_gives_headings_lists_tables_and_notes(parse_bytes: ParseBytes) -> None:
    content = opendocument(
        "text",
        '<text:p text:style-name="P1">The plan</text:p><text:h text:outline-level="2">Part</text:h>'
        "<text:p>Some<text:s text:c='2'/>words<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>A note.</text:p></text:note-body></text:note> go\n   on.</text:p>"
        "<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>two</text:p>"
        "</text:list-item></text:list></text:list-item></text:list>"
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>A</text:p>"
        "</table:table-cell><table:table-cell><text:p>B</text:p></table:table-cell></table:table-row>"
        "</table:table-header-rows><table:table-row><table:table-cell><text:p>1</text:p></table:table-cell>"
        "<table:table-cell><text:p>2</text:p></table:table-cell></table:table-row></table:table>"
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>",
        before='<style:style style:name="P1" style:parent-style-name="Title"/>',
    )
    document = parse_bytes("plan.odt", content)
    assert document.title == "The plan"
    assert shape(document) == [
        ("heading", "The plan"),
        ("heading", "Part"),
        ("paragraph", "Some  words go on."),
        ("paragraph", "A note."),
        ("list_item", "one"),
        ("list_item", "two"),
        ("table", "A | B\n1 | 2"),
    ]


def test_odp_has_slides_as_pages_and_speaker_notes(parse_bytes: ParseBytes) -> None:
    slide = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Slide {0}'
        "</text:p></draw:text-box>"
        "</draw:frame><draw:frame><draw:text-box><text:list><text:list-item><text:p>A point"
        "</text:p></text:list-item>"
        "</text:list></draw:text-box>"
        "</draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Say {0}"
        "</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
    )
    document = parse_bytes("talk.odp", opendocument("presentation", slide.format(1) + slide.format(2)))
    assert (document.pages, document.title) == (2, "Slide 1")
    assert shape(document)[3:] == [
        ("heading", "Slide 2"),
        ("list_item", "A point"),
        ("paragraph", "Speaker notes: Say 2"),
    ]


def cell(text: str, attributes: str = "") -> str:
    return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"


def test_ods_has_sheets_as_sections_and_no_padding(parse_bytes: ParseBytes) -> None:
    wide, high = 'table:number-columns-repeated="16384"', 'table:number-rows-repeated="1048576"'
    content = opendocument(
        "spreadsheet",
        f'<table:table table:name="Costs"><table:table-row>{cell("Year")}{cell("Sum")}'
        f"<table:table-cell {wide}/>"
        f"</table:table-row><table:table-row>{cell('2020')}{cell('5 €')}"
        f"</table:table-row><table:table-row {high}>"
        f"<table:table-cell {wide}/></table:table-row><table:table-row>{cell('Note')}"
        f"</table:table-row></table:table>",
    )
    assert shape(parse_bytes("costs.ods", content)) == [
        ("heading", "Costs"),
        ("table", "Year | Sum\n2020 | 5 €"),
        ("table", "Note"),
    ]


def test_a_cell_repeated_without_end_does_not_fill_memory(parse_bytes: ParseBytes) -> None:
    repeated = cell("x", 'table:number-columns-repeated="999999999"')
    row = f'<table:table-row table:number-rows-repeated="999999999">{repeated}</table:table-row>'
    document = parse_bytes("bomb.ods", opendocument("spreadsheet", f"<table:table>{row}</table:table>"))
    assert len(document.text) < 10_000_000


def test_an_encrypted_opendocument_says_so(parse_bytes: ParseBytes) -> None:
    manifest = "<m:manifest xmlns:m='x'><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>"
    with pytest.raises(EncryptedDocumentError, match=r"'secret\.odt' is protected by a password"):
        parse_bytes("secret.odt", opendocument("text", "", manifest=manifest))


RTF = rb"""{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset128 MS Mincho;}}
{\stylesheet{\s0 Normal;}{\s1 heading 1;}{\s9\outlinelevel1 My own;}}{\info{\title The plan}}
{\header The header}\pard\s1 Chapter\par\pard\s9 Section\par
\pard Gr\'f6\'dfe \u8211? \'93quoted\'94 {\f1\'93\'fa\'96\'7b}{\footnote A note.} end\line next\par
\pard{\listtext\'95\tab}\ls1 item\par
\trowd\pard\intbl A\cell B\cell\row\trowd\pard\intbl 1\cell two\par lines\cell\row
\pard{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt a link}}{\pict\pngblip 89504e47}\par}"""


def test_rtf_gives_headings_lists_tables_and_any_encoding(parse_bytes: ParseBytes) -> None:
    document = parse_bytes("plan.rtf", RTF)
    assert document.title == "The plan"
    assert shape(document) == [
        ("heading", "Chapter"),
        ("heading", "Section"),
        ("paragraph", "Größe – “quoted” 日本 end\nnext"),
        ("paragraph", "A note."),
        ("list_item", "item"),
        ("table", "A | B\n1 | two lines"),
        ("paragraph", "a link"),
    ]
    assert [block.level for block in document.blocks if block.level] == [1, 2]


def record(kind: int, data: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(data)]) + data


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(*sheet: bytes) -> bytes:
    links = "<Relationships><Relationship Id='rId1' Target='worksheets/sheet1.bin'/></Relationships>"
    return package(
        {
            "[Content_Types].xml": "<Types/>",
            "xl/workbook.bin": record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Costs")),
            "xl/_rels/workbook.bin.rels": links,
            "xl/sharedStrings.bin": record(19, b"\0" + wide("Day")) + record(19, b"\0" + wide("Sum")),
            "xl/styles.bin": record(617, bytes(4))
            + record(47, bytes(16))
            + record(47, struct.pack("<HH", 0, 14) + bytes(12)),
            "xl/worksheets/sheet1.bin": b"".join(sheet),
        }
    )


def test_xlsb_has_sheets_dates_and_numbers(parse_bytes: ParseBytes) -> None:
    content = xlsb(
        record(0, struct.pack("<I", 0)),
        record(7, struct.pack("<III", 0, 0, 0)),
        record(7, struct.pack("<III", 1, 0, 1)),
        record(0, struct.pack("<I", 1)),
        record(5, struct.pack("<IId", 0, 1, 44197.0)),
        record(2, struct.pack("<IIi", 1, 0, 1250 << 2 | 3)),
        record(0, struct.pack("<I", 1_048_575)),
        record(6, struct.pack("<II", 16_383, 0) + wide("far")),
    )
    assert shape(parse_bytes("costs.xlsb", content)) == [
        ("heading", "Costs"),
        ("table", "Day | Sum\n2021-01-01 | 12.5"),
        ("table", "far"),
    ]


def test_a_damaged_xlsb_says_so(parse_bytes: ParseBytes) -> None:
    with pytest.raises(CorruptDocumentError, match=r"'costs\.xlsb'"):
        parse_bytes(
            "costs.xlsb", xlsb(record(0, struct.pack("<I", 0)), record(7, struct.pack("<III", 0, 0, 99)))
        )


def epub(chapters: dict[str, str], *, spine: str, more: dict[str, str] | None = None) -> bytes:
    items = "".join(
        f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in chapters
    )
    book = (
        f"<package><metadata><title>The book</title></metadata><manifest>{items}</manifest>{spine}</package>"
    )
    container = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "OPS/book.opf": book,
    }
    return package(parts | {f"OPS/{name}": page for name, page in chapters.items()} | dict(more or {}))


def test_epub_gives_its_chapters_in_reading_order(parse_bytes: ParseBytes) -> None:
    pages = {
        "b.xhtml": "<html><body><h1>Second</h1><p>Later</p></body></html>",
        "a.xhtml": "<html><body><nav>Contents</nav><h1>First</h1><p>Words</p></body></html>",
    }
    spine = '<spine><itemref idref="a.xhtml"/><itemref idref="b.xhtml"/></spine>'
    document = parse_bytes("book.epub", epub(pages, spine=spine))
    assert document.title == "The book"
    assert shape(document) == [
        ("heading", "First"),
        ("paragraph", "Words"),
        ("heading", "Second"),
        ("paragraph", "Later"),
    ]


def test_a_missing_chapter_is_told_and_the_others_read(parse_bytes: ParseBytes) -> None:
    content = epub({"a.xhtml": "<p>Words</p>"}, spine='<spine><itemref idref="a.xhtml"/></spine>')

    assert parse_bytes("book.epub", content).warnings == ()
    pages = {"a.xhtml": "<p>Words</p>", "../../../etc/passwd": "<p>never</p>"}
    spine = '<spine><itemref idref="a.xhtml"/><itemref idref="../../../etc/passwd"/></spine>'
    document = parse_bytes("book.epub", epub(pages, spine=spine))
    assert document.text == "Words"
    assert document.warnings == ("A chapter is missing: '../../etc/passwd'.",)


def test_a_copy_protected_epub_says_so(parse_bytes: ParseBytes) -> None:
    rights = '<encryption><EncryptedData><EncryptionMethod Algorithm="aes"/></EncryptedData></encryption>'
    content = epub({"a.xhtml": "x"}, spine="<spine/>", more={"META-INF/encryption.xml": rights})
    with pytest.raises(EncryptedDocumentError, match=r"'book\.epub' is protected against copying"):
        parse_bytes("book.epub", content)
