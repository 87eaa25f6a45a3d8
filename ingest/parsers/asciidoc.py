"""AsciiDoc: titles, lists, tables, delimited blocks and captions; nothing is included or evaluated."""

import csv
import re
from pathlib import Path

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish
from ingest.parsers.light_markup import LineReader, Paragraph, substitute

_TITLE = re.compile(r"(={1,6}|#{1,6}) +(\S.*)")
_ITEM = re.compile(r"\s*(?:\*{1,5}|-|\.{1,5}|\d+\.|[a-zA-Z]\.|<\d+>|<\.>) +(\S.*)")
_TERM = re.compile(r"(\S.*?)(?:::+|;;)(?: +(.*))?$")
_ATTRIBUTE = re.compile(r":!?[\w-]+!?:(?: .*)?$")
_BLOCK_ATTRIBUTES = re.compile(r"\[.*\]$")
_SOURCE = re.compile(r"\[source(?:%\w+)?\s*,\s*([\w+#-]+)")
_CAPTION = re.compile(r"\.([^\s.].*)")
_MACRO = re.compile(r"(image|video|audio|include|toc|ifdef|ifndef|endif|ifeval)::(\S*?)\[(.*)\]$")
_TABLE = re.compile(r"[|,:!]={3,}$")
_FENCE = re.compile(r"(-{4,}|\.{4,}|`{3,}|\+{4,}|/{4,})(\w*)$")
_FRAME = re.compile(r"(={4,}|\*{4,}|_{4,}|--)$")
"""Around content that is itself AsciiDoc; the frame alone is dropped."""
_CELL = re.compile(
    r"(?:(?:^|(?<=\s))(?:\d+(?:\.\d+)?[+*]|\.\d+[+*])?[<^>]?(?:\.[<^>])?[aehlmsdv]?)?(?<!\\)\|"
)
"""Where a cell begins, with what the file may say of its span and style."""
_INLINE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:xref:|link:|https?://|mailto:)[^\s\[]*\[([^\]]+?)(?:,[^\]]*)?\]"), r"\1"),
    (re.compile(r"<<[^>,]+,\s*([^>]+)>>"), r"\1"),
    (re.compile(r"<<([^>,]+)>>"), r"\1"),
    (re.compile(r"\[\[[^\]]*\]\]|\(\(\(.*?\)\)\)"), ""),
    (re.compile(r"(?:footnote|kbd|btn|menu|icon|image|pass):[^\s\[]*\[([^\]]*)\]"), r" \1"),
    (re.compile(r"(?<![\w*])\*{1,2}(\S|\S.*?\S)\*{1,2}(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_])_{1,2}(\S|\S.*?\S)_{1,2}(?![\w_])"), r"\1"),
    (re.compile(r"(?<![\w`])`{1,2}(\S|\S.*?\S)`{1,2}(?![\w`])"), r"\1"),
    (re.compile(r"(?:\[[^\]]*\])?(?<![\w#])#(\S|\S.*?\S)#(?![\w#])"), r"\1"),
    (re.compile(r" \+$"), ""),
)


def parse_asciidoc(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    builder = ParsedDocumentBuilder()
    _Reader(builder, decode(path.read_bytes())).read()
    return finish(builder, name=name, heading_as_title=True)


class _Reader:
    def __init__(self, builder: ParsedDocumentBuilder, text: str) -> None:
        self._builder = builder
        self._lines = LineReader(text)
        self._paragraph = Paragraph(builder, _words)
        self._language: str | None = None

    def read(self) -> None:
        while not self._lines.is_over:
            line = self._lines.take()
            if not self._structure(line):
                self._flow(line)
        self._paragraph.end()

    def _structure(self, line: str) -> bool:
        """Whether the line begins or ends something other than running text."""
        if not line.strip() or line == "+":
            self._paragraph.end()
        elif line.startswith("//") and not line.startswith("///"):
            pass
        elif found := _TITLE.match(line):
            self._paragraph.end()
            self._builder.heading(_words(found[2]), len(found[1]))
        elif fence := _FENCE.match(line):
            self._fenced(line, fence)
        elif _TABLE.match(line):
            self._paragraph.end()
            self._table(self._lines.take_until(line), line[0])
        elif line.startswith("|"):
            self._paragraph.end()
            self._table([line, *self._lines.take_while(lambda one: one.startswith("|"))], "|")
        elif _FRAME.match(line) or _ATTRIBUTE.match(line):
            self._paragraph.end()
        elif macro := _MACRO.match(line):
            self._paragraph.end()
            self._macro(macro)
        elif _BLOCK_ATTRIBUTES.match(line) and self._paragraph.is_empty:
            found = _SOURCE.match(line)
            self._language = found[1] if found else None
        else:
            return False
        return True

    def _flow(self, line: str) -> None:
        if item := _ITEM.match(line):
            self._paragraph.end(BlockKind.LIST_ITEM)
            self._paragraph.add(item[1])
        elif self._paragraph.is_empty and (caption := _CAPTION.match(line)):
            self._builder.block(BlockKind.CAPTION, _words(caption[1]))
        elif term := _TERM.match(line):
            self._paragraph.end(BlockKind.LIST_ITEM)
            self._paragraph.add(f"{term[1]}: {term[2] or ''}")
        else:
            self._paragraph.add(line)

    def _fenced(self, line: str, fence: re.Match[str]) -> None:
        self._paragraph.end()
        content = self._lines.take_until(fence[1])
        if not line.startswith("/"):  # a comment
            self._builder.code("\n".join(content), self._language or fence[2] or None)
        self._language = None

    def _macro(self, macro: re.Match[str]) -> None:
        """Of a picture its description; an included file is never read."""
        description = macro[3].split(",")[0].strip('" ')
        if macro[1] == "image" and "=" not in description:
            self._builder.block(BlockKind.CAPTION, description)

    def _table(self, lines: list[str], separator: str) -> None:
        """A row is a line, or, with one cell a line, as many as the first line has."""
        lines = [line for line in lines if line.strip()]
        if separator in ",:":
            self._builder.table(list(csv.reader(lines, delimiter=separator)))
            return
        rows: list[list[str]] = []
        for line in lines:
            cells = [_words(cell.strip()) for cell in _CELL.split(line)]
            if not _CELL.match(line) and rows and rows[-1]:
                rows[-1][-1] = f"{rows[-1][-1]} {cells[0]}".strip()
            if len(cells) > 1:
                surplus = rows and len(cells) - 1 > len(rows[0]) and not cells[-1]
                rows.append(cells[1:-1] if surplus else cells[1:])
        self._builder.table(_regular(rows))


def _regular(rows: list[list[str]]) -> list[list[str]]:
    """Cells written one a line are gathered into rows as wide as the first."""
    width = len(rows[0]) if rows else 0
    if width < 2 or any(len(row) > 1 for row in rows[1:]):
        return rows
    cells = [cell for row in rows[1:] for cell in row]
    return [rows[0], *(cells[start : start + width] for start in range(0, len(cells), width))]


def _words(text: str) -> str:
    return substitute(text, _INLINE)
