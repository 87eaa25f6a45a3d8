"""PDF: tables, page furniture, page numbers, and boxes that hold the words they claim to hold."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from corpus.documents import Block
from ingest.errors import (
    CorruptDocumentError,
    EmptyDocumentError,
    EncryptedDocumentError,
    LimitExceededError,
    NothingRecognizedError,
)
from ingest.isolation import ParserSandbox
from ingest.parsed import BlockKind, ParsedDocument
from ingest.parsers.pdf.markup import without_markup
from ingest.rendering import PAGE_WIDTH_PIXELS
from ingest.sniffing import PDF

Parse = Callable[[Path], ParsedDocument]
SHARED = Path(__file__).parents[3] / "shared" / "data"
WITH_BOXES = [
    SHARED / "handbooks" / "northwind" / "files" / "Benefit_Options.pdf",
    SHARED / "handbooks" / "northwind" / "files" / "role_library.pdf",
    SHARED / "files" / "2305.03393v1-pg9.pdf",
    SHARED / "files" / "testPDF_rotated.pdf",
    SHARED / "files" / "fr_olap.pdf",
]


def text_of(document: ParsedDocument, block: Block) -> str:
    return document.text[block.start : block.end]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()))


def text_in_box(page: Any, region_box: Any) -> str:
    """The page's own words under a box of the displayed page, read by PDFium after a turn by hand."""
    left, bottom, right, top = page.get_cropbox()
    wide, high = right - left, top - bottom
    x0, x1, y0, y1 = region_box.x0, region_box.x1, region_box.y0, region_box.y1
    match page.get_rotation():
        case 90:
            x0, x1, y0, y1 = y0, y1, 1 - x1, 1 - x0
        case 180:
            x0, x1, y0, y1 = 1 - x1, 1 - x0, 1 - y1, 1 - y0
        case 270:
            x0, x1, y0, y1 = 1 - y1, 1 - y0, x0, x1
        case _:
            pass
    return page.get_textpage().get_text_bounded(
        left=left + x0 * wide - 2,
        right=left + x1 * wide + 2,
        top=top - y0 * high + 2,
        bottom=top - y1 * high - 2,
    )


@pytest.mark.parametrize("path", WITH_BOXES, ids=lambda path: path.name)
def test_the_words_of_a_region_stand_in_its_box(parse: Parse, path: Path) -> None:
    if not path.exists():
        pytest.skip("the shared files are not beside the repository")
    document = parse(path)
    file: Any = pypdfium2.PdfDocument(path)
    sample = document.regions[:: max(1, len(document.regions) // 60)]
    found = total = 0
    for region in sample:
        wanted = words(document.text[region.start : region.end])
        shown = words(text_in_box(file[region.box.page - 1], region.box))
        found += len(wanted & shown)
        total += len(wanted)
    assert total > 20
    assert found >= 0.95 * total
    covered = sum(region.end - region.start for region in document.regions)
    assert covered >= 0.9 * len(document.text)


def test_the_handbook_has_its_pages_and_sections(parse: Parse) -> None:
    path = SHARED / "handbooks" / "northwind" / "files" / "Benefit_Options.pdf"
    if not path.exists():
        pytest.skip("the shared files are not beside the repository")
    document = parse(path)
    assert document.pages == 4
    assert document.language == "en"
    headings = {document.text[block.start : block.end] for block in document.blocks if block.level}
    assert {"Northwind Health Plus", "Northwind Standard", "Comparison of Plans"} <= headings
    assert document.warnings == ()


def balance_sheet(path: Path) -> None:
    """Labels at the left, two columns of numbers flush right, drawn column by column."""
    labels = ["Cash", "Inventories", "Other assets", "Total current assets", "Goodwill", "Total assets"]
    canvas = Canvas(str(path), pagesize=A4)
    canvas.setFont("Helvetica", 10)
    for row, label in enumerate(labels):
        canvas.drawString(72, 700 - 14 * row, label)
    for column, year in ((400, "2019"), (480, "2020")):
        canvas.drawRightString(column, 714, year)
        for row in range(len(labels)):
            canvas.drawRightString(column, 700 - 14 * row, f"{row + 1},{column}")
    canvas.save()


def test_a_table_of_numbers_keeps_labels_and_numbers_in_one_row(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "balance.pdf"
    balance_sheet(path)
    document = parse(path)
    (table,) = [block for block in document.blocks if block.kind is BlockKind.TABLE]
    rows = [document.text[start:end].split(" | ") for start, end in table.rows]
    assert rows[0][-2:] == ["2019", "2020"]
    assert ["Goodwill", "5,400", "5,480"] in rows
    assert [row[0] for row in rows[1:]][-1] == "Total assets"


def test_running_headers_and_page_numbers_stay_out(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(1, 7):
        canvas.setFont("Helvetica", 9)
        canvas.drawString(72, 810, "Annual report of the Example Company")
        canvas.drawCentredString(300, 30, f"Page {page} of 6")
        canvas.setFont("Helvetica", 11)
        for line in range(30):
            canvas.drawString(
                72, 740 - 20 * line, f"Sentence {line} of page {page} says something of its own."
            )
        canvas.showPage()
    canvas.save()
    document = parse(path)
    assert document.pages == 6
    assert "Sentence 29 of page 6" in document.text
    assert document.text.count("Annual report of the Example Company") == 1
    assert "of 6" not in document.text
    pages = {
        block.page for block in document.blocks if "says something of its own" in text_of(document, block)
    }
    assert pages == {1, 2, 3, 4, 5, 6}
    for block in document.blocks:
        assert f"page {block.page} " in text_of(document, block) or block.page == 1


def test_a_heading_that_returns_by_chance_stays(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "chapters.pdf"
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(1, 13):
        canvas.setFont("Helvetica-Bold", 12)
        canvas.drawString(
            72, 800, "Exceptions" if page in (1, 6, 12) else f"Chapter {'abcdefghijkl'[page - 1]}"
        )
        canvas.setFont("Helvetica", 11)
        for line in range(20):
            canvas.drawString(72, 740 - 20 * line, f"Line {line} of sheet {page} says something of its own.")
        canvas.showPage()
    canvas.save()
    assert parse(path).text.count("Exceptions") == 3


def test_the_owner_s_ban_on_copying_is_told(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "banned.pdf"
    canvas = Canvas(str(path), encrypt=StandardEncryption("", ownerPassword="owner", canCopy=0))
    canvas.drawString(72, 700, "words to look at only")
    canvas.save()
    document = parse(path)
    assert "words to look at only" in document.text
    assert [warning for warning in document.warnings if "forbids copying" in warning]


def test_text_written_upwards_is_not_lost(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "upwards.pdf"
    canvas = Canvas(str(path), pagesize=A4)
    for line in range(30):
        canvas.drawString(120, 740 - 20 * line, f"Line {line} of the body is written as lines usually are.")
    canvas.translate(60, 300)
    canvas.rotate(90)
    canvas.drawString(0, 0, "Confidential draft")
    canvas.save()
    assert "Confidential draft" in parse(path).text


def test_an_encrypted_pdf_asks_for_its_password(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "secret.pdf"
    canvas = Canvas(str(path), encrypt=StandardEncryption("secret"))
    canvas.drawString(72, 700, "hidden words")
    canvas.save()
    with pytest.raises(EncryptedDocumentError, match=r"^'secret\.pdf' is protected by a password\.$"):
        parse(path)


def test_a_pdf_of_pictures_without_text_says_so(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    canvas = Canvas(str(path), pagesize=A4)
    picture = tmp_path / "scan.ppm"
    picture.write_bytes(b"P6 40 40 255\n" + bytes(range(160)) * 30)
    untyped: Any = canvas
    untyped.drawImage(str(picture), 0, 0, 595, 842)
    canvas.save()
    with pytest.raises(NothingRecognizedError, match=r"^The pages of 'scan\.pdf' are pictures"):
        parse(path)


def test_a_blank_pdf_is_empty_but_not_scanned(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "blank.pdf"
    canvas = Canvas(str(path))
    canvas.showPage()
    canvas.save()
    with pytest.raises(EmptyDocumentError, match=r"holds no text"):
        parse(path)


def test_a_pdf_that_expands_without_end_is_stopped(sandbox: ParserSandbox, tmp_path: Path) -> None:
    """Ten forms, each drawing the next one ten times: 10^9 lines of text in three kilobytes."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"]
    objects.append(
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        b"/Resources<</XObject<</F 6 0 R>>/Font<</A 5 0 R>>>>>>"
    )
    objects.append(b"<</Length 5>>stream\n/F Do\nendstream")
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for level in range(9):
        body = b"/F Do " * 10
        objects.append(
            b"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</F %d 0 R>>>>/Length %d>>"
            b"stream\n%s\nendstream" % (level + 7, len(body), body)
        )
    text = b"BT /A 9 Tf 50 50 Td (bomb) Tj ET"
    objects.append(
        b"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</Font<</A 5 0 R>>>>/Length %d>>"
        b"stream\n%s\nendstream" % (len(text), text)
    )
    body = b"".join(b"%d 0 obj%s endobj\n" % (n, one) for n, one in enumerate(objects, start=1))
    path = tmp_path / "bomb.pdf"
    path.write_bytes(b"%PDF-1.4\n" + body + b"trailer<</Root 1 0 R/Size 20>>\n%%EOF")
    with pytest.raises(LimitExceededError, match=r"'bomb\.pdf'"):
        sandbox.parse(path, path.name, PDF)


def test_a_page_is_drawn_as_png(sandbox: ParserSandbox, tmp_path: Path) -> None:
    path = tmp_path / "balance.pdf"
    balance_sheet(path)
    picture = sandbox.render_page(path, 1)
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == PAGE_WIDTH_PIXELS
    with pytest.raises(CorruptDocumentError):
        sandbox.render_page(path, 2)


def test_signs_of_markup_are_kept_only_where_they_are_printed() -> None:
    printed = {"*Note", "snake_case", "a*b", "bold"}
    text = "*Note **bold** snake\\_case a\\*b *cut"
    assert without_markup(text, printed) == "*Note bold snake_case a*b cut"
