"""OpenDocument text, spreadsheet and presentation (OASIS ODF 1.3), read from its XML."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.errors import EncryptedDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.packages import Package, local_name, open_package
from ingest.parsers.sheets import WorkbookWriter
from ingest.sniffing import KINDS, ODP, ODS, ODT

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_BODY = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}body"
_MANIFEST = "META-INF/manifest.xml"
_LEFT_OUT = frozenset(
    {"note-citation", "tracked-changes", "forms", "settings", "sequence-decls", "event-listeners", "desc"}
)
_APART = frozenset({"note", "annotation", "frame", "custom-shape", "g", "rect", "ellipse", "polygon"})
"""What may stand inside a paragraph and is text of its own."""
_TITLE_STYLE = "Title"
_TITLE_CLASSES = frozenset({"title"})
_LONGEST_REPEAT = 1000
"""A cell is stored once with a count; a count above this is padding, whatever the cell says."""


def parse_odt(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EncryptedDocumentError` or `EmptyDocumentError`, as do the others."""
    with open_package(path, name, KINDS[ODT]) as package:
        content = _content(package, name)
        builder = ParsedDocumentBuilder()
        _Walk(builder, _named_styles(content)).visit(content.find(_BODY))
        return finish(builder, name=name, title=_title(package), heading_as_title=True)


def parse_odp(path: Path, name: str) -> ParsedDocument:
    """A slide is a page, its title a heading."""
    with open_package(path, name, KINDS[ODP]) as package:
        content = _content(package, name)
        builder = ParsedDocumentBuilder()
        slides = list(content.find(_BODY).iter(f"{_DRAW}page"))
        for number, slide in enumerate(slides, start=1):
            _add_slide(builder, slide, number)
        return finish(builder, name=name, title=_title(package), pages=len(slides), heading_as_title=True)


def parse_ods(path: Path, name: str) -> ParsedDocument:
    """Raises `LimitExceededError` above `sheets.MAX_CELLS`, too."""
    with open_package(path, name, KINDS[ODS]) as package:
        content = _content(package, name)
        builder = ParsedDocumentBuilder()
        writer = WorkbookWriter(builder, name)
        for table in content.find(_BODY).iter(f"{_TABLE}table"):
            writer.add_sheet(table.get(f"{_TABLE}name") or "", _rows(table))
        return finish(builder, name=name, title=_title(package))


def _content(package: Package, name: str) -> Any:
    if _MANIFEST in package and b":encryption-data" in package.read(_MANIFEST):
        raise EncryptedDocumentError(f"'{name}' is protected by a password.")
    content = package.xml("content.xml")
    if content.find(_BODY) is None:
        raise package.damaged()
    return content


def _title(package: Package) -> str | None:
    if "meta.xml" not in package:
        return None
    return next((node.text for node in package.xml("meta.xml").iter() if local_name(node) == "title"), None)


def _named_styles(content: Any) -> dict[str, str]:
    """Which named style each automatic style (`P1`) varies."""
    return {
        style.get(f"{_STYLE}name", ""): style.get(f"{_STYLE}parent-style-name", "")
        for style in content.iter(f"{_STYLE}style")
    }


def _add_slide(builder: ParsedDocumentBuilder, slide: Any, number: int) -> None:
    frames = list(slide)
    titles = [frame for frame in frames if frame.get(f"{_PRESENTATION}class") in _TITLE_CLASSES]
    words = " ".join(_plain(titles[0]).split()) if titles else ""
    builder.heading(words or f"Slide {number}", 1, page=number)
    walk = _Walk(builder, {}, page=number)
    for frame in frames:
        if local_name(frame) == "notes":
            notes = [_plain(page) for page in frame.iter(f"{_DRAW}text-box")]
            text = "\n".join(note for note in notes if note.strip())
            builder.block(BlockKind.PARAGRAPH, f"Speaker notes: {text}" if text else "", page=number)
        elif not titles or frame is not titles[0]:
            walk.visit([frame])


class _Walk:
    """Adds paragraphs, lists and tables in reading order."""

    def __init__(
        self, builder: ParsedDocumentBuilder, named_styles: dict[str, str], *, page: int | None = None
    ) -> None:
        self._builder = builder
        self._named_styles = named_styles
        self._page = page

    def visit(self, elements: Any, kind: BlockKind = BlockKind.PARAGRAPH) -> None:
        for element in elements:
            match local_name(element):
                case "h":
                    level = element.get(f"{_TEXT}outline-level", "1")
                    self._heading(element, int(level) if level.isdecimal() else 1)
                case "p":
                    self._paragraph(element, kind)
                    kind = BlockKind.PARAGRAPH
                case "list":
                    for item in element:
                        self.visit(item, BlockKind.LIST_ITEM)
                case "table":
                    self._builder.table(list(_rows(element)), page=self._page)
                case tag if tag not in _LEFT_OUT:
                    self.visit(element, kind)
                case _:
                    pass

    def _heading(self, element: Any, level: int) -> None:
        apart: list[Any] = []
        self._builder.heading(_inline(element, apart), max(1, min(level, 6)), page=self._page)
        self.visit(apart)

    def _paragraph(self, element: Any, kind: BlockKind) -> None:
        style = element.get(f"{_TEXT}style-name", "")
        if _TITLE_STYLE in (style, self._named_styles.get(style)):
            self._heading(element, 1)
            return
        apart: list[Any] = []
        self._builder.block(kind, _inline(element, apart), page=self._page)
        self.visit(apart)


def _inline(element: Any, apart: list[Any]) -> str:
    """The words of a paragraph; what stands in it but is text of its own is put into `apart`."""
    parts = [_collapsed(element.text)]
    for inner in element:
        match local_name(inner):
            case "s":
                count = inner.get(f"{_TEXT}c", "1")
                parts.append(" " * min(int(count) if count.isdecimal() else 1, 80))
            case "tab":
                parts.append("\t")
            case "line-break":
                parts.append("\n")
            case tag if tag in _APART:
                apart.append(inner)
            case tag if tag not in _LEFT_OUT:
                parts.append(_inline(inner, apart))
            case _:
                pass
        parts.append(_collapsed(inner.tail))
    return "".join(parts)


def _collapsed(text: str | None) -> str:
    """White space in the XML is one blank, as in HTML."""
    if not text:
        return ""
    middle = " ".join(text.split())
    before = " " if text[0].isspace() else ""
    after = " " if text[-1].isspace() and middle else ""
    return f"{before}{middle}{after}"


def _plain(element: Any) -> str:
    """All paragraphs in an element, one a line."""
    paragraphs = element.iter(f"{_TEXT}p", f"{_TEXT}h")
    return "\n".join(_inline(paragraph, []) for paragraph in paragraphs)


def _rows(table: Any) -> Iterator[list[str]]:
    for row in table.iter(f"{_TABLE}table-row"):
        cells: list[str] = []
        for cell in row:
            if local_name(cell) in ("table-cell", "covered-table-cell"):
                text = " ".join(_plain(cell).split())
                cells += [text] * _repeat(cell, "number-columns-repeated")
        while cells and not cells[-1]:
            cells.pop()
        for _ in range(_repeat(row, "number-rows-repeated") if cells else 1):
            yield cells


def _repeat(element: Any, attribute: str) -> int:
    count = element.get(f"{_TABLE}{attribute}", "1")
    return min(int(count), _LONGEST_REPEAT) if count.isdecimal() and len(count) < 10 else 1
