"""What a candidate for a quote is weighed with."""

import numpy as np
import pytest

from corpus.documents import Chunk, DocumentId
from generation.evidence import ANSWER_FEATURES, Evidence, candidates
from generation.questions import read_question
from retrieval.passages import Passage


def test_a_row_in_a_later_chunk_is_weighed_with_its_tables_header() -> None:
    text = "Lyon | 125 euros\nRome | 140 euros\n\nAsk the travel desk."
    first, second, prose = candidates([_passage(text, header="City | Limit per night")])
    assert first.text == "City | Limit per night\nLyon | 125 euros"
    assert second.text == "City | Limit per night\nRome | 140 euros"
    assert "limit" in second.window
    assert prose.text == "Ask the travel desk."
    assert first.sentence.text == "Lyon | 125 euros"


@pytest.mark.parametrize(
    ("question", "differs"),
    [
        ("May a forklift be driven over the scale?", 0.0),
        ("What must be driven over the scale?", 1.0),
        ("What must never be driven over the scale?", 0.0),
    ],
)
def test_a_negated_sentence_speaks_against_an_answer_unless_asked_for_yes_or_no(
    question: str, differs: float
) -> None:
    found = candidates([_passage("A forklift must never be driven over the scale.")])
    evidence = Evidence(read_question(question), found, np.array([0.5], dtype=np.float32))
    features = evidence.answer_features(np.array([1.0]))
    assert features[ANSWER_FEATURES.index("negation_differs")] == differs


def _passage(text: str, *, header: str = "") -> Passage:
    chunk = Chunk(
        document_id=DocumentId("doc_1"),
        version=1,
        number=3,
        start=400,
        end=400 + len(text),
        text=text,
        header=header,
        heading_path=(),
        page=None,
        regions=(),
        language="en",
        tokens=20,
    )
    return Passage(
        rank=1,
        score=1.0,
        similarity=0.5,
        chunk=chunk,
        title="Travel",
        path="travel.md",
        media_type="text/markdown",
        collection="hr",
    )
