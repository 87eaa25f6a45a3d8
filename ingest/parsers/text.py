"""Plain text in any encoding: paragraphs are what blank lines part."""

import re
from pathlib import Path

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*?(?=\S|[^\S\n]+\S|\Z)|\f")


def parse_text(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    builder = ParsedDocumentBuilder()
    add_paragraphs(builder, decode(path.read_bytes()))
    return finish(builder, name=name)


def add_paragraphs(builder: ParsedDocumentBuilder, text: str, kind: BlockKind = BlockKind.PARAGRAPH) -> None:
    """Adds one block per paragraph of plain text."""
    for paragraph in _BLANK_LINES.split(text):
        builder.block(kind, paragraph)
