"""What each format's structure becomes: headings, list items, tables, code, titles, languages."""

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from docx import Document
from openpyxl import Workbook
from pptx import Presentation

from ingest.errors import EmptyDocumentError, UnsupportedFormatError
from ingest.parsed import ParsedDocument

Parse = Callable[[Path], ParsedDocument]
Shape = list[tuple[str, str]]


def shape(document: ParsedDocument) -> Shape:
    return [(block.kind.value, document.text[block.start : block.end]) for block in document.blocks]


@pytest.fixture
def parse_text(parse: Parse, tmp_path: Path) -> Callable[[str, str | bytes], ParsedDocument]:
    def parse_text(name: str, content: str | bytes) -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return parse(path)

    return parse_text


ParseText = Callable[[str, str | bytes], ParsedDocument]


def test_html_gives_its_structure_and_its_navigation_last(parse_text: ParseText) -> None:
    document = parse_text(
        "page.html",
        """<html><head><title>A page</title><style>p {}</style></head><body>
        <nav><a>Home</a> <a>Prices</a></nav><nav><a>Home</a></nav>
        <h1>Top</h1><p>One <b>bold</b>\n word.<br>Next line.</p>
        <ul><li>First<p>More of it</p></li><li>Second</li></ul>
        <h2>Numbers</h2><table><tr><th>Year</th><th>Sum</th></tr><tr><td>2020</td><td>5 &lt; 6</td></tr>
        </table>
        <div class="note"><h3>Note</h3><p>Mind it.</p></div><pre>  if x:\n    y</pre><script>evil()</script>
        <p>After</p></body></html>""",
    )
    assert document.title == "A page"
    assert shape(document) == [
        ("heading", "Top"),
        ("paragraph", "One bold word.\nNext line."),
        ("list_item", "First"),
        ("paragraph", "More of it"),
        ("list_item", "Second"),
        ("heading", "Numbers"),
        ("table", "Year | Sum\n2020 | 5 < 6"),
        ("paragraph", "Note"),
        ("paragraph", "Mind it."),
        ("code", "  if x:\n    y"),
        ("paragraph", "After"),
        ("paragraph", "Home\nPrices"),
    ]
    assert document.blocks[-1].heading_path == ("Top", "Numbers")


def test_a_page_of_nothing_but_navigation_keeps_it(parse_text: ParseText) -> None:
    document = parse_text(
        "toc.html", '<html><body><div class="toc"><ul><li>Chapter</li></ul></div></body></html>'
    )
    assert shape(document) == [("list_item", "Chapter")]


def test_deeply_nested_html_keeps_its_words(parse_text: ParseText) -> None:
    deep = "<html><body>" + "<div>" * 5000 + "needle" + "</div>" * 5000
    assert "needle" in parse_text("deep.html", deep).text


def test_a_wrong_charset_declaration_does_not_spoil_utf_8(parse_text: ParseText) -> None:
    page = '<html><head><meta charset="iso-8859-1"></head><body><p>Zürich – größer</p></body></html>'
    assert parse_text("page.html", page).text == "Zürich – größer"


def test_markdown_gives_words_without_signs(parse_text: ParseText) -> None:
    document = parse_text(
        "notes.md",
        "# Title *here*\n\nSome `code` and [a link](http://x).\n\n- one\n- two\n  - deep\n\n"
        "| A | B |\n|---|---|\n| 1 | **2** |\n\n```python\nx = 1\n```\n\nTail\n----\nlast",
    )
    assert document.title == "Title here"
    assert shape(document) == [
        ("heading", "Title here"),
        ("paragraph", "Some code and a link."),
        ("list_item", "one"),
        ("list_item", "two"),
        ("list_item", "deep"),
        ("table", "A | B\n1 | 2"),
        ("code", "x = 1"),
        ("heading", "Tail"),
        ("paragraph", "last"),
    ]
    assert document.blocks[-1].heading_path == ("Title here", "Tail")


def test_front_matter_gives_the_title(parse_text: ParseText) -> None:
    assert parse_text("post.md", '---\ntitle: "My post"\n---\n\nBody.').title == "My post"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("---\r\ntitle: T\r\ndate: 2024-01-02\r\n---\r\nBody.", ("code", "title: T\ndate: 2024-01-02")),
        ("+++\ntitle = 'T'\n+++\nBody.", ("code", "title = 'T'")),
        ("---\ntitle: T\n---", ("code", "title: T")),
    ],
)
def test_front_matter_of_every_kind_is_kept(parse_text: ParseText, text: str, first: tuple[str, str]) -> None:
    document = parse_text("post.md", text)
    assert document.title == "T"
    assert shape(document)[0] == first


def test_text_between_two_rules_is_no_front_matter(parse_text: ParseText) -> None:
    document = parse_text("post.md", "---\n\nOnce upon a time.\n\n---\n\nThe end.")
    assert shape(document) == [("paragraph", "Once upon a time."), ("paragraph", "The end.")]


def test_a_paragraph_above_a_line_of_dashes_is_no_heading(parse_text: ParseText) -> None:
    paragraph = "The curves show concentrations as functions of the strength of stimulation. " * 4
    document = parse_text("paper.md", f"{paragraph}\n---\nNext.\n\nShort\n---\nLast.")
    assert [kind for kind, _ in shape(document)] == ["paragraph", "paragraph", "heading", "paragraph"]
    assert document.blocks[0].heading_path == document.blocks[1].heading_path == ()


def test_markdown_keeps_the_ends_of_lines(parse_text: ParseText) -> None:
    document = parse_text("log.md", "Ann: yes  \nBob: no\r\nAnn: why\n\n- one\n  more\n\nA\nB\n---\n")
    assert shape(document) == [
        ("paragraph", "Ann: yes\nBob: no\nAnn: why"),
        ("list_item", "one\nmore"),
        ("heading", "A B"),
    ]


def test_footnotes_of_markdown_are_paragraphs(parse_text: ParseText) -> None:
    document = parse_text(
        "a.md", "Trains[^1] first[^x].\n\n[^1]: https://trains.example\n\n[^x]: Or buses.\n\nLast[^none]."
    )
    assert shape(document) == [
        ("paragraph", "Trains first."),
        ("paragraph", "https://trains.example"),
        ("paragraph", "Or buses."),
        ("paragraph", "Last[^none]."),
    ]


def test_html_inside_of_markdown_is_read(parse_text: ParseText) -> None:
    table = "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"
    document = parse_text("a.md", f"Press <kbd>Esc</kbd> twice.\n\n{table}\n\nEnd.")
    assert shape(document) == [
        ("paragraph", "Press Esc twice."),
        ("table", "A | B\n1 | 2"),
        ("paragraph", "End."),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_in_any_encoding(parse_text: ParseText, encoding: str) -> None:
    text = "Der Prüfbericht über die Größe der Geräte.\r\n\r\nZweiter Absatz für die Übersicht."
    document = parse_text("bericht.txt", text.encode(encoding))
    assert [words for _, words in shape(document)] == text.split("\r\n\r\n")
    assert (document.title, document.language) == ("bericht", "de")


def test_japanese_mail_encoding_is_recognised(parse_text: ParseText) -> None:
    text = "これは日本語の文章です。"
    assert parse_text("a.txt", text.encode("iso2022_jp")).text == text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_finds_its_delimiter(parse_text: ParseText, delimiter: str) -> None:
    rows = [["name", "note"], ["Ann", '"a, b; c"'], ["Bob", "plain"]]
    document = parse_text("table.csv", "\n".join(delimiter.join(row) for row in rows))
    assert shape(document) == [("table", "name | note\nAnn | a, b; c\nBob | plain")]
    assert len(document.blocks[0].rows) == 3


def test_an_e_mail_begins_with_who_wrote_when(parse_text: ParseText) -> None:
    message = EmailMessage()
    message["Subject"] = "Größe"
    message["From"] = "Ann <ann@example.com>"
    message["To"] = "bob@example.com"
    message["Date"] = "Mon, 01 Jan 2024 10:00:00 +0000"
    message.set_content("Plain body.\n\nSecond.")
    message.add_alternative("<p>HTML body</p>", subtype="html")
    message.add_attachment(b"attached words", maintype="text", subtype="plain", filename="a.txt")
    message.add_attachment(b"ID3 sound", maintype="audio", subtype="mpeg", filename="p.mp3")
    document = parse_text("mail.eml", message.as_bytes())
    assert document.title == "Größe"
    assert shape(document) == [
        (
            "paragraph",
            "Subject: Größe\nFrom: Ann <ann@example.com>\nTo: bob@example.com\n"
            "Date: Mon, 01 Jan 2024 10:00:00 +0000",
        ),
        ("paragraph", "Plain body."),
        ("paragraph", "Second."),
        ("heading", "Attachment: a.txt"),
        ("paragraph", "attached words"),
    ]
    assert document.warnings == (
        "An attachment was not read: 'p.mp3' is a sound file, which cannot be read.",
    )


def test_an_html_mail_is_not_read_twice(parse_text: ParseText) -> None:
    message = EmailMessage()
    message["From"] = "ann@example.com"
    message.set_content("<p>Once</p>", subtype="html")
    assert shape(parse_text("mail.eml", message.as_bytes()))[1:] == [("paragraph", "Once")]


def test_docx_gives_headings_lists_and_tables(parse: Parse, tmp_path: Path) -> None:
    written = Document()
    written.core_properties.title = "The plan"
    written.add_heading("Chapter", 1)
    written.add_paragraph("Words.")
    written.add_heading("Section", 2)
    written.add_paragraph("Item", style="List Bullet")
    table = written.add_table(rows=2, cols=2)
    for index, text in enumerate(("A", "B", "1", "2")):
        table.cell(index // 2, index % 2).text = text
    path = tmp_path / "plan.docx"
    written.save(str(path))
    document = parse(path)
    assert document.title == "The plan"
    assert shape(document) == [
        ("heading", "Chapter"),
        ("paragraph", "Words."),
        ("heading", "Section"),
        ("list_item", "Item"),
        ("table", "A | B\n1 | 2"),
    ]
    assert document.blocks[-1].heading_path == ("Chapter", "Section")


def test_pptx_has_slides_as_pages_and_speaker_notes(parse: Parse, tmp_path: Path) -> None:
    written = Presentation()
    for number in (1, 2):
        slide = written.slides.add_slide(written.slide_layouts[1])
        assert slide.shapes.title is not None
        slide.shapes.title.text = f"Slide title {number}"
        slide.placeholders[1].text = "A point"  # pyright: ignore[reportAttributeAccessIssue]
    assert written.slides[1].notes_slide.notes_text_frame is not None
    written.slides[1].notes_slide.notes_text_frame.text = "Say this"
    path = tmp_path / "talk.pptx"
    written.save(str(path))
    document = parse(path)
    assert (document.pages, document.title) == (2, "Slide title 1")
    assert [
        (block.page, words) for block, (_, words) in zip(document.blocks, shape(document), strict=True)
    ] == [
        (1, "Slide title 1"),
        (1, "A point"),
        (2, "Slide title 2"),
        (2, "A point"),
        (2, "Speaker notes: Say this"),
    ]


def test_xlsx_has_sheets_as_sections_and_tables_between_blank_rows(parse: Parse, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Costs"
    rows = [["Year", "Share"], [2020, 0.25], [], ["Note", 1.5]]
    for row in rows:
        sheet.append(row)
    sheet["B2"].number_format = "0%"
    book.create_sheet("Empty")
    path = tmp_path / "costs.xlsx"
    book.save(path)
    document = parse(path)
    assert shape(document) == [
        ("heading", "Costs"),
        ("table", "Year | Share\n2020 | 25%"),
        ("table", "Note | 1.5"),
    ]
    assert document.blocks[1].heading_path == ("Costs",)


def test_a_cell_at_the_far_corner_does_not_fill_memory(parse: Parse, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"] = "near"
    sheet["XFD2000"] = "far"
    path = tmp_path / "far.xlsx"
    book.save(path)
    assert shape(parse(path))[1:] == [("table", "near"), ("table", "far")]


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.html"])
def test_a_file_without_text_is_empty(parse_text: ParseText, name: str) -> None:
    with pytest.raises(EmptyDocumentError, match=rf"'{name}'"):
        parse_text(name, " \n\n ")


def test_an_unsupported_file_is_named_in_words(parse_text: ParseText) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"^'x\.txt' is a sound file, which cannot be read\.$"):
        parse_text("x.txt", b"ID3 words")
