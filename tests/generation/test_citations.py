"""Markers are read alike however the stream is cut, and nothing half-arrived is shown."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.citations import Marker, MarkerReader, Piece, Text

SAMPLES = [
    "Staff get 25 days [1]. They may carry 5 over [3][2].",
    "Both [1, 2]; all [1-3]; one 【2】 and 【1†L5-L8】, [Source 3] and [^2].",
    "Known [1], unknown [9], mixed [9, 2], none [] and [0].",
    "Call `rows[1]` then\n```python\nx[1] = [2]\n```\nas said [1].",
    "العطلة ٢٥ يوما [١]. 年假25天【2】。",
    "An [open bracket, a [link](https://example.org), [2024] EWCA 12, \\[1\\] and [[1]].",
    "Ends half [1",
    "  [1] opens; trailing space and marker [2]  ",
    "~~~\n[1]\n~~~\n[1] `un[1]closed\n[1] ``a`[1]``[1]",
    "- ```\n  [1]\n  ```\n- item [1]",
]


def read(pieces: list[str], *, sources: int = 3) -> list[Piece]:
    reader = MarkerReader(sources=sources)
    found = [piece for text in pieces for piece in reader.feed(text)] + reader.finish()
    merged: list[Piece] = []
    for piece in found:
        last = merged[-1] if merged else None
        if isinstance(piece, Text) and isinstance(last, Text):
            merged[-1] = Text(text=last.text + piece.text)
        else:
            merged.append(piece)
    return merged


def shown(text: str, *, sources: int = 3) -> str:
    """The reply with each marker written `<n>`."""
    return "".join(
        piece.text if isinstance(piece, Text) else f"<{piece.source}>"
        for piece in read([text], sources=sources)
    )


@pytest.mark.parametrize("text", SAMPLES)
def test_a_cut_at_any_position_changes_nothing(text: str) -> None:
    whole = read([text])
    for at in range(len(text) + 1):
        assert read([text[:at], text[at:]]) == whole
    assert read(list(text)) == whole


@given(st.text(alphabet="a1239 [](),【】†^`~\n-.\\", max_size=80), st.lists(st.integers(0, 80), max_size=6))
def test_any_text_cut_anywhere_reads_the_same(text: str, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(bounds)]
    assert read(pieces) == read([text])


@given(st.text(alphabet="ab1239 [](),【】†^`~\n-.\\", max_size=80))
def test_reading_never_loses_or_invents_a_letter(text: str) -> None:
    kept = "".join(piece.text for piece in read([text]) if isinstance(piece, Text))
    assert [c for c in kept if c in "ab"] == [c for c in text if c in "ab"]
    assert all(1 <= piece.source <= 3 for piece in read([text]) if isinstance(piece, Marker))


@pytest.mark.parametrize("end", range(1, 4))
def test_a_half_arrived_marker_is_held_back(end: int) -> None:
    reader = MarkerReader(sources=3)
    assert reader.feed("Twenty-five days" + " [1]"[:end]) == [Text(text="Twenty-five days")]


def test_a_marker_is_given_as_soon_as_it_closes() -> None:
    reader = MarkerReader(sources=3)
    reader.feed("days [1")
    assert reader.feed("]") == [Text(text=" "), Marker(source=1)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a [1, 2] b", "a <1><2> b"),
        ("a [1][3].", "a <1><3>."),
        ("a【1】.", "a<1>."),
        ("a 【2†L1-L4】.", "a <2>."),
        ("a [1-3]", "a <1><2><3>"),
        ("a [Source 2], b [sources: 1; 2]", "a <2>, b <1><2>"),
        ("a [^3]", "a <3>"),
        ("نص [٢].", "نص <2>."),
        ("a [1][1] b [1]", "a <1> b <1>"),
    ],
)
def test_every_common_way_to_cite_is_understood(written: str, expected: str) -> None:
    assert shown(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("days [7].", "days."),
        ("days [7] a year", "days a year"),
        ("days[7] a year", "days a year"),
        ("days [7, 2] a year", "days <2> a year"),
        ("days [0]\nmore", "days\nmore"),
        ("days [7][1].", "days <1>."),
    ],
)
def test_unknown_sources_vanish_with_their_space(written: str, expected: str) -> None:
    assert shown(written) == expected


@pytest.mark.parametrize(
    "text",
    [
        "in [2024] it",
        "a [link](https://example.org)",
        "list [a, 1]",
        "`x[1]` and ``y`[1]``",
        "```\nx[1]\n```",
        "> ```\n> x[1]\n> ```",
        "[" + "1," * 40 + "1]",
        "half [1",
        "[s [so [source",
    ],
)
def test_what_is_no_marker_stays_as_written(text: str) -> None:
    assert shown(text) == text


def test_markers_count_again_after_code() -> None:
    assert shown("```\nx[1]\n```\ny [1] `z[2]` w [2]") == "```\nx[1]\n```\ny <1> `z[2]` w <2>"


def test_an_unclosed_code_span_ends_with_its_line() -> None:
    assert shown("a ` b [1]\nc [1]") == "a ` b [1]\nc <1>"
