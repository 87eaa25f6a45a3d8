"""From RTF's flow of text and paragraph marks to blocks."""

import re

from ingest.parsed import BlockKind, ParsedDocumentBuilder

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_TITLE = re.compile(r"title\s*;?$", re.IGNORECASE)
_DEEPEST = 6


class Paragraphs:
    """Gathers text until a mark ends the paragraph, cell or row; tables end where a paragraph is in none."""

    def __init__(self, builder: ParsedDocumentBuilder) -> None:
        self._builder = builder
        self.style_levels: dict[int, int] = {}
        self._style = 0
        self._level: int | None = None
        self._in_table = False
        self._is_list_item = False
        self._text: list[str] = []
        self._note: list[str] = []
        self._notes: list[str] = []
        self._cells: list[str] = []
        self._rows: list[list[str]] = []

    def name_style(self, style: int, name: str) -> None:
        """Word writes the names of its own heading styles in English whatever its language."""
        if found := _HEADING.match(name.strip()):
            self.style_levels.setdefault(style, int(found[1]))
        elif _TITLE.match(name.strip()):
            self.style_levels.setdefault(style, 1)

    def add(self, text: str, *, is_note: bool) -> None:
        (self._note if is_note else self._text).append(text)

    def mark_list_item(self) -> None:
        self._is_list_item = True

    def end_note(self) -> None:
        """The note is put after the paragraph in which it is anchored."""
        self._notes.append(_joined(self._note))
        self._note.clear()

    def control(self, word: str, argument: int | None) -> None:
        match word:
            case "par" | "sect" | "page" if not self._in_table:
                self._end_paragraph()
            case "pard":
                self._style, self._level = 0, None
                self._in_table = self._is_list_item = False
            case "s":
                self._style = argument or 0
            case "outlinelevel":
                self._level = (argument or 0) + 1
            case "ls":
                self._is_list_item = True
            case _:
                self._table_control(word, argument)

    def _table_control(self, word: str, argument: int | None) -> None:
        match word:
            case "intbl" | "itap":
                self._in_table = argument != 0
            case "cell":
                self._cells.append(_joined(self._text))
                self._text.clear()
            case "row":
                self._rows.append(self._cells)
                self._cells = []
            case "par" | "sect" | "page" | "nestcell" | "nestrow":
                self._text.append("\n")
            case _:
                pass

    def finish(self) -> None:
        self._end_paragraph()

    def _end_paragraph(self) -> None:
        text = _joined(self._text)
        self._text.clear()
        self._end_table()
        if text:
            level = self._level or self.style_levels.get(self._style)
            if level is not None and level <= _DEEPEST:
                self._builder.heading(text, level)
            else:
                self._builder.block(BlockKind.LIST_ITEM if self._is_list_item else BlockKind.PARAGRAPH, text)
        self._add_notes()

    def _end_table(self) -> None:
        if self._cells:
            self._rows.append(self._cells)
            self._cells = []
        if max((len(row) for row in self._rows), default=0) < 2:
            # One column is a frame around text, not a table.
            for row in self._rows:
                for cell in row:
                    self._builder.block(BlockKind.PARAGRAPH, cell)
        else:
            self._builder.table(self._rows)
        self._rows = []

    def _add_notes(self) -> None:
        for note in self._notes:
            self._builder.block(BlockKind.PARAGRAPH, note)
        self._notes.clear()


def _joined(parts: list[str]) -> str:
    """The text, with surrogates from `\\u` joined to the characters that they stand for."""
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
