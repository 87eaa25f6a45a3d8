"""The parsed form as bytes: how it leaves the sandbox, in which nothing can be trusted."""

import json
from typing import Any

from corpus.documents import Box, Region
from ingest.parsed import LOWEST_LEVEL, Attachment, Block, BlockKind, ParsedDocument

_FORMAT = 2


def encode(document: ParsedDocument) -> bytes:
    """One line of UTF-8 JSON, then the attachments' bytes.

    Blocks and regions are arrays, because a long document has a hundred thousand.
    """
    line = json.dumps(
        {
            "format": _FORMAT,
            "title": document.title,
            "text": document.text,
            "pages": document.pages,
            "language": document.language,
            "warnings": document.warnings,
            "blocks": [
                [
                    one.kind,
                    one.start,
                    one.end,
                    one.heading_path,
                    one.level,
                    one.page,
                    one.rows,
                    one.code_language,
                ]
                for one in document.blocks
            ],
            "regions": [
                [one.start, one.end, one.box.page, one.box.x0, one.box.y0, one.box.x1, one.box.y1]
                for one in document.regions
            ],
            "attachments": [
                [one.name, one.position, one.level, len(one.data)] for one in document.attachments
            ],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode("utf-8", "surrogatepass")
    return b"".join([line, b"\n", *(one.data for one in document.attachments)])


def decode(data: bytes) -> ParsedDocument:
    """The document again; every type and span is checked. Raises `ValueError` for anything else."""
    try:
        line, _, attached = data.partition(b"\n")
        content: Any = json.loads(line.decode("utf-8", "replace"))
        if content["format"] != _FORMAT:
            raise ValueError(f"unknown format {content['format']}")
        document = ParsedDocument(
            title=_text(content["title"]),
            text=_text(content["text"]),
            blocks=tuple(_block(fields) for fields in content["blocks"]),
            regions=tuple(_region(fields) for fields in content["regions"]),
            pages=_number(content["pages"]) if content["pages"] is not None else None,
            language=_text(content["language"]),
            warnings=tuple(_text(warning) for warning in content["warnings"]),
            attachments=_attachments(content["attachments"], attached),
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a parsed document") from error
    _check_spans(document)
    return document


def _block(fields: list[Any]) -> Block:
    kind, start, end, heading_path, level, page, rows, code_language = fields
    return Block(
        kind=BlockKind(kind),
        start=_number(start),
        end=_number(end),
        heading_path=tuple(_text(heading) for heading in heading_path),
        level=_number(level) if level is not None else None,
        page=_number(page) if page is not None else None,
        rows=tuple((_number(row_start), _number(row_end)) for row_start, row_end in rows),
        code_language=_text(code_language) if code_language is not None else None,
    )


def _region(fields: list[Any]) -> Region:
    start, end, page, *corners = fields
    x0, y0, x1, y1 = (_fraction(corner) for corner in corners)
    return Region(
        start=_number(start), end=_number(end), box=Box(page=_number(page), x0=x0, y0=y0, x1=x1, y1=y1)
    )


def _attachments(fields: list[Any], data: bytes) -> tuple[Attachment, ...]:
    attachments: list[Attachment] = []
    offset = 0
    for name, position, level, size in fields:
        end = offset + _number(size)
        if not offset <= end <= len(data):
            raise ValueError("an attachment lies outside the data")
        attachments.append(
            Attachment(
                name=_text(name),
                data=data[offset:end],
                position=_number(position),
                level=max(1, min(_number(level), LOWEST_LEVEL)),
            )
        )
        offset = end
    return tuple(attachments)


def _check_spans(document: ParsedDocument) -> None:
    length = len(document.text)
    spans = [
        *((block.start, block.end) for block in document.blocks),
        *((region.start, region.end) for region in document.regions),
        *(row for block in document.blocks for row in block.rows),
    ]
    if any(not 0 <= start <= end <= length for start, end in spans):
        raise ValueError("a span lies outside the text")
    positions = [0, *(attachment.position for attachment in document.attachments), len(document.blocks)]
    if positions != sorted(positions):
        raise ValueError("an attachment lies outside the document")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("number expected")
    return value


def _fraction(value: object) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise TypeError("fraction expected")
    return float(value)
