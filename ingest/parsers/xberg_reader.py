"""DOCX, Hangul, Org and Word 6 by xberg's document structure: headings, paragraphs, lists, tables, notes.

xberg starts threads on first use: it must run in a forked child that leaves by `os._exit`.
"""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import xberg

from ingest.errors import CorruptDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.finishing import finish
from ingest.sniffing import DOC, DOCX, HWP, KINDS, ORG

_PAGE_FURNITURE = frozenset({"header", "footer"})
_KINDS = {
    "paragraph": BlockKind.PARAGRAPH,
    "footnote": BlockKind.PARAGRAPH,
    "comment": BlockKind.PARAGRAPH,
    "formula": BlockKind.PARAGRAPH,
    "raw_block": BlockKind.PARAGRAPH,
    "list_item": BlockKind.LIST_ITEM,
}
# The sandbox limits memory; real documents with much repeated XML pass xberg's own ratio of 100.
_LIMITS = xberg.SecurityLimits(max_compression_ratio=1000)
_MARKS = re.compile(r"\[\^\w+\]|\[cmt:\d+\]")
"""What xberg writes where a footnote or comment is anchored."""
_LINK = re.compile(r"\[([^\[\]]*)\]\((?:https?|mailto|#)[^()\s]*\)")


def parse_docx(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError` or `EmptyDocumentError`, as do the others here."""
    return _parse(path, name, DOCX)


def parse_hwp(path: Path, name: str) -> ParsedDocument:
    return _parse(path, name, HWP)


def parse_org(path: Path, name: str) -> ParsedDocument:
    return _parse(path, name, ORG)


def parse_old_word(path: Path, name: str) -> ParsedDocument:
    """Word 6 and 95, from before the format that `ingest.parsers.doc` reads."""
    return _parse(path, name, DOC)


def _parse(path: Path, name: str, media_type: str) -> ParsedDocument:
    extracted = _extract(path, name, media_type)
    builder = ParsedDocumentBuilder()
    nodes = extracted.document.nodes if extracted.document is not None else []
    title = extracted.metadata.title
    for node in nodes:
        if str(node.content_layer).lower() not in _PAGE_FURNITURE:
            # The binding gives a node's fields only as its JSON form.
            content: dict[str, Any] = json.loads(str(node.content))
            _add(builder, content)
            if not title and content["node_type"] == "title":
                title = content["text"]
    return finish(builder, name=name, title=title, heading_as_title=True)


def _extract(path: Path, name: str, media_type: str) -> xberg.ExtractedDocument:
    config = xberg.ExtractionConfig(
        include_document_structure=True, use_cache=False, disable_ocr=True, security_limits=_LIMITS
    )
    source = xberg.ExtractInput(kind="bytes", bytes=path.read_bytes(), mime_type=media_type)

    async def extract() -> xberg.ExtractionResult:
        return await xberg.extract(source, config)

    damaged = f"'{name}' is damaged and cannot be opened as {KINDS[media_type]}."
    try:
        result = asyncio.run(extract())
    except (xberg.XbergError, RuntimeError, ValueError) as error:
        raise CorruptDocumentError(damaged) from error
    if not result.results:
        raise CorruptDocumentError(damaged)
    return result.results[0]


def _add(builder: ParsedDocumentBuilder, content: dict[str, Any]) -> None:
    match content["node_type"]:
        case "title":
            builder.heading(_clean(content["text"]), 1)
        case "heading":
            builder.heading(_clean(content["text"]), max(1, min(6, content["level"])))
        case "table":
            builder.table(_rows(content["grid"]))
        case "definition_item":
            builder.block(BlockKind.PARAGRAPH, f"{content['term']}: {content['definition']}")
        case "code":
            builder.code(content.get("text") or content.get("content") or "", content.get("language"))
        case kind if kind in _KINDS:
            builder.block(_KINDS[kind], _clean(content.get("text") or content.get("content") or ""))
        case _:
            pass


def _rows(grid: dict[str, Any]) -> list[list[str]]:
    rows = [[""] * grid["cols"] for _ in range(grid["rows"])]
    for cell in grid["cells"]:
        if cell["row"] < grid["rows"] and cell["col"] < grid["cols"]:
            rows[cell["row"]][cell["col"]] = _clean(cell["content"])
    return rows


def _clean(text: str) -> str:
    """Words alone: xberg leaves note marks, and in cells Markdown links."""
    return _LINK.sub(r"\1", _MARKS.sub("", text))
