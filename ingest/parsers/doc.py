"""DOC: Word 97 to 2003 ([MS-DOC]): headings by style, lists, tables, notes, comments, text boxes."""

import re
from pathlib import Path

from ingest.errors import EncryptedDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.compound_files import CompoundFile, open_compound_file
from ingest.parsers.doc_structure import Paragraph, WordFile
from ingest.parsers.finishing import finish
from ingest.parsers.xberg_reader import parse_old_word
from ingest.sniffing import DOC, KINDS

_WORD_97 = 0xC1
_ENCRYPTED = 0x0100
_FIELD_CODE = re.compile("\x13[^\x13\x14\x15]*\x14?|\x15")
_CHARACTERS = str.maketrans(
    {"\x0b": "\n", "\x1e": "-", "\xa0": " ", "\t": "\t"}
    | {chr(code): None for code in (*range(9), *range(14, 30), 31)}
)
_DEEPEST_HEADING = 6


def parse_doc(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EncryptedDocumentError` or `EmptyDocumentError`."""
    with open_compound_file(path, name, KINDS[DOC]) as file:
        stream = file.read("WordDocument")
        version, flags = (int.from_bytes(stream[at : at + 2], "little") for at in (2, 10))
        if flags & _ENCRYPTED:
            raise EncryptedDocumentError(f"'{name}' is protected by a password.")
        if version >= _WORD_97:
            return _parse(file, stream, name)
    return parse_old_word(path, name)


def _parse(file: CompoundFile, stream: bytes, name: str) -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    walk = _Walk(builder)
    for paragraph in WordFile(file, stream).paragraphs():
        walk.add(paragraph)
    walk.end_table()
    return finish(builder, name=name, title=file.title(), heading_as_title=True)


class _Walk:
    """Gathers the paragraphs of cells, the cells of rows and the rows of tables."""

    def __init__(self, builder: ParsedDocumentBuilder) -> None:
        self._builder = builder
        self._cell: list[str] = []
        self._row: list[str] = []
        self._rows: list[list[str]] = []

    def add(self, paragraph: Paragraph) -> None:
        text = _clean(paragraph.text)
        if paragraph.is_row_end:
            self._rows.append(self._row)
            self._row = []
        elif paragraph.is_in_table:
            self._cell.append(text)
            if paragraph.is_cell_end:
                self._row.append(" ".join(self._cell))
                self._cell = []
        else:
            self.end_table()
            self._add_flowing(text, paragraph)

    def end_table(self) -> None:
        if self._row or self._cell:
            self._rows.append([*self._row, " ".join(self._cell)])
        self._builder.table(self._rows)
        self._cell, self._row, self._rows = [], [], []

    def _add_flowing(self, text: str, paragraph: Paragraph) -> None:
        if paragraph.level is not None and paragraph.level <= _DEEPEST_HEADING:
            self._builder.heading(text, paragraph.level)
        else:
            self._builder.block(BlockKind.LIST_ITEM if paragraph.is_list_item else BlockKind.PARAGRAPH, text)


def _clean(text: str) -> str:
    """Fields show their result, not their code; anchors of pictures and notes are no characters."""
    # Fields lie in each other: the innermost have no mark between theirs.
    while "\x13" in text and (shorter := _FIELD_CODE.sub("", text)) != text:
        text = shorter
    return text.translate(_CHARACTERS).strip()
