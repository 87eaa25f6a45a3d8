"""Source code: code blocks cut between functions and classes, where blank lines and indentation show them."""

import re
from pathlib import Path, PurePosixPath

from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish
from ingest.programming_languages import language_of

_CLOSING = re.compile(
    r"[)\]}>]|(?:end|else|elif|elsif|elseif|except|catch|finally|fi|done|esac|then)\b|#\s*endif"
)
"""How a line begins that still belongs to what stands before a blank line."""
_LONG_LINES = 60


def parse_source_code(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    text = decode(path.read_bytes())
    builder = ParsedDocumentBuilder()
    add_code(builder, text, language_of(name, text[:200]))
    return finish(builder, name=name, title=PurePosixPath(name).name)


def add_code(builder: ParsedDocumentBuilder, text: str, language: str | None) -> None:
    """Adds one block per definition at the outermost level; a long one, such as a class, in its own parts."""
    for part in _parts(text.expandtabs(4).split("\n"), indent=0):
        inner = _inner_indent(part) if len(part) > _LONG_LINES else 0
        for block in _parts(part, inner) if inner else [part]:
            builder.code("\n".join(block), language)


def _parts(lines: list[str], indent: int) -> list[list[str]]:
    """The lines, parted at blank lines after which one begins anew at `indent` or less."""
    parts: list[list[str]] = [[]]
    for number, line in enumerate(lines):
        starts = number > 0 and not lines[number - 1].strip() and line.strip()
        if starts and _indent(line) <= indent and not _CLOSING.match(line.strip()):
            parts.append([])
        parts[-1].append(line)
    return parts


def _inner_indent(lines: list[str]) -> int:
    """How far the members of a definition are indented: the least indentation above none."""
    return min((_indent(line) for line in lines if line.startswith(" ") and line.strip()), default=0)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
