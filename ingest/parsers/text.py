"""Plain text in any encoding: paragraphs are what blank lines part."""

import re
from pathlib import Path, PurePosixPath

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*?(?=\S|[^\S\n]+\S|\Z)|\f")
_CODE_SUFFIXES = frozenset(
    [
        ".c",
        ".cc",
        ".cpp",
        ".cs",
        ".css",
        ".go",
        ".h",
        ".hpp",
        ".ini",
        ".java",
        ".js",
        ".json",
        ".jsonl",
        ".kt",
        ".lua",
        ".php",
        ".pl",
        ".py",
        ".r",
        ".rb",
        ".rs",
        ".scala",
        ".sh",
        ".sql",
        ".swift",
        ".toml",
        ".ts",
        ".tsx",
        ".yaml",
        ".yml",
    ]
)


def parse_text(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    builder = ParsedDocumentBuilder()
    kind = BlockKind.CODE if PurePosixPath(name).suffix.lower() in _CODE_SUFFIXES else BlockKind.PARAGRAPH
    add_paragraphs(builder, decode(path.read_bytes()), kind)
    return finish(builder, name=name)


def add_paragraphs(builder: ParsedDocumentBuilder, text: str, kind: BlockKind = BlockKind.PARAGRAPH) -> None:
    """Adds one block per paragraph of plain text."""
    for paragraph in _BLANK_LINES.split(text):
        builder.block(kind, paragraph)
