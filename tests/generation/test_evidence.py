"""What a candidate for a quote is weighed with."""

from corpus.documents import Chunk, DocumentId
from generation.evidence import candidates
from retrieval.passages import Passage


def test_a_row_in_a_later_chunk_is_weighed_with_its_tables_header() -> None:
    text = "Lyon | 125 euros\nRome | 140 euros\n\nAsk the travel desk."
    chunk = Chunk(
        document_id=DocumentId("doc_1"),
        version=1,
        number=3,
        start=400,
        end=400 + len(text),
        text=text,
        header="City | Limit per night",
        heading_path=(),
        page=None,
        regions=(),
        language="en",
        tokens=20,
    )
    passage = Passage(
        rank=1,
        score=1.0,
        similarity=0.5,
        chunk=chunk,
        title="Travel",
        path="travel.md",
        media_type="text/markdown",
        collection="hr",
    )
    first, second, prose = candidates([passage])
    assert first.text == "City | Limit per night\nLyon | 125 euros"
    assert second.text == "City | Limit per night\nRome | 140 euros"
    assert "limit" in second.window
    assert prose.text == "Ask the travel desk."
    assert first.sentence.text == "Lyon | 125 euros"
