"""Documents into chunks, with the embedder's own tokenizer."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.documents import BlockKind, Box, Chunk, DocumentId
from ingest.chunking import Chunker, ChunkingSettings
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import embedded_chunk_text

DOCUMENT = DocumentId("doc_1")
SENTENCE = "The travel desk books trains and hotels for every employee who asks in time. "


def chunks_of(document: ParsedDocument, embedder: MiniLmEmbedder, **sizes: int) -> list[Chunk]:
    return Chunker(embedder, ChunkingSettings(**sizes)).split(document, DOCUMENT, 1)


def embedded_tokens(chunk: Chunk, title: str, embedder: MiniLmEmbedder) -> int:
    return len(embedder.token_offsets(embedded_chunk_text(chunk, title))) + 2


def policy() -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    builder.heading("Travel policy", 1)
    builder.block(BlockKind.PARAGRAPH, "Applies to everybody.")
    builder.heading("Trains", 2)
    builder.block(BlockKind.PARAGRAPH, SENTENCE * 12)
    builder.heading("Hotels", 2)
    builder.block(BlockKind.PARAGRAPH, SENTENCE * 40)
    return builder.build(title="Travel", language="en")


def test_chunks_are_spans_that_together_hold_all_text(embedder: MiniLmEmbedder) -> None:
    document = policy()
    chunks = chunks_of(document, embedder)
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert chunk.text == document.text[chunk.start : chunk.end]
    assert "".join("".join(chunk.text for chunk in chunks).split()) == "".join(document.text.split())


def test_no_chunk_is_longer_than_the_embedder_reads(embedder: MiniLmEmbedder) -> None:
    for chunk in chunks_of(policy(), embedder):
        assert embedded_tokens(chunk, "Travel", embedder) <= embedder.max_tokens


def test_a_section_of_some_length_starts_a_chunk_of_its_own(embedder: MiniLmEmbedder) -> None:
    chunks = chunks_of(policy(), embedder)
    hotels = next(chunk for chunk in chunks if "Hotels" in chunk.text)
    assert hotels.text.startswith("Hotels")
    assert hotels.heading_path == ("Travel policy", "Hotels")


def test_short_sections_share_a_chunk(embedder: MiniLmEmbedder) -> None:
    builder = ParsedDocumentBuilder()
    for name in ("Coffee", "Tea", "Water"):
        builder.heading(name, 2)
        builder.block(BlockKind.PARAGRAPH, f"{name} is free.")
    (chunk,) = chunks_of(builder.build(title="Drinks", language="en"), embedder)
    assert chunk.text.count("is free") == 3


def test_long_prose_is_cut_between_sentences(embedder: MiniLmEmbedder) -> None:
    builder = ParsedDocumentBuilder()
    builder.block(BlockKind.PARAGRAPH, SENTENCE * 60)
    chunks = chunks_of(builder.build(title="Long", language="en"), embedder)
    assert len(chunks) > 3
    assert all(chunk.text.startswith("The travel") and chunk.text.endswith("in time.") for chunk in chunks)


def test_wrapped_prose_is_cut_between_sentences_not_lines(embedder: MiniLmEmbedder) -> None:
    builder = ParsedDocumentBuilder()
    builder.block(BlockKind.PARAGRAPH, SENTENCE.replace("hotels for", "hotels\nfor") * 60)
    chunks = chunks_of(builder.build(title="", language="en"), embedder)
    assert len(chunks) > 2
    assert all(chunk.text.endswith(".") for chunk in chunks)


def test_long_code_is_cut_between_lines(embedder: MiniLmEmbedder) -> None:
    builder = ParsedDocumentBuilder()
    builder.code("total = price * number\n" * 200, "python")
    chunks = chunks_of(builder.build(title="", language="en"), embedder)
    assert len(chunks) > 2
    assert all(chunk.text.endswith("number") for chunk in chunks)


def test_a_long_table_is_cut_between_rows(embedder: MiniLmEmbedder) -> None:
    rows = [["City", "Hotel limit"], *([f"City number {number}", f"{number} euros"] for number in range(120))]
    builder = ParsedDocumentBuilder()
    builder.table(rows)
    document = builder.build(title="Limits", language="en")
    chunks = chunks_of(document, embedder)
    starts = {start for start, _ in document.blocks[0].rows}
    assert len(chunks) > 1
    assert all(chunk.start in starts for chunk in chunks)


def test_no_chunk_ends_with_the_heading_of_the_next(embedder: MiniLmEmbedder) -> None:
    builder = ParsedDocumentBuilder()
    builder.block(BlockKind.PARAGRAPH, SENTENCE * 3)
    builder.heading("Rules", 2)
    builder.block(BlockKind.PARAGRAPH, SENTENCE * 14)
    for chunk in chunks_of(builder.build(title="T", language="en"), embedder, min_tokens=1000):
        assert not chunk.text.endswith("Rules")


def test_a_word_longer_than_a_chunk_is_cut_all_the_same(embedder: MiniLmEmbedder) -> None:
    builder = ParsedDocumentBuilder()
    builder.block(BlockKind.CODE, "x9" * 5000)
    document = builder.build(title="Dump", language="und")
    chunks = chunks_of(document, embedder)
    assert "".join(chunk.text for chunk in chunks) == document.text
    assert all(embedded_tokens(chunk, "Dump", embedder) <= embedder.max_tokens for chunk in chunks)


def test_a_chunk_knows_its_page_and_boxes(embedder: MiniLmEmbedder) -> None:
    box = Box(page=3, x0=0.1, y0=0.5, x1=0.8, y1=0.52)
    builder = ParsedDocumentBuilder()
    builder.block(
        BlockKind.PARAGRAPH, "Hotels cost 140 euros.", page=3, lines=[("Hotels cost 140 euros.", box)]
    )
    (chunk,) = chunks_of(builder.build(title="T", language="en", pages=3), embedder)
    assert chunk.page == 3
    assert chunk.boxes(chunk.start, chunk.end) == (box,)
    assert chunk.boxes(chunk.end, chunk.end + 5) == ()


def test_an_endless_title_leaves_room_for_the_text(embedder: MiniLmEmbedder) -> None:
    builder = ParsedDocumentBuilder()
    builder.heading("条款" * 400, 1)
    builder.block(BlockKind.PARAGRAPH, SENTENCE * 20)
    document = builder.build(title="规定" * 400, language="zh")
    joined = "".join(chunk.text for chunk in chunks_of(document, embedder))
    assert "".join(joined.split()) == "".join(document.text.split())


def test_the_same_document_gives_the_same_chunks(embedder: MiniLmEmbedder) -> None:
    assert chunks_of(policy(), embedder) == chunks_of(policy(), embedder)


KINDS = st.sampled_from([BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.CODE, BlockKind.CAPTION])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 6), KINDS, st.text(min_size=1, max_size=600)), max_size=25),
    st.integers(60, 256),
)
def test_nothing_is_lost_whatever_the_structure(
    embedder: MiniLmEmbedder, pieces: list[tuple[int, BlockKind, str]], size: int
) -> None:
    builder = ParsedDocumentBuilder()
    for level, kind, text in pieces:
        if level:
            builder.heading(text, level)
        else:
            builder.block(kind, text)
    document = builder.build(title="Any", language="und")
    chunks = chunks_of(document, embedder, max_tokens=size)
    joined = "".join(chunk.text for chunk in chunks)
    assert "".join(joined.split()) == "".join(document.text.split())
    assert all(first.end <= second.start for first, second in pairwise(chunks))


@pytest.mark.parametrize("empty", ["", " \n "])
def test_a_document_without_text_has_no_chunks(embedder: MiniLmEmbedder, empty: str) -> None:
    builder = ParsedDocumentBuilder()
    builder.block(BlockKind.PARAGRAPH, empty)
    assert chunks_of(builder.build(title="Empty", language="und"), embedder) == []


def limits(rows: int, header: list[str]) -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    builder.block(BlockKind.PARAGRAPH, "What a night may cost.")
    builder.table([header, *([f"City number {number}", f"{number} euros"] for number in range(rows))])
    builder.block(BlockKind.PARAGRAPH, "Ask the travel desk about other cities.")
    return builder.build(title="Limits", language="en")


def test_every_chunk_of_a_table_is_read_with_its_header_row(embedder: MiniLmEmbedder) -> None:
    document = limits(120, ["City", "Hotel limit"])
    chunks = chunks_of(document, embedder)
    assert len(chunks) > 2
    for chunk in chunks:
        assert embedded_chunk_text(chunk, "Limits").count("City | Hotel limit") == 1
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.tokens == embedded_tokens(chunk, "Limits", embedder) - 2
        assert chunk.tokens + 2 <= embedder.max_tokens
    assert [chunk.header for chunk in chunks] == ["", *["City | Hotel limit"] * (len(chunks) - 1)]


def test_what_follows_a_table_has_no_header(embedder: MiniLmEmbedder) -> None:
    builder = ParsedDocumentBuilder()
    builder.table([["City", "Limit"], ["Rome", "9"]])
    builder.heading("Other rules", 1)
    builder.block(BlockKind.PARAGRAPH, SENTENCE * 30)
    chunks = chunks_of(builder.build(title="T", language="en"), embedder)
    assert len(chunks) > 1
    assert {chunk.header for chunk in chunks} == {""}


def test_an_endless_header_row_leaves_room_for_the_rows(embedder: MiniLmEmbedder) -> None:
    document = limits(60, [f"Column of endless words {number}" for number in range(200)])
    chunks = chunks_of(document, embedder)
    assert "".join("".join(chunk.text for chunk in chunks).split()) == "".join(document.text.split())
    assert all(embedded_tokens(chunk, "Limits", embedder) <= embedder.max_tokens for chunk in chunks)
    later = [chunk for chunk in chunks if "City number 30" in chunk.text]
    assert later[0].header.startswith("Column of endless words 0 |")
