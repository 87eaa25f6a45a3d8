"""Real files of every supported format, with words that must be found in them."""

import json
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from ingest.confinement import Limits
from ingest.errors import CopyingForbiddenError, IngestError, NothingRecognizedError
from ingest.isolation import ParserSandbox
from ingest.parsed import ParsedDocument
from ingest.sniffing import sniff

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "files"
FORMATS = {"pdf", "docx", "docm", "pptx", "xlsx", "xlsm", "csv", "html", "md", "txt", "eml"}
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
"""Scans and pictures that take a second or two each; `bench/pdf_files.py` reads all of them."""
ENDINGS = {
    "encrypted": {"password_required"},
    "corrupt": {"corrupt"},
    "empty": {"empty"},
}
FORBIDDEN = {"copy-protected.pdf"}
"""Of the files called restricted, the one whose permissions really forbid copying."""
IN_PICTURES_ONLY = {"complex_ttf_font.pdf"}
"""Its fonts do not say which letters they show, and they are Arabic."""
UNREACHED = {
    "XiaoBiaoSong.pdf": "its fonts do not say which letters they show, and the probes are the wrong letters",
    "pdf-bad-color-space.pdf": "PDFium passes over one line, whose colour space is broken",
    "what_is_haystack.html": "the probe stands in the page's navigation, which is left out",
}


def manifest() -> list[dict[str, Any]]:
    path = FOLDER / "manifest.jsonl"
    if not path.exists():
        return []
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        entry
        for entry in entries
        if entry["format"] in FORMATS
        and entry["expect"] != "ocr"
        and entry["file"] not in FORBIDDEN | IN_PICTURES_ONLY
    ]


def scans() -> list[dict[str, Any]]:
    path = FOLDER / "manifest.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [entry for entry in entries if entry["file"] in QUICKLY_READ]


@pytest.fixture(scope="session")
def without_recognition() -> Iterator[ParserSandbox]:
    """Leaves pages that are pictures unread, which takes seconds each."""
    with ParserSandbox(Limits(most_ocr_pages=0)) as sandbox:
        yield sandbox


def bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


@pytest.mark.skipif(not manifest(), reason="the shared files are not beside the repository")
@pytest.mark.parametrize("entry", manifest(), ids=lambda entry: entry["file"])
def test_a_real_file_gives_its_words_or_the_right_reason(
    without_recognition: ParserSandbox, entry: dict[str, Any]
) -> None:
    path = FOLDER / entry["file"]

    def parse(path: Path) -> ParsedDocument:
        return without_recognition.parse(path, path.name, sniff(path, path.name))

    if endings := ENDINGS.get(entry["expect"]):
        with pytest.raises(IngestError) as caught:
            parse(path)
        assert caught.value.code in endings
        assert entry["file"] in str(caught.value)
        return
    document = parse(path)
    found = bare(f"{document.title}\n{document.text}")
    lost = [probe for probe in entry["probes"] if bare(probe) not in found]
    if entry["file"] in UNREACHED:
        pytest.xfail(UNREACHED[entry["file"]])
    assert not lost


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


def test_a_restricted_file_is_refused(parse: Callable[[Path], ParsedDocument]) -> None:
    path = FOLDER / "copy-protected.pdf"
    if not path.exists():
        pytest.skip("the shared files are not beside the repository")
    with pytest.raises(CopyingForbiddenError):
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
