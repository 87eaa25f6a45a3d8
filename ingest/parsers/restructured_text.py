"""reStructuredText: sections, lists, both kinds of table, literal blocks, directives; nothing is included."""

import csv
import re
from itertools import pairwise
from pathlib import Path

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish
from ingest.parsers.light_markup import LineReader, Paragraph, indent_of, substitute

_LINE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}$")
_ITEM = re.compile(r"(\s*)(?:[*+•-]|(?:\d+|#|[a-zA-Z])[.)]|\((?:\d+|[a-zA-Z])\)) +(\S.*)")
_FIELD = re.compile(r"\s*:([^:`]+):(?: +(.*))?$")
_DIRECTIVE = re.compile(r"(\s*)\.\. +(?:\|[^|]*\| +)?([\w:.+-]+)::(?: +(.*))?$")
_EXPLICIT = re.compile(r"(\s*)\.\.(?: +(.*))?$")
_NOTE = re.compile(r"\[[^\]]+\] +(.*)")
_OPTION = re.compile(r":[\w-]+:")
_GRID = re.compile(r"\+[-=+]+\+$")
_SIMPLE = re.compile(r"={2,}(?: +={2,})+$")
_CODE = frozenset(
    {"code", "code-block", "sourcecode", "literalinclude", "parsed-literal", "highlight", "doctest"}
)
_DROPPED = frozenset(
    [
        "include",
        "raw",
        "toctree",
        "contents",
        "meta",
        "image-map",
        "index",
        "only",
        "highlight",
        "default-role",
        "role",
        "currentmodule",
        "module",
        "sectnum",
        "automodule",
        "autoclass",
        "autofunction",
    ]
)
_INLINE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"``(.+?)``"), r"\1"),
    (re.compile(r":[\w:.+-]+:`([^`<]+?)\s*<[^`>]*>`"), r"\1"),
    (re.compile(r":[\w:.+-]+:`[~!]?([^`]+)`"), r"\1"),
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{1,2}"), r"\1"),
    (re.compile(r"`([^`]+)`_{0,2}"), r"\1"),
    (re.compile(r"(?<![\w*])\*{1,2}(\S|\S.*?\S)\*{1,2}(?![\w*])"), r"\1"),
    (re.compile(r"\|(\S[^|]*)\|_{0,2}"), r"\1"),
    (re.compile(r"(?<=\w)_{1,2}(?!\w)"), ""),
    (re.compile(r"\\(.)"), r"\1"),
)


def parse_restructured_text(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    builder = ParsedDocumentBuilder()
    _Reader(builder, []).read(decode(path.read_bytes()))
    return finish(builder, name=name, heading_as_title=True)


class _Reader:
    """Reads a text, or what is indented under a directive: both share the styles of headings."""

    def __init__(self, builder: ParsedDocumentBuilder, heading_styles: list[str]) -> None:
        self._builder = builder
        self._heading_styles = heading_styles
        self._paragraph = Paragraph(builder, _words)

    def read(self, text: str) -> None:
        self._lines = LineReader(text)
        while not self._lines.is_over:
            if not self._heading():
                line = self._lines.take()
                if not self._structure(line):
                    self._flow(line)
        self._paragraph.end()

    def _heading(self) -> bool:
        """A line of punctuation under a title, or one over and one under it; styles rank as they appear."""
        first, second, third = (self._lines.ahead(count) for count in range(3))
        if _LINE.match(first) and second.strip() and third == first:
            title, style = second, f"{first[0]}{first[0]}"
            self._lines.position += 3
        elif first.strip() and not _LINE.match(first) and _LINE.match(second) and indent_of(first) == 0:
            if len(second) < min(len(first), 4) or not self._paragraph.is_empty:
                return False
            title, style = first, second[0]
            self._lines.position += 2
        else:
            return False
        self._paragraph.end()
        if style not in self._heading_styles:
            self._heading_styles.append(style)
        self._builder.heading(_words(title.strip()), min(self._heading_styles.index(style) + 1, 6))
        return True

    def _structure(self, line: str) -> bool:
        if not line.strip():
            self._paragraph.end()
        elif _GRID.match(line.strip()):
            self._paragraph.end()
            self._grid_table(line)
        elif _SIMPLE.match(line.strip()):
            self._paragraph.end()
            self._simple_table(line)
        elif directive := _DIRECTIVE.match(line):
            self._paragraph.end()
            self._directive(directive)
        elif explicit := _EXPLICIT.match(line):
            self._paragraph.end()
            self._explicit(explicit)
        elif _LINE.match(line) and self._paragraph.is_empty:
            pass
        else:
            return False
        return True

    def _flow(self, line: str) -> None:
        if item := _ITEM.match(line):
            self._paragraph.end(BlockKind.LIST_ITEM)
            self._paragraph.add(item[2])
        elif self._paragraph.is_empty and (found := _FIELD.match(line)):
            self._builder.block(BlockKind.PARAGRAPH, f"{found[1]}: {_words(found[2] or '')}")
        elif line.startswith((">>> ", "| ")):
            self._builder.block(BlockKind.CODE if line[0] == ">" else BlockKind.PARAGRAPH, line.lstrip("| "))
        elif line.endswith("::"):
            self._paragraph.add(line[:-2].rstrip() + (":" if len(line) > 2 else ""))
            self._paragraph.end()
            self._literal(indent_of(line), None)
        elif self._paragraph.is_empty and indent_of(self._lines.ahead()) > indent_of(line):
            self._paragraph.add(f"{line}:")  # a term and its definition
        else:
            self._paragraph.add(line)

    def _literal(self, indent: int, language: str | None) -> None:
        self._builder.code("\n".join(self._lines.take_indented(indent + 1)), language)

    def _directive(self, found: re.Match[str]) -> None:
        """What a directive holds is kept as what it is; files that it names are never read."""
        directive, argument = found[2].lower(), (found[3] or "").strip()
        content = self._lines.take_indented(len(found[1]) + 1)
        while content and _OPTION.match(content[0]):
            del content[0]
        if directive in _CODE:
            self._builder.code("\n".join(content), argument or None)
        elif directive in ("csv-table", "list-table", "table"):
            self._builder.block(BlockKind.CAPTION, _words(argument))
            self._directive_table(directive, content)
        elif directive in ("image", "figure"):
            _Reader(self._builder, self._heading_styles).read("\n".join(content))
        elif directive not in _DROPPED:
            inner = [argument, "", *content] if argument else content
            _Reader(self._builder, self._heading_styles).read("\n".join(inner))

    def _directive_table(self, directive: str, content: list[str]) -> None:
        if directive == "csv-table":
            self._builder.table(list(csv.reader(line for line in content if line.strip())))
        elif directive == "list-table":
            self._builder.table(_list_table(content))
        else:
            _Reader(self._builder, self._heading_styles).read("\n".join(content))

    def _explicit(self, found: re.Match[str]) -> None:
        """A footnote is text; a target or comment is not."""
        content = self._lines.take_indented(len(found[1]) + 1)
        if note := _NOTE.match(found[2] or ""):
            words = " ".join([note[1], *(line.strip() for line in content)])
            self._builder.block(BlockKind.PARAGRAPH, _words(words))

    def _grid_table(self, border: str) -> None:
        lines = self._lines.take_while(lambda line: line.lstrip().startswith(("+", "|")))
        edges = [index for index, char in enumerate(border) if char == "+"]
        rows: list[list[str]] = [[]]
        for line in lines:
            if line.lstrip().startswith("+"):
                rows.append([])
                continue
            # A cell that spans columns has no bar at the edges that it covers.
            bars = [edge for edge in edges if edge < len(line) and line[edge] == "|"]
            cells = [line[start + 1 : end].strip() for start, end in pairwise(bars)]
            rows[-1] = _appended(rows[-1], cells)
        self._builder.table([[_words(cell) for cell in row] for row in rows if row])

    def _simple_table(self, border: str) -> None:
        starts = [match.start() for match in re.finditer(r"=+", border)]
        spans = list(zip(starts, [*starts[1:], None], strict=True))
        rows: list[list[str]] = []
        borders = 1
        while not self._lines.is_over:
            line = self._lines.take()
            if _SIMPLE.match(line.strip()):
                borders += 1
                # The second line may be the last: a table without a header.
                if borders == 3 or not self._lines.ahead().strip():
                    break
            elif line.strip() and not re.fullmatch(r"[-\s]+", line):
                cells = [line[start:end].strip() for start, end in spans]
                if rows and not cells[0]:
                    rows[-1] = _appended(rows[-1], cells)
                else:
                    rows.append(cells)
        self._builder.table([[_words(cell) for cell in row] for row in rows])


def _appended(row: list[str], cells: list[str]) -> list[str]:
    """A row that goes on in the next line."""
    if len(row) != len(cells):
        return row or cells
    return [f"{above} {below}".strip() for above, below in zip(row, cells, strict=True)]


def _list_table(content: list[str]) -> list[list[str]]:
    """A list of lists: `* -` begins a row, `-` the next cell."""
    rows: list[list[str]] = []
    for line in content:
        stripped = line.strip()
        if stripped.startswith("* -"):
            rows.append([stripped[3:].strip()])
        elif stripped.startswith("-") and rows:
            rows[-1].append(stripped[1:].strip())
        elif stripped and rows:
            rows[-1][-1] = f"{rows[-1][-1]} {stripped}".strip()
    return [[_words(cell) for cell in row] for row in rows]


def _words(text: str) -> str:
    return substitute(text, _INLINE)
