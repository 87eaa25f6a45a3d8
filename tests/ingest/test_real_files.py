"""Real files of every supported format, with words that must be found in them."""

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from ingest.archives import expand
from ingest.errors import IngestError, NothingRecognizedError, UnsupportedFormatError
from ingest.parsed import ParsedDocument

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "files"
PICTURES = {"png", "jpg", "jpeg", "tif", "webp"}
QUICKLY_READ = {
    "ocr_test.pdf",
    "ocr_test_rotated_90.pdf",
    "webp-test.webp",
    "testOCR.png",
    "chi_sim_image.jpeg",
    "francais.pdf",
    "english-and-korean.png",
    "single_table.pdf",
}
"""Scans and pictures that take a second or two each; `bench/real_files.py` reads all of them."""
ENDINGS = {
    "encrypted": {"password_required"},
    "corrupt": {"corrupt", "unsupported_format"},
    "empty": {"empty"},
    "security": {"empty"},
}
UNREADABLE = {"pages_2013.pages"}
IN_PICTURES_ONLY = {"complex_ttf_font.pdf"}
"""Its fonts do not say which letters they show, and they are Arabic."""
UNREACHED = {
    "XiaoBiaoSong.pdf": "its fonts do not say which letters they show, and the probes are the wrong letters",
    "pdf-bad-color-space.pdf": "PDFium passes over one line, whose colour space is broken",
    "complex.mbox": "the probe stands in Received headers, the path the mail took, which is left out",
    "legacy_sample.ppt": "the probe is the name of the slides' design, not words of a slide",
    "test.fb2": "the probe is a remark inside the encoded bytes of a picture",
    "testMHTMLFirefox.mhtml": "the probe is the id of an element in the page's markup, not text",
}


def manifest() -> list[dict[str, Any]]:
    path = FOLDER / "manifest.jsonl"
    if not path.exists():
        return []
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        entry
        for entry in entries
        if entry["format"] not in PICTURES and entry["file"] not in IN_PICTURES_ONLY
    ]


def scans() -> list[dict[str, Any]]:
    path = FOLDER / "manifest.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [entry for entry in entries if entry["file"] in QUICKLY_READ]


def cases(*expectations: str) -> list[Any]:
    """One case per file; those that are known not to give all their words must fail."""
    return [
        pytest.param(
            entry,
            id=entry["file"],
            marks=[pytest.mark.xfail(reason=UNREACHED[entry["file"]], strict=True)]
            if entry["file"] in UNREACHED
            else [],
        )
        for entry in manifest()
        if entry["expect"] in expectations
    ]


def bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


pytestmark = pytest.mark.skipif(not manifest(), reason="the shared files are not beside the repository")


@pytest.mark.parametrize("entry", cases("text", "mixed", "restricted"))
def test_a_real_file_gives_its_words(
    parse_words: Callable[[Path], ParsedDocument], entry: dict[str, Any]
) -> None:
    if entry["file"] in UNREADABLE:
        with pytest.raises(UnsupportedFormatError, match=re.escape(entry["file"])):
            parse_words(FOLDER / entry["file"])
        return
    document = parse_words(FOLDER / entry["file"])
    found = bare(f"{document.title}\n{document.text}")
    assert [probe for probe in entry["probes"] if bare(probe) not in found] == []


@pytest.mark.parametrize("entry", [case for kind in ENDINGS for case in cases(kind)])
def test_a_real_file_without_readable_words_ends_with_the_right_reason(
    parse_words: Callable[[Path], ParsedDocument], entry: dict[str, Any]
) -> None:
    with pytest.raises(IngestError) as caught:
        parse_words(FOLDER / entry["file"])
    assert caught.value.code in ENDINGS[entry["expect"]]
    assert entry["file"] in str(caught.value)


@pytest.mark.parametrize("entry", cases("archive"))
def test_every_file_in_a_real_archive_is_read(
    parse: Callable[[Path], ParsedDocument], tmp_path: Path, entry: dict[str, Any]
) -> None:
    names: list[str] = []
    for member in expand(FOLDER / entry["file"], entry["file"], tmp_path):
        names.append(Path(member.name).name)
        assert parse(member.path.rename(tmp_path / names[-1])).text
    assert sorted(names) == sorted(Path(name).name for name in ZipFile(FOLDER / entry["file"]).namelist())


STRUCTURES: dict[str, list[tuple[str, str]]] = {
    "legacy_sample.doc": [
        ("heading", "Let’s swim!"),
        ("list_item", "Paddle about"),
        ("table", "Leaves | Ash, Elm, Maple | 50"),
    ],
    "legacy_sample.ppt": [
        ("heading", "Second slide title"),
        ("table", "R1 | True | False |  | False | True | True"),
    ],
    "legacy_sample.xls": [("heading", "Duck Observations"), ("table", "2019 | 120")],
    "testWORD.doc": [("heading", "Heading Level 3"), ("table", "Nested table More of our nested table")],
    "text_document_01.odt": [("heading", "Heading level 2: A"), ("list_item", "bullet list 2.2.1")],
    "odf_presentation_01.odp": [
        ("heading", "Second slide title"),
        ("paragraph", "Speaker notes: Some notes on"),
    ],
    "odf_table_with_title_01.ods": [("heading", "Sheet1"), ("table", "Year | Freshwater Ducks")],
    "winter-sports.epub": [("heading", "CONTENTS")],
    "test.fb2": [("heading", "ЧАСТЬ ПЕРВАЯ")],
    "testHWP_5.0.hwp": [("paragraph", "테스트")],
    "testMSG_att_msg.msg": [("heading", "Attachment: Test Attachment"), ("heading", "Attachment: smbprn")],
    "asciidoc_02.asciidoc": [
        ("caption", "Caption for the table 1"),
        ("table", "Header 1 | Header 2\nValue 1"),
    ],
    "README.org": [("heading", "XBRL 10-K")],
}


@pytest.mark.parametrize("file", STRUCTURES)
def test_a_real_file_keeps_its_structure(parse: Callable[[Path], ParsedDocument], file: str) -> None:
    document = parse(FOLDER / file)
    blocks = [(block.kind.value, document.text[block.start : block.end]) for block in document.blocks]
    missing = [
        (kind, words)
        for kind, words in STRUCTURES[file]
        if not any(kind == found and words in text for found, text in blocks)
    ]
    assert missing == []


@pytest.mark.slow
@pytest.mark.skipif(not scans(), reason="the shared files are not beside the repository")
@pytest.mark.parametrize("entry", scans(), ids=lambda entry: entry["file"])
def test_a_scan_or_picture_gives_its_words(
    parse: Callable[[Path], ParsedDocument], entry: dict[str, Any]
) -> None:
    document = parse(FOLDER / entry["file"])
    found = bare(document.text)
    read = [probe for probe in entry["probes"] if bare(probe) in found]
    assert len(read) >= 0.8 * len(entry["probes"])
    covered = sum(region.end - region.start for region in document.regions)
    assert covered >= 0.9 * len("".join(document.text.split()))


@pytest.mark.slow
def test_writing_that_recognition_does_not_know_is_told(parse: Callable[[Path], ParsedDocument]) -> None:
    path = FOLDER / "complex_ttf_font.pdf"
    if not path.exists():
        pytest.skip("the shared files are not beside the repository")
    with pytest.raises(NothingRecognizedError, match=r"'complex_ttf_font\.pdf'"):
        parse(path)


POSTGRES = FOLDER.parent / "docs" / "postgresql-15-html.zip"


@pytest.mark.skipif(not POSTGRES.exists(), reason="the shared documentation is not beside the repository")
def test_a_manual_page_keeps_its_sections_and_loses_its_navigation(
    parse: Callable[[Path], ParsedDocument], tmp_path: Path
) -> None:
    with ZipFile(POSTGRES) as archive:
        page = next(name for name in archive.namelist() if name.endswith("/datatype-numeric.html"))
        path = tmp_path / "datatype-numeric.html"
        path.write_bytes(archive.read(page))
    document = parse(path)
    assert document.title == "8.1. Numeric Types"
    assert any(block.rows and "smallint" in document.text[slice(*block.rows[1])] for block in document.blocks)
    assert any(
        block.heading_path == ("8.1. Numeric Types", "8.1.1. Integer Types") for block in document.blocks
    )
    assert "Prev" not in document.text
