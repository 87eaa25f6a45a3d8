from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.sentences import UnitKind, sentences

PIECES = st.sampled_from(
    [
        *(
            "Mr. ",
            "U.S. ",
            "3.5 ",
            "No. 7",
            "e.g. ",
            "The end. ",
            "Why? ",
            "« Oui. » ",
            "ما هو؟ ",
            "年假为20天。",
            "「可以。」",
        ),
        *(
            "\n",
            "\n\n",
            "\r\n",
            " | ",
            "- ",
            "1. ",
            "a) ",
            "...",
            "! ",
            "\u00a0",
            "\t",
            "word ",
            "[3]",
            "۔ ",
            "؛ ",
            "😀",
        ),
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join)))
def test_spans_are_verbatim_in_order_and_cover_everything_but_space(text: str) -> None:
    found = sentences(text)

    assert all(text[each.start : each.end] == each.text for each in found)
    assert all(each.text == each.text.strip() != "" for each in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    gaps = [0, *(edge for each in found for edge in (each.start, each.end)), len(text)]
    assert all(not text[start:end].strip() for start, end in zip(gaps[::2], gaps[1::2], strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs 3.5 million. It is new.", ["It costs 3.5 million.", "It is new."]),
        ("Mr. Smith met Dr. Who. They spoke.", ["Mr. Smith met Dr. Who.", "They spoke."]),
        ("The U.S. Army left the U.S. The rest stayed.", ["The U.S. Army left the U.S.", "The rest stayed."]),
        ("J. K. Rowling wrote it. Many read it.", ["J. K. Rowling wrote it.", "Many read it."]),
        ("See No. 5 and art. 12. See also p. 3.", ["See No. 5 and art. 12.", "See also p. 3."]),
        ("Use tools, e.g. a saw. Be careful!", ["Use tools, e.g. a saw.", "Be careful!"]),
        ('"Really?" he said. "Yes." She left.', ['"Really?" he said.', '"Yes."', "She left."]),
        ("It began in 1973. 12 men came.", ["It began in 1973.", "12 men came."]),
        ("Go to example.com. Then log in to v1.2.3.", ["Go to example.com.", "Then log in to v1.2.3."]),
        ("M. Dupont a dit « oui. » Puis il est parti.", ["M. Dupont a dit « oui. »", "Puis il est parti."]),
        ("Selon l'art. 3, oui ! Sinon, non.", ["Selon l'art. 3, oui !", "Sinon, non."]),
        (
            "ما هو الحد؟ الحد 500 دينار. يقدم الطلب؛ ثم يوقع۔ نعم",
            ["ما هو الحد؟", "الحد 500 دينار.", "يقدم الطلب؛", "ثم يوقع۔", "نعم"],
        ),
        (
            "年假为20天。须提前申请！「可以。」好吗？",
            ["年假为20天。", "须提前申请！", "「可以。」", "好吗？"],
        ),
        ("A line\nthat goes on. And ends.", ["A line\nthat goes on.", "And ends."]),
        ("Annual leave\n\nYou have 25 days.", ["Annual leave", "You have 25 days."]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    assert [each.text for each in sentences(text)] == expected


def test_list_items_stand_alone() -> None:
    found = sentences("You need:\n- a passport\n- two photos. In colour.\n3. Patience")

    assert [(each.text, each.kind) for each in found] == [
        ("You need:", UnitKind.SENTENCE),
        ("- a passport", UnitKind.LIST_ITEM),
        ("- two photos.", UnitKind.LIST_ITEM),
        ("In colour.", UnitKind.SENTENCE),
        ("3. Patience", UnitKind.LIST_ITEM),
    ]


def test_table_rows_stand_alone_and_know_their_header() -> None:
    text = "Prices. All net.\n\nPart | Price\nCable | 4.90. New\nCell | 80\n\nName | Site\nAda | Lyon"

    found = [each for each in sentences(text) if each.kind is UnitKind.ROW]

    assert [each.text for each in found] == [
        "Part | Price", "Cable | 4.90. New", "Cell | 80", "Name | Site", "Ada | Lyon",
    ]  # fmt: skip
    headers = [text[slice(*each.header)] if each.header else None for each in found]
    assert headers == [None, "Part | Price", "Part | Price", None, "Name | Site"]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        (
            "Which cells are concerned\nThe serial numbers run from 2547-0100 to 2547-0388.",
            ["Which cells are concerned", "The serial numbers run from 2547-0100 to 2547-0388."],
        ),
        ("Subject: Move\nFrom: Ada\nTo: all", ["Subject: Move", "From: Ada", "To: all"]),
        (
            "الغرض\nتوضح هذه التعليمات ما يجب على كل موظف القيام به عند سماع الجرس.",
            ["الغرض", "توضح هذه التعليمات ما يجب على كل موظف القيام به عند سماع الجرس."],
        ),
        (
            "Fill in the spreadsheet and send it with the\nreceipts to accounts payable within a month.",
            ["Fill in the spreadsheet and send it with the\nreceipts to accounts payable within a month."],
        ),
        (
            "The certificate of the load cell was signed by Bastien\nRoullet in the laboratory of Lyon.",
            ["The certificate of the load cell was signed by Bastien\nRoullet in the laboratory of Lyon."],
        ),
    ],
)
def test_a_heading_or_a_field_above_a_text_is_a_unit_and_a_wrapped_line_is_not(
    text: str, units: list[str]
) -> None:
    assert [unit.text for unit in sentences(text)] == units
