"""Reads the sources of the sample's PDF and DOCX files: a header of `key: value` lines, then Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PAGE_BREAK_MARK = "<!-- page -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListItem:
    text: str
    number: int | None
    """From 1; None in a list with bullets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    rows: tuple[tuple[str, ...], ...]
    """Header row first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBreak:
    pass


Part = Heading | Paragraph | ListItem | Table | PageBreak


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSource:
    title: str
    header: str
    footer: str
    author: str
    date: datetime
    language: str
    """BCP 47, such as `ar-TN`."""
    parts: tuple[Part, ...]


def read_source(path: Path) -> WrittenSource:
    """Raises KeyError when the header lacks a required key."""
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.strip().splitlines())
    return WrittenSource(
        title=fields["title"],
        header=fields["header"],
        footer=fields["footer"],
        author=fields["author"],
        date=datetime.fromisoformat(fields["date"]).replace(hour=9, tzinfo=UTC),
        language=fields.get("language", "en-GB"),
        parts=_parts(MarkdownIt("commonmark").enable("table").parse(body)),
    )


def _parts(tokens: Sequence[Token]) -> tuple[Part, ...]:
    parts: list[Part] = []
    next_numbers: list[int | None] = []
    rows: list[list[str]] = []
    for token, before in zip(tokens[1:], tokens, strict=False):
        match token.type:
            case "table_close":
                parts.append(Table(rows=tuple(tuple(row) for row in rows)))
                rows = []
            case "tr_open":
                rows.append([])
            case "inline" if rows:
                rows[-1].append(token.content)
            case "inline":
                parts.append(_text_part(token, before, next_numbers))
            case "html_block" if token.content.strip() == PAGE_BREAK_MARK:
                parts.append(PageBreak())
            case "bullet_list_open" | "ordered_list_open":
                next_numbers.append(1 if token.tag == "ol" else None)
            case "bullet_list_close" | "ordered_list_close":
                next_numbers.pop()
            case _:
                pass
    return tuple(parts)


def _text_part(inline: Token, opening: Token, next_numbers: list[int | None]) -> Part:
    text = " ".join(inline.content.split())
    if opening.type == "heading_open":
        return Heading(level=int(opening.tag[1:]), text=text)
    if not next_numbers:
        return Paragraph(text=text)
    number = next_numbers[-1]
    if number is not None:
        next_numbers[-1] = number + 1
    return ListItem(text=text, number=number)
