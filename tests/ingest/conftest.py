"""Fixtures of the ingest room: the real parsers in their sandbox."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.isolation import ParserSandbox
from ingest.parsed import BlockKind, ParsedDocument
from ingest.sniffing import sniff

Parse = Callable[[Path], ParsedDocument]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def parse(sandbox: ParserSandbox) -> Parse:
    """Sniffs and parses as a worker does, and checks what must hold for every document."""

    def parse(path: Path) -> ParsedDocument:
        document = sandbox.parse(path, path.name, sniff(path, path.name))
        check_parsed_form(document)
        return document

    return parse


def check_parsed_form(document: ParsedDocument) -> None:
    """The canonical text is its blocks joined by blank lines, and everything points inside it."""
    text = document.text
    assert text == "\n\n".join(text[block.start : block.end] for block in document.blocks)
    path: list[tuple[int, str]] = []
    for block in document.blocks:
        if block.kind is BlockKind.HEADING:
            assert block.level is not None
            path = [(level, title) for level, title in path if level < block.level]
        assert block.heading_path == tuple(title for _, title in path)
        if block.kind is BlockKind.HEADING:
            path.append((block.level or 0, " ".join(text[block.start : block.end].split())))
        for start, end in block.rows:
            assert block.start <= start < end <= block.end
        if block.page is not None:
            assert 1 <= block.page <= (document.pages or 0)
    starts = [region.start for region in document.regions]
    assert starts == sorted(starts)
    for region in document.regions:
        assert 0 <= region.start < region.end <= len(text)
        box = region.box
        assert 0 <= box.x0 <= box.x1 <= 1
        assert 0 <= box.y0 <= box.y1 <= 1
