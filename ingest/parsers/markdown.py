"""Markdown (CommonMark, tables and footnotes): the words without the signs."""

import re
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish
from ingest.parsers.html import add_html, strip_tags

_MARKDOWN = (
    MarkdownIt("commonmark", {"maxNesting": 60})
    .enable(["table", "strikethrough"])
    .use(footnote_plugin, inline=False, move_to_end=False)
)
_FRONT_MATTER = re.compile(
    r"\A(?P<fence>---|\+\+\+)[ \t]*\n(?P<fields>(?:#[^\n]*\n|[ \t]*\n)*[\w-]+[ \t]*[:=].*?)\n"
    r"(?:(?P=fence)|\.\.\.)[ \t]*(?:\n|\Z)",
    re.DOTALL,
)
"""YAML between `---`, or TOML between `+++`. A rule at the top of a text is none: no field follows it."""
_FRONT_MATTER_TITLE = re.compile(r"^title\s*[:=]\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
_LONGEST_HEADING = 200
"""Characters. What is longer is running text that happens to stand above a line of `-` or `=`."""


def parse_markdown(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    text = decode(path.read_bytes())
    builder = ParsedDocumentBuilder()
    title = None
    if front := _FRONT_MATTER.match(text):
        found = _FRONT_MATTER_TITLE.search(front["fields"])
        title = found[1] if found else None
        text = text[front.end() :]
        builder.code(front["fields"], "yaml" if front["fence"] == "---" else "toml")
    walk = _Walk(builder)
    walk.add(_MARKDOWN.parse(text))
    return finish(builder, name=name, title=title or walk.first_title)


class _Walk:
    """Turns the flat token list into blocks; a list item's first block is the item, the rest paragraphs."""

    def __init__(self, builder: ParsedDocumentBuilder) -> None:
        self._builder = builder
        self._kind = BlockKind.PARAGRAPH
        self._rows: list[list[str]] | None = None
        self._level: int | None = None
        self.first_title: str | None = None

    def add(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            match token.type:
                case "heading_open":
                    self._level = int(token.tag[1])
                case "list_item_open":
                    self._kind = BlockKind.LIST_ITEM
                case "list_item_close":
                    self._kind = BlockKind.PARAGRAPH
                case "inline":
                    self._add_inline(_words(token.children or []))
                case "fence" | "code_block":
                    self._builder.code(token.content, (token.info.split() or [None])[0])
                case "html_block":
                    add_html(self._builder, token.content)
                case _:
                    self._add_table_part(token.type)

    def _add_table_part(self, part: str) -> None:
        if part == "table_open":
            self._rows = []
        elif self._rows is not None and part == "tr_open":
            self._rows.append([])
        elif self._rows is not None and part == "table_close":
            self._builder.table(self._rows)
            self._rows = None

    def _add_inline(self, text: str) -> None:
        level, self._level = self._level, None
        if self._rows is not None:
            self._rows[-1].append(text)
        elif level is not None and len(text) <= _LONGEST_HEADING:
            text = " ".join(text.split())
            self._builder.heading(text, level)
            if level == 1 and self.first_title is None:
                self.first_title = text
        else:
            self._builder.block(self._kind, text)
            self._kind = BlockKind.PARAGRAPH


def _words(tokens: Sequence[Token]) -> str:
    """The ends of lines stay: a quote reads as its file does, and lines that are sentences stay apart."""
    parts: list[str] = []
    for token in tokens:
        match token.type:
            case "text" | "code_inline":
                parts.append(token.content)
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "image":
                parts.append(_words(token.children or []))
            case "html_inline":
                parts.append(strip_tags(token.content))
            case _:
                pass
    return "".join(parts)
