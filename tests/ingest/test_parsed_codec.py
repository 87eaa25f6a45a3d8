"""What leaves the sandbox is the same document, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.documents import Box
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsed_codec import decode, encode

BOX = Box(page=1, x0=0.1, y0=0.2, x1=0.3, y1=0.4)


def document(*texts: str) -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    for text in texts:
        builder.heading(text, 2, page=1)
        builder.block(BlockKind.PARAGRAPH, text, page=1, lines=[(text, BOX)])
        builder.table([["a", text], ["1", "2"]], page=1, boxes=[BOX, None])
    return builder.build(title="T", language="en", pages=1, warnings=["careful"])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_a_document_survives_the_way(texts: list[str]) -> None:
    assert decode(encode(document(*texts))) == document(*texts)


CHANGES: list[dict[str, Any]] = [
    {"format": 99},
    {"text": 5},
    {"text": ""},
    {"pages": "1"},
    {"blocks": [["paragraph", 0, 10_000, [], None, None, []]]},
    {"blocks": [["no such kind", 0, 1, [], None, None, []]]},
    {"blocks": [["paragraph", 0]]},
    {"regions": [[0, 1, 1, 0.0, 0.0, 2.0, 1.0]]},
    {"regions": [[-1, 1, 1, 0.0, 0.0, 1.0, 1.0]]},
    {"warnings": [None]},
    {"unread": ["1"]},
]


@pytest.mark.parametrize("change", CHANGES)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    content = json.loads(encode(document("Words")))
    with pytest.raises(ValueError, match=r".+"):
        decode(json.dumps(content | change).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_no_document_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(data)
