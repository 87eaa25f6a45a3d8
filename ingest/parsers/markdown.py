"""Markdown (CommonMark and tables): the words without the signs."""

import re
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish
from ingest.parsers.html import add_html, strip_tags

_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": 60}).enable(["table", "strikethrough"])
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_FRONT_MATTER_TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)


def parse_markdown(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    text = decode(path.read_bytes())
    builder = ParsedDocumentBuilder()
    title = None
    if front := _FRONT_MATTER.match(text):
        found = _FRONT_MATTER_TITLE.search(front[1])
        title = found[1] if found else None
        text = text[front.end() :]
        builder.code(front[1], "yaml")
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
        if self._rows is not None:
            self._rows[-1].append(text)
        elif self._level is not None:
            self._builder.heading(text, self._level)
            if self._level == 1 and self.first_title is None:
                self.first_title = text
            self._level = None
        else:
            self._builder.block(self._kind, text)
            self._kind = BlockKind.PARAGRAPH


def _words(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        match token.type:
            case "text" | "code_inline":
                parts.append(token.content)
            case "softbreak":
                parts.append(" ")
            case "hardbreak":
                parts.append("\n")
            case "image":
                parts.append(_words(token.children or []))
            case "html_inline":
                parts.append(strip_tags(token.content))
            case _:
                pass
    return "".join(parts)
