"""Where Word 97 to 2003 keeps text and paragraph properties ([MS-DOC] 2.4)."""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.parsers.compound_files import CompoundFile

_TABLE_1 = 0x0200
_LENGTHS = 0x4C
"""ccpText, ccpFtn, ccpHdd, ccpMcr, ccpAtn, ccpEdn, ccpTxbx, ccpHdrTxbx: characters of each part."""
_PAGE_FURNITURE = frozenset({2, 3, 7})
_STYLES, _PARAGRAPH_PAGES, _PIECES = 0xA2, 0x102, 0x1A2
_PAGE_BYTES = 512
_COMPRESSED = 1 << 30
_TITLE_STYLE, _HEADING_STYLES = 62, range(1, 10)
_NO_STYLE = 0xFFF
_IN_TABLE, _ROW_END, _LIST, _OUTLINE = 0x2416, 0x2417, 0x460B, 0x2640
_TABLE_DEFINITION, _TAB_CHANGES = 0xD608, 0xC615
_OPERAND_BYTES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
_BODY_TEXT_LEVEL = 9
_ENDS = "\r\x07\x0c\x0e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    text: str
    level: int | None
    is_list_item: bool
    is_in_table: bool
    is_cell_end: bool
    is_row_end: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    """In characters of the document."""
    end: int
    offset: int
    """In bytes of the stream."""
    char_bytes: int


class WordFile:
    """Raises `OSError`, `IndexError` or `struct.error` for a damaged structure."""

    def __init__(self, file: CompoundFile, stream: bytes) -> None:
        self._stream = stream
        (flags,) = struct.unpack_from("<H", stream, 10)
        self._table = file.read("1Table" if flags & _TABLE_1 else "0Table")
        self._pieces = list(self._read_pieces())
        self._levels = self._read_style_levels()
        self._runs, self._properties = self._read_paragraph_runs()

    def paragraphs(self) -> Iterator[Paragraph]:
        """Of the main text, then notes, comments and text boxes; headers and footers are left out."""
        start = 0
        for part, length in enumerate(struct.unpack_from("<8i", self._stream, _LENGTHS)):
            if part not in _PAGE_FURNITURE:
                yield from self._paragraphs_between(start, start + length)
            start += max(0, length)

    def _paragraphs_between(self, start: int, end: int) -> Iterator[Paragraph]:
        parts: list[str] = []
        for piece in self._pieces:
            first, last = max(start, piece.start), min(end, piece.end)
            if first >= last:
                continue
            offset = piece.offset + (first - piece.start) * piece.char_bytes
            data = self._stream[offset : offset + (last - first) * piece.char_bytes]
            text = data.decode("utf-16-le" if piece.char_bytes == 2 else "cp1252", "replace")
            cut = 0
            for index, char in enumerate(text):
                if char in _ENDS:
                    parts.append(text[cut:index])
                    yield self._paragraph("".join(parts), char, offset + index * piece.char_bytes)
                    parts.clear()
                    cut = index + 1
            parts.append(text[cut:])
        if any(parts):
            yield self._paragraph("".join(parts), "", -1)

    def _paragraph(self, text: str, mark: str, offset: int) -> Paragraph:
        run = bisect_right(self._runs, offset) - 1
        style, properties = self._properties[run] if 0 <= run < len(self._properties) else (0, {})
        level = self._levels.get(style)
        if (outline := properties.get(_OUTLINE, _BODY_TEXT_LEVEL)) < _BODY_TEXT_LEVEL:
            level = outline + 1
        in_table = bool(properties.get(_IN_TABLE))
        return Paragraph(
            text=text,
            level=level,
            is_list_item=properties.get(_LIST, 0) not in (0, 0xF801),
            is_in_table=in_table,
            is_cell_end=in_table and mark == "\x07",
            is_row_end=in_table and bool(properties.get(_ROW_END)),
        )

    def _read_pieces(self) -> Iterator[_Piece]:
        """The piece table: which bytes make up which characters."""
        data = self._stored(_PIECES)
        at = 0
        while data[at] == 1:  # changes to properties, of no interest
            at += 3 + int.from_bytes(data[at + 1 : at + 3], "little")
        length = int.from_bytes(data[at + 1 : at + 5], "little")
        plc = data[at + 5 : at + 5 + length]
        count = (len(plc) - 4) // 12
        bounds = struct.unpack_from(f"<{count + 1}I", plc)
        for number in range(count):
            (place,) = struct.unpack_from("<I", plc, 4 * (count + 1) + 8 * number + 2)
            compressed = bool(place & _COMPRESSED)
            offset = (place & (_COMPRESSED - 1)) // (2 if compressed else 1)
            yield _Piece(bounds[number], bounds[number + 1], offset, 1 if compressed else 2)

    def _read_style_levels(self) -> dict[int, int]:
        """Heading level of each paragraph style that is, or varies, one of Word's own heading styles."""
        data = self._stored(_STYLES)
        at = 2 + int.from_bytes(data[:2], "little")
        own: dict[int, int] = {}
        bases: dict[int, int] = {}
        index = 0
        while at + 2 <= len(data):
            length = int.from_bytes(data[at : at + 2], "little")
            if length >= 4:
                kind, base = struct.unpack_from("<HH", data, at + 2)
                bases[index] = base >> 4
                if (kind & _NO_STYLE) in _HEADING_STYLES:
                    own[index] = kind & _NO_STYLE
                elif (kind & _NO_STYLE) == _TITLE_STYLE:
                    own[index] = 1
            at += 2 + length
            index += 1
        return {style: level for style in bases if (level := _inherited(style, own, bases))}

    def _read_paragraph_runs(self) -> tuple[list[int], list[tuple[int, dict[int, int]]]]:
        """Byte offsets at which paragraphs begin, and the style and properties of each."""
        plc = self._stored(_PARAGRAPH_PAGES)
        count = max(0, (len(plc) - 4) // 8)
        runs: list[tuple[int, tuple[int, dict[int, int]]]] = []
        for number in range(count):
            (page,) = struct.unpack_from("<I", plc, 4 * (count + 1) + 4 * number)
            start = (page & 0x3FFFFF) * _PAGE_BYTES
            runs += _runs_of_page(self._stream[start : start + _PAGE_BYTES])
        runs.sort(key=lambda run: run[0])
        return [offset for offset, _ in runs], [properties for _, properties in runs]

    def _stored(self, place: int) -> bytes:
        offset, length = struct.unpack_from("<II", self._stream, place)
        return self._table[offset : offset + length]


def _inherited(style: int, own: dict[int, int], bases: dict[int, int]) -> int | None:
    for _ in range(20):
        if style in own or style not in bases:
            return own.get(style)
        style = bases[style]
    return None


def _runs_of_page(page: bytes) -> Iterator[tuple[int, tuple[int, dict[int, int]]]]:
    if len(page) < _PAGE_BYTES:
        return
    count = page[-1]
    offsets = struct.unpack_from(f"<{count + 1}I", page)
    for number in range(count):
        at = 2 * page[4 * (count + 1) + 13 * number]
        if not at:
            yield offsets[number], (0, {})
            continue
        length = 2 * page[at] - 1 if page[at] else 2 * page[at + 1]
        at += 1 if page[at] else 2
        data = page[at : at + length]
        yield offsets[number], (int.from_bytes(data[:2], "little"), _properties(data[2:]))


def _properties(data: bytes) -> dict[int, int]:
    """Property modifiers with their operands as numbers."""
    found: dict[int, int] = {}
    at = 0
    while at + 3 <= len(data):
        (modifier,) = struct.unpack_from("<H", data, at)
        at += 2
        if modifier == _TABLE_DEFINITION:
            length = 1 + int.from_bytes(data[at : at + 2], "little")
        elif modifier == _TAB_CHANGES and data[at] == 255:
            return found
        else:
            length = _OPERAND_BYTES.get(modifier >> 13) or 1 + data[at]
        found[modifier] = int.from_bytes(data[at : at + min(length, 4)], "little")
        at += length
    return found
