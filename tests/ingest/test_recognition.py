"""Text in pictures: columns, rotation, tables, pages of both kinds, and what happens when reading fails."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFont, ImageStat
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from ingest.confinement import Limits
from ingest.errors import CorruptDocumentError, LimitExceededError, NothingRecognizedError
from ingest.isolation import ParserSandbox
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.ocr.lines import printed_lines
from ingest.parsers.ocr.pages import add_read_page, reading_warnings
from ingest.parsers.ocr.reading_order import reading_order
from ingest.parsers.ocr.readings import PageReading, PrintedLine, Turn, encode_readings, load_readings
from ingest.parsers.ocr.tesseract import Tesseract, lines_of
from ingest.parsers.pdf.geometry import Rect, Word
from ingest.parsers.pictures import pictures_of
from ingest.sniffing import sniff

Parse = Callable[[Path], ParsedDocument]
_MODES = {
    "tif": ["1", "L", "P", "RGB", "CMYK", "I;16"],
    "png": ["1", "L", "P", "RGB", "I;16"],
    "jpg": ["L", "RGB", "CMYK"],
}
LINES = ["The harbour master keeps", "a lantern in the tower", "for every ship at night"]


def picture_of(lines: list[str], size: tuple[int, int] = (900, 340)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(48)
    for number, line in enumerate(lines):
        pen.text((40, 40 + 80 * number), line, fill="black", font=font)
    return picture


def printed(
    text: str, x0: float, y0: float, *, width: float = 200.0, confidence: float = 0.99
) -> PrintedLine:
    """A line ten points high, its words laid out evenly."""
    share = width / len(text)
    words: list[Word] = []
    position = 0
    for part in text.split(" "):
        left = x0 + share * position
        words.append(Word(x0=left, y0=y0, x1=left + share * len(part), y1=y0 + 10, text=part))
        position += len(part) + 1
    return PrintedLine(
        x0=x0, y0=y0, x1=x0 + width, y1=y0 + 10, text=text, words=tuple(words), confidence=confidence
    )


def reading_of(lines: list[PrintedLine], degrees: float = 0.0, number: int = 1) -> PageReading:
    turn = Turn(degrees=degrees, width=595, height=842, shown_width=595, shown_height=842)
    return PageReading(number=number, turn=turn, lines=tuple(lines))


def document_of(reading: PageReading) -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    add_read_page(builder, reading)
    return builder.build(title="T", language="en", pages=1)


def texts(document: ParsedDocument) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


@pytest.mark.slow
def test_every_page_of_a_tiff_is_read_and_knows_its_boxes(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    pages = [picture_of([f"{line} on sheet {page}" for line in LINES[:1]], (1100, 200)) for page in (1, 2)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    document = parse(path)
    assert document.pages == 2
    assert [block.page for block in document.blocks] == [1, 2]
    assert "lantern" not in document.text
    assert all("harbour master keeps on sheet" in text for text in texts(document))
    for region in document.regions:
        assert region.box.x0 < 0.08
        assert region.box.x1 > 0.6
        assert 0.1 < region.box.y0 < region.box.y1 < 0.6


@pytest.mark.slow
def test_a_picture_lying_on_its_side_is_read_and_marked_where_it_stands(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "side.png"
    picture_of(LINES).transpose(Image.Transpose.ROTATE_270).save(path)
    document = parse(path)
    assert " ".join(document.text.split()) == " ".join(LINES)
    first, _, last = document.regions
    assert first.box.x0 > last.box.x1
    assert first.box.y1 - first.box.y0 > 3 * (first.box.x1 - first.box.x0)


@pytest.mark.slow
def test_a_pdf_of_text_and_of_scans_gives_both(sandbox: ParserSandbox, tmp_path: Path) -> None:
    path = tmp_path / "both.pdf"
    picture = tmp_path / "scan.png"
    picture_of(LINES).save(picture)
    canvas: Any = Canvas(str(path), pagesize=A4)
    canvas.drawString(
        72, 700, "The first sheet has letters of its own, written by a program and not by a scanner."
    )
    canvas.showPage()
    canvas.drawImage(str(picture), 0, 500, 595, 225)
    canvas.showPage()
    canvas.drawString(
        72, 780, "The third sheet has letters of its own, written by a program, above a picture."
    )
    canvas.drawImage(str(picture), 0, 300, 595, 225)
    canvas.save()
    heard: list[tuple[int, int]] = []

    def hear(read: int, total: int) -> None:
        heard.append((read, total))

    document = sandbox.parse(path, path.name, sniff(path, path.name), on_ocr=hear)
    assert heard == [(0, 2), (2, 2)]
    by_page = {
        page: "".join(t for b, t in zip(document.blocks, texts(document), strict=True) if b.page == page)
        for page in (1, 2, 3)
    }
    assert "letters of its own" in by_page[1]
    assert "lantern in the tower" in by_page[2]
    assert "above a picture" in by_page[3]
    assert "lantern in the tower" in by_page[3]
    assert document.text.count("above a picture") == 1
    assert document.warnings == ()


def test_a_blank_picture_is_empty(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    Image.new("RGB", (400, 300), "white").save(path)
    with pytest.raises(NothingRecognizedError, match=r"^In the picture 'blank\.png' no text was recognised"):
        parse(path)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("ending", "mode"), [(ending, mode) for ending in _MODES for mode in _MODES[ending]])
def test_a_large_picture_is_shrunk_the_way_up_it_is_shown(
    tmp_path: Path, mode: str, orientation: int, ending: str
) -> None:
    path = tmp_path / f"large.{ending}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture_of(LINES, size=(1800, 680)).convert("L").convert(mode).save(path, exif=exif)
    ((_, whole),) = pictures_of(path, [1])

    ((number, shrunk),) = pictures_of(path, [1], longest_side=900)

    assert number == 1
    assert shrunk.size == (whole.width // 2, whole.height // 2)
    expected = whole.convert("L").resize(shrunk.size)
    assert ImageStat.Stat(ImageChops.difference(shrunk.convert("L"), expected)).mean[0] < 2


@pytest.mark.parametrize("cut", [8, 60, 400])
def test_a_broken_picture_is_damaged(parse: Parse, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.png"
    picture_of(LINES).save(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CorruptDocumentError):
        parse(path)


def test_a_picture_of_endless_size_is_refused_before_it_is_opened(parse: Parse, tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (40_000, 40_000)).save(path)
    with pytest.raises(LimitExceededError, match=r"40,000 x 40,000"):
        parse(path)


def test_pages_that_recognition_may_not_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "part.pdf"
    picture = tmp_path / "scan.png"
    picture_of(LINES).save(picture)
    canvas: Any = Canvas(str(path), pagesize=A4)
    canvas.drawString(
        72, 700, "The first sheet has letters of its own, written by a program and not by a scanner."
    )
    canvas.showPage()
    canvas.drawImage(str(picture), 0, 500, 595, 225)
    canvas.save()
    with ParserSandbox(Limits(most_ocr_pages=0)) as sandbox:
        document = sandbox.parse(path, path.name, sniff(path, path.name))
    assert "letters of its own" in document.text
    assert document.warnings == ("Page 2: text recognition did not get through; its text is missing.",)


def test_columns_are_read_one_after_the_other() -> None:
    left = [printed(f"left line number {n}", 50, 100 + 14 * n) for n in range(8)]
    right = [printed(f"right line number {n}", 320, 103 + 14 * n) for n in range(8)]
    title = printed("A title over both columns of it", 50, 60, width=470)
    note = printed("A note across both of the columns", 50, 260, width=470)
    mixed = [note, *(line for pair in zip(right, left, strict=True) for line in pair), title]
    assert reading_order(mixed) == [title, *left, *right, note]


def test_the_cells_of_a_table_are_no_columns() -> None:
    cells = [
        printed(text, x0, 100 + 14 * row, width=8.0 * len(text))
        for row in range(6)
        for x0, text in ((50, f"item {row}"), (320, f"{row} pieces"))
    ]
    assert reading_order(list(reversed(cells))) == cells


def test_numbers_stay_beside_their_labels() -> None:
    lines: list[PrintedLine] = []
    for row, label in enumerate(("Cash", "Inventories", "Other assets", "Goodwill", "Total assets")):
        lines.append(printed(label, 50, 100 + 16 * row, width=6.0 * len(label)))
        for right, number in ((400, f"{row + 1},400"), (480, f"{row + 1},480")):
            lines.append(printed(number, right - 30, 101 + 16 * row, width=30))
    document = document_of(reading_of(lines))
    (table,) = document.blocks
    assert table.kind is BlockKind.TABLE
    assert "Goodwill | 4,400 | 4,480" in document.text


def test_a_word_broken_at_the_end_of_a_line_is_whole_again() -> None:
    document = document_of(reading_of([printed("the com-", 50, 100), printed("petitive service", 50, 112)]))
    assert document.text == "the competitive service"
    assert [document.text[one.start : one.end] for one in document.regions] == ["the com", "petitive service"]


def test_what_the_engine_joined_across_columns_is_parted() -> None:
    first = printed("end of a line in", 50, 100).words
    other = printed("the column beside it", 300, 102).words
    below = printed("and on", 50, 112, width=60).words
    pieces = [Rect(x0=50, y0=100, x1=250, y1=110), Rect(x0=300, y0=102, x1=500, y1=112)]
    found = list(printed_lines([*first, *other, *below], pieces, 0.9))
    assert [line.text for line in found] == ["end of a line in", "the column beside it", "and on"]


def test_boxes_are_those_of_the_page_as_it_is_shown() -> None:
    upright = Rect(x0=100, y0=50, x1=300, y1=60)
    box = reading_of([], degrees=180).box(upright)
    assert (box.x0, box.y1) == pytest.approx((1 - 300 / 595, 1 - 50 / 842), abs=1e-4)
    turn = Turn(degrees=-90, width=842, height=595, shown_width=595, shown_height=842)
    box = PageReading(number=1, turn=turn, lines=()).box(upright)
    assert (box.x0, box.x1) == pytest.approx((1 - 60 / 595, 1 - 50 / 595), abs=1e-4)
    assert (box.y0, box.y1) == pytest.approx((100 / 842, 300 / 842), abs=1e-4)


def test_unsure_letters_are_left_out_and_told() -> None:
    sure, unsure = printed("plain words", 50, 100), printed("xq vvz", 50, 130, confidence=0.3)
    reading = reading_of([sure, unsure, printed("mrky wrds", 50, 160, confidence=0.6)], number=7)
    assert "xq vvz" not in document_of(reading).text
    (warning,) = reading_warnings([7], {7: reading})
    assert warning.startswith("Page 7: hard to recognise")
    assert reading_warnings([7], {7: reading_of([sure], number=7)}) == []


def test_readings_of_several_children_are_simply_written_one_after_another(tmp_path: Path) -> None:
    one, two = reading_of([printed("première", 50, 100)], number=1), reading_of([], degrees=1.5, number=2)
    path = tmp_path / "readings"
    path.write_bytes(encode_readings([two]) + encode_readings([one]))
    assert load_readings(path) == {1: one, 2: two}


def test_a_reading_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "readings"
    path.write_text("no JSON")
    with pytest.raises(json.JSONDecodeError):
        load_readings(path)


CYRILLIC = "Ежегодный отпуск составляет двадцать дней"


@pytest.mark.slow
@pytest.mark.skipif(
    "rus" not in getattr(Tesseract.find(), "languages", ()), reason="Tesseract with Russian is not installed"
)
def test_writing_that_the_first_engine_does_not_know_is_read_by_the_second(
    parse: Parse, tmp_path: Path
) -> None:
    font = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    if not font.exists():
        pytest.skip("no font with Cyrillic letters")
    picture = Image.new("RGB", (1400, 140), "white")
    ImageDraw.Draw(picture).text((40, 40), CYRILLIC, fill="black", font=ImageFont.truetype(str(font), 44))
    path = tmp_path / "russian.png"
    picture.save(path)
    assert parse(path).text == CYRILLIC


def test_tesseracts_table_becomes_lines_with_words_and_confidence() -> None:
    table = (
        "1\t1\t0\t0\t0\t0\t0\t0\t900\t300\t-1\t\n"
        "5\t1\t1\t1\t1\t1\t40\t20\t100\t30\t90.0\tЕжегодный\n"
        "5\t1\t1\t1\t1\t2\t160\t22\t80\t28\t70.0\tотпуск\n"
        "5\t1\t1\t1\t2\t1\t40\t60\t50\t30\t50.0\t \n"
    )
    (line,) = lines_of(table, 0.5)
    assert line.text == "Ежегодный отпуск"
    assert line.confidence == pytest.approx(0.8)
    assert (line.x0, line.y0, line.x1, line.y1) == (20, 10, 120, 25)
