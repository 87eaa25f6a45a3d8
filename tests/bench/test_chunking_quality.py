"""The measure of chunking, and the plain splitters it compares with."""

import pytest

from bench.chunking_quality import alignment, score
from bench.plain_splitting import Span, recursive_spans, window_spans
from corpus.documents import Chunk, DocumentId
from retrieval.passages import Passage

WORDS = "one two three four five six seven"


def word_spans(text: str) -> list[Span]:
    """A tokenizer for which each word is a token."""
    spans: list[Span] = []
    for word in text.split():
        start = text.index(word, spans[-1][1] if spans else 0)
        spans.append((start, start + len(word)))
    return spans


def passage(start: int, end: int, *, source: str = "a.md") -> Passage:
    return Passage(
        rank=1,
        score=1.0,
        similarity=0.5,
        chunk=Chunk(
            document_id=DocumentId(source),
            version=1,
            number=start,
            start=start,
            end=end,
            text="x" * (end - start),
            heading_path=(),
            page=None,
            regions=(),
            language="en",
            tokens=1,
        ),
        title="",
        path=source,
        media_type="text/markdown",
        collection="c",
    )


def test_a_reference_is_found_in_a_text_that_lost_signs() -> None:
    raw = "The **Nameless** <unk> squad\nfought\\! And won."
    read = "The Nameless squad fought! And won."
    places = alignment(raw, read)
    start = raw.index("squad")
    end = raw.index(" And")
    assert read[places[start] : places[end]].strip() == "squad fought!"
    assert places[len(raw)] == len(read)


def test_signs_that_the_parser_added_do_not_lead_astray() -> None:
    raw, read = "a b c d", "a | b | c d"
    places = alignment(raw, read)
    assert read[places[raw.index("c")] :] == "c d"


def test_recall_precision_and_iou_count_characters() -> None:
    scores = score([passage(0, 10), passage(50, 60)], "a.md", [(5, 10), (20, 25)])
    assert scores.recall == pytest.approx(5 / 10)
    assert scores.precision == pytest.approx(5 / 20)
    assert scores.iou == pytest.approx(5 / 25)


def test_the_same_characters_of_another_text_are_not_found() -> None:
    scores = score([passage(0, 10, source="b.md")], "a.md", [(0, 10)])
    assert scores.recall == scores.precision == scores.iou == 0


def test_what_overlapping_chunks_hold_twice_is_read_twice_and_found_once() -> None:
    scores = score([passage(0, 10), passage(5, 15)], "a.md", [(5, 10)])
    assert scores.recall == 1
    assert scores.precision == pytest.approx(5 / 20)


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        (0, ["one two three ", "four five six ", "seven"]),
        (1, ["one two three ", "three four five ", "five six seven"]),
    ],
)
def test_windows(overlap: int, expected: list[str]) -> None:
    spans = window_spans(WORDS, word_spans(WORDS), size=3, overlap=overlap)
    assert [WORDS[start:end] for start, end in spans] == expected


def test_recursive_splitting_prefers_paragraphs_then_lines_then_sentences() -> None:
    text = "a b c\n\nd e. f g. h i.\nj\n\nk l\n\nm"
    spans = recursive_spans(text, word_spans(text), most=4)
    assert [text[start:end] for start, end in spans] == [
        "a b c\n\n",
        "d e. f g.",
        " h i.\n",
        "j\n\n",
        "k l\n\nm",
    ]


def test_no_recursive_span_is_too_long_even_without_any_separator() -> None:
    text = "x" * 10
    spans = recursive_spans(text, [(i, i + 1) for i in range(10)], most=4)
    assert spans == [(0, 4), (4, 8), (8, 10)]
