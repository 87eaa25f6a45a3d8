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
_COLUMNS = re.compile(r"cols=(?:\"([^\"]*)\"|([^,\]]*))")
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
        self._columns = 0

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
            self._columns = _column_count(line)
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
        width, self._columns = self._columns, 0
        lines = [line for line in lines if line.strip()]
        if separator in ",:":
            self._builder.table(list(csv.reader(lines, delimiter=separator)))
        else:
            self._builder.table(_rows(lines, width))


def _rows(lines: list[str], width: int) -> list[list[str]]:
    """A row is a line, or as many lines as hold `width` cells; without a width, the first line has it."""
    rows: list[list[str]] = []
    row: list[str] = []
    for line in lines:
        continued, *cells = [_words(cell.strip()) for cell in _CELL.split(line)]
        if continued and row:
            row[-1] = f"{row[-1]} {continued}"
        width = width or len(cells)
        if len(cells) > width and not cells[-1]:
            cells.pop()
        if row and len(row) + len(cells) > width:
            rows.append(row)
            row = []
        row += cells
    return [*rows, row]


def _column_count(attributes: str) -> int:
    """What `cols="1,2a"` or `cols=3*` says, or 0."""
    found = _COLUMNS.search(attributes)
    columns = (found[1] or found[2] or "").split(",") if found else []
    counts = [column.strip().partition("*") for column in columns]
    return sum(min(int(count), 100) if star and count.isdecimal() else 1 for count, star, _ in counts)


def _words(text: str) -> str:
    return substitute(text, _INLINE)
