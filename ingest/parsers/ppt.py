"""PPT: PowerPoint 97 to 2003 ([MS-PPT]): a slide is a page; titles, text, tables and speaker notes."""

import struct
from pathlib import Path

from ingest.errors import EncryptedDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.compound_files import open_compound_file
from ingest.parsers.finishing import finish
from ingest.parsers.ppt_structure import Presentation, Shape, Slide
from ingest.sniffing import KINDS, PPT

_ENCRYPTED = 0xF3D1C4DF


def parse_ppt(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EncryptedDocumentError` or `EmptyDocumentError`."""
    with open_compound_file(path, name, KINDS[PPT]) as file:
        current = file.read("Current User")
        (token, last_edit) = struct.unpack_from("<II", current.ljust(20, b"\0"), 12)
        if token == _ENCRYPTED:
            raise EncryptedDocumentError(f"'{name}' is protected by a password.")
        slides = Presentation(file.read("PowerPoint Document"), last_edit).slides()
        title = file.title()
    builder = ParsedDocumentBuilder()
    for number, slide in enumerate(slides, start=1):
        _add_slide(builder, slide, number)
    if title in (None, "", "PowerPoint Presentation"):
        title = None
    return finish(builder, name=name, title=title, pages=len(slides), heading_as_title=True)


def _add_slide(builder: ParsedDocumentBuilder, slide: Slide, number: int) -> None:
    title = next((shape for shape in slide.shapes if shape.is_title and shape.text.strip()), None)
    builder.heading(" ".join(title.text.split()) if title else f"Slide {number}", 1, page=number)
    for shape in slide.shapes:
        if shape is not title:
            _add_shape(builder, shape, number)
    if slide.notes.strip():
        builder.block(BlockKind.PARAGRAPH, f"Speaker notes: {slide.notes.strip()}", page=number)


def _add_shape(builder: ParsedDocumentBuilder, shape: Shape, page: int) -> None:
    if shape.rows:
        builder.table(shape.rows, page=page)
    kind = BlockKind.LIST_ITEM if shape.is_body else BlockKind.PARAGRAPH
    for line in shape.text.split("\r"):
        builder.block(kind, line.replace("\x0b", "\n"), page=page)
