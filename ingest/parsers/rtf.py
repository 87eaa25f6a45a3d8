"""RTF (specification 1.9.1): words, headings by style or outline level, lists, tables, notes."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.rtf_paragraphs import Paragraphs
from ingest.parsers.rtf_words import CODE_PAGES, DROPPED, LEFT_OUT, SYMBOLS, UNDERSTOOD

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.DOTALL,
)


def parse_rtf(path: Path, name: str) -> ParsedDocument:
    """What is damaged gives as much text as can be told. Raises `EmptyDocumentError`."""
    builder = ParsedDocumentBuilder()
    title = add_rtf(builder, path.read_bytes())
    return finish(builder, name=name, title=title, heading_as_title=True)


def add_rtf(builder: ParsedDocumentBuilder, data: bytes) -> str:
    """Adds the document's content; returns the title of its properties, or nothing."""
    reader = _Reader(data, Paragraphs(builder))
    reader.read()
    return reader.title.strip()


@dataclass(slots=True, kw_only=True)
class _Group:
    """What holds until the group's closing brace."""

    destination: str = ""
    """Where text goes: empty for the document, `LEFT_OUT` names are dropped."""
    font: int | None = None
    fallback_chars: int = 1
    """How many characters after a `\\u` are for readers that do not know Unicode."""
    hidden: bool = False


@dataclass(slots=True)
class _Reader:
    data: bytes
    paragraphs: Paragraphs
    title: str = ""
    _group: _Group = field(default_factory=_Group)
    _outer: list[_Group] = field(default_factory=list[_Group])
    _bytes: bytearray = field(default_factory=bytearray)
    """Text not yet decoded: a character may be spread over several tokens."""
    _code_page: str = "cp1252"
    _default_font: int = 0
    _fonts: dict[int, str] = field(default_factory=dict[int, str])
    _style: int = 0
    _skip: int = 0
    _starred: bool = False

    def read(self) -> None:
        position = 0
        while match := _TOKEN.match(self.data, position):
            position = match.end()
            word, number, code, symbol, brace, text = match.groups()
            if text is not None:
                self._text(text)
            elif code is not None:
                self._text(bytes([int(code, 16)]))
            elif brace == b"{":
                self._flush()
                self._outer.append(self._group)
                self._group = replace(self._group)
                self._skip = 0
            elif brace == b"}":
                self._close()
            elif word is not None:
                argument = int(number) if number is not None else None
                if word == b"bin":
                    position += max(0, argument or 0)
                else:
                    self._word(word.decode("ascii"), argument)
            elif symbol is not None:
                self._symbol(symbol)
        self._flush()
        self.paragraphs.finish()

    def _close(self) -> None:
        self._flush()
        closed = self._group.destination
        self._group = self._outer.pop() if self._outer else _Group()
        self._skip = 0
        if closed in ("footnote", "annotation") and self._group.destination != closed:
            self.paragraphs.end_note()

    def _text(self, text: bytes) -> None:
        if self._skip:
            skipped = min(self._skip, len(text))
            self._skip -= skipped
            text = text[skipped:]
        self._starred = False
        if not self._group.hidden and self._group.destination not in LEFT_OUT:
            self._bytes += text

    def _flush(self) -> None:
        if self._bytes:
            font = self._default_font if self._group.font is None else self._group.font
            code_page = self._fonts.get(font, self._code_page)
            self._add(self._bytes.decode(code_page, "replace"))
            self._bytes.clear()

    def _add(self, text: str) -> None:
        match self._group.destination:
            case "stylesheet":
                self.paragraphs.name_style(self._style, text)
            case "title":
                self.title += text
            case "fonttbl" | "info":
                pass
            case "listtext" | "pntext":
                self.paragraphs.mark_list_item()
            case destination:
                self.paragraphs.add(text, is_note=destination in ("footnote", "annotation"))

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._starred = True
        elif symbol in b"\\{}":
            self._text(symbol)
        elif symbol in b"~":
            self._text(b" ")
        elif symbol == b"_":
            self._text(b"-")
        elif symbol in b"\r\n":
            self._word("par", None)

    def _word(self, word: str, argument: int | None) -> None:
        starred, self._starred = self._starred, False
        self._flush()
        if word in LEFT_OUT or (starred and word not in UNDERSTOOD):
            self._group.destination = DROPPED
        elif word in UNDERSTOOD:
            if self._group.destination not in LEFT_OUT:
                self._group.destination = UNDERSTOOD[word]
        elif self._group.destination in LEFT_OUT:
            pass
        elif word in SYMBOLS:
            if not self._group.hidden:
                self._add(SYMBOLS[word])
        else:
            self._control(word, argument)

    def _control(self, word: str, argument: int | None) -> None:
        number = argument or 0
        match word:
            case "u" if argument is not None:
                self._unicode(argument)
            case "uc":
                self._group.fallback_chars = max(0, min(number, 255))
            case "f":
                self._group.font = number
            case "plain":
                self._group.font = None
            case "v" | "htmlrtf":
                self._group.hidden = argument != 0
            case _ if not self._group.destination:
                self._in_document(word, argument)
            case _:
                self._in_table(word, number)

    def _in_document(self, word: str, argument: int | None) -> None:
        match word:
            case "deff":
                self._default_font = argument or 0
            case "ansicpg":
                self._code_page = _known(argument or 0)
            case _:
                self.paragraphs.control(word, argument)

    def _in_table(self, word: str, number: int) -> None:
        """What the tables of fonts and styles at the beginning define."""
        match self._group.destination, word:
            case "fonttbl", "fcharset":
                if code_page := CODE_PAGES.get(number):
                    self._fonts[self._group.font or 0] = code_page
            case "stylesheet", "s":
                self._style = number
            case "stylesheet", "outlinelevel":
                self.paragraphs.style_levels[self._style] = number + 1
            case _:
                pass

    def _unicode(self, number: int) -> None:
        if not self._group.hidden:
            # Characters beyond the basic plane come as two surrogates, which are joined at the end.
            self._add(chr(number & 0xFFFF))
        self._skip = self._group.fallback_chars


def _known(code_page: int) -> str:
    encoding = {65001: "utf-8", 10000: "mac_roman", 708: "cp1256", 1361: "johab"}.get(
        code_page, f"cp{code_page}"
    )
    try:
        b"".decode(encoding)
    except LookupError:
        return "cp1252"
    return encoding
