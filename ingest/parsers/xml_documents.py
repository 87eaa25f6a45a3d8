"""XML of any vocabulary: headings, tables and lists where its element names say so, records as lines.

Knows the element names that DocBook, TEI, JATS, FictionBook, DITA and RSS share; of any other vocabulary
it keeps every word. No entity is ever resolved (`packages.parse_xml`).
"""

from pathlib import Path
from typing import Any

from ingest.errors import CorruptDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.parsers.packages import local_name, parse_xml

_HEADINGS = frozenset({"head", "title", "bridgehead"})
_SECTIONS = frozenset(
    [
        "div",
        "div1",
        "div2",
        "div3",
        "div4",
        "div5",
        "section",
        "sect1",
        "sect2",
        "sect3",
        "sect4",
        "sect5",
        "sec",
        "chapter",
        "part",
        "book",
        "article",
        "body",
        "appendix",
        "preface",
        "topic",
    ]
)
_KINDS = {
    "listitem": BlockKind.LIST_ITEM,
    "item": BlockKind.LIST_ITEM,
    "li": BlockKind.LIST_ITEM,
    "programlisting": BlockKind.CODE,
    "codeblock": BlockKind.CODE,
    "screen": BlockKind.CODE,
    "caption": BlockKind.CAPTION,
    "figdesc": BlockKind.CAPTION,
}
_ROWS = frozenset({"row", "tr"})
_BINARY = frozenset({"binary"})
_LONGEST_LABELLED = 300


def parse_xml_document(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError` or `EmptyDocumentError`."""
    try:
        root = parse_xml(path.read_bytes())
    except SyntaxError as error:
        raise CorruptDocumentError(f"'{name}' is damaged: it is not well-formed XML.") from error
    builder = ParsedDocumentBuilder()
    _Walk(builder).visit(root, level=0)
    entities = sorted({node.text for node in root.iter() if not local_name(node)})
    warnings = [f"{entity} stands as it is written: entities are not resolved." for entity in entities[:10]]
    return finish(builder, name=name, warnings=warnings, heading_as_title=True)


class _Walk:
    def __init__(self, builder: ParsedDocumentBuilder) -> None:
        self._builder = builder

    def visit(self, element: Any, level: int) -> None:
        """`level` is the number of sections that enclose the element."""
        tag = local_name(element).lower()
        if tag in _BINARY or not tag:
            return
        if tag == "table" and (rows := _table(element)):
            self._builder.table(rows)
        elif tag in _HEADINGS and local_name(element.getparent()).lower() in _SECTIONS:
            self._builder.heading(_words(element), max(1, min(level, 6)))
        elif tag in _KINDS or _has_own_text(element):
            self._block(element, tag)
        elif _is_record(element):
            self._builder.block(BlockKind.PARAGRAPH, "\n".join(_labelled(child) for child in element))
        else:
            for child in element:
                self.visit(child, level + (tag in _SECTIONS))
            if len(element) == 0 and element.attrib:
                self._builder.block(BlockKind.PARAGRAPH, _labelled(element))

    def _block(self, element: Any, tag: str) -> None:
        kind = _KINDS.get(tag, BlockKind.PARAGRAPH)
        if kind is BlockKind.CODE:
            self._builder.block(kind, "".join(element.itertext()))
        else:
            self._builder.block(kind, _words(element))


def _has_own_text(element: Any) -> bool:
    return bool((element.text or "").strip() or any((child.tail or "").strip() for child in element))


def _is_record(element: Any) -> bool:
    """Several children without children of their own, as a database writes a row."""
    return len(element) > 1 and all(
        len(child) == 0 and len(child.text or "") < _LONGEST_LABELLED and local_name(child) not in _HEADINGS
        for child in element
        if local_name(child)
    )


def _labelled(element: Any) -> str:
    words = _words(element) or ", ".join(" ".join(value.split()) for value in element.attrib.values())
    return f"{local_name(element)}: {words}" if words else ""


def _words(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _table(table: Any) -> list[list[str]]:
    rows = [row for row in table.iter() if local_name(row).lower() in _ROWS]
    return [[_words(cell) for cell in row] for row in rows]
