"""Real files of every supported format, with words that must be found in them."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from ingest.errors import IngestError
from ingest.parsed import ParsedDocument

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "files"
FORMATS = {"pdf", "docx", "docm", "pptx", "xlsx", "xlsm", "csv", "html", "md", "txt", "eml"}
ENDINGS = {
    "encrypted": {"password_required"},
    "corrupt": {"corrupt"},
    "empty": {"empty"},
    "ocr": {"empty"},
}
UNREACHED = {
    "XiaoBiaoSong.pdf": "its fonts do not say which letters they show, and the probes are the wrong letters",
    "pdf-bad-color-space.pdf": "one line of a page's furniture is left out",
    "what_is_haystack.html": "the probe stands in the page's navigation, which is left out",
}


def manifest() -> list[dict[str, Any]]:
    path = FOLDER / "manifest.jsonl"
    if not path.exists():
        return []
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [entry for entry in entries if entry["format"] in FORMATS]


def bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


@pytest.mark.skipif(not manifest(), reason="the shared files are not beside the repository")
@pytest.mark.parametrize("entry", manifest(), ids=lambda entry: entry["file"])
def test_a_real_file_gives_its_words_or_the_right_reason(
    parse: Callable[[Path], ParsedDocument], entry: dict[str, Any]
) -> None:
    path = FOLDER / entry["file"]
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
