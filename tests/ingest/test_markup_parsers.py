"""AsciiDoc, reStructuredText, JSON, XML, source code and subtitles keep their structure."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.parsed import ParsedDocument

Shape = list[tuple[str, str]]


def shape(document: ParsedDocument) -> Shape:
    return [(block.kind.value, document.text[block.start : block.end]) for block in document.blocks]


ParseText = Callable[[str, str | bytes], ParsedDocument]


@pytest.fixture
def parse_text(parse: Callable[[Path], ParsedDocument], tmp_path: Path) -> ParseText:
    def parse_text(name: str, content: str | bytes) -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return parse(path)

    return parse_text


def test_asciidoc_gives_words_without_signs(parse_text: ParseText) -> None:
    document = parse_text(
        "guide.adoc",
        "= The *guide*\n:toc:\n\nSome `code`, a https://x.org[link] and <<below,a jump>>.\n// not this\n\n"
        "== Below\n\n* one\n** two\n. first\n\nTerm:: What it means.\n\n"
        '.Prices\n[cols="1,1"]\n|===\n|Thing |Price\n\n|Tea\n|3\n|Cake |4\n|===\n\n'
        "[source,python]\n----\nx = 1\n\ny = 2\n----\n\nNOTE: Mind this.\n\ninclude::/etc/passwd[]\n",
    )
    assert document.title == "The guide"
    assert shape(document) == [
        ("heading", "The guide"),
        ("paragraph", "Some code, a link and a jump."),
        ("heading", "Below"),
        ("list_item", "one"),
        ("list_item", "two"),
        ("list_item", "first"),
        ("list_item", "Term: What it means."),
        ("caption", "Prices"),
        ("table", "Thing | Price\nTea | 3\nCake | 4"),
        ("code", "x = 1\n\ny = 2"),
        ("paragraph", "NOTE: Mind this."),
    ]
    assert document.blocks[9].code_language == "python"
    assert document.blocks[-1].heading_path == ("The guide", "Below")


def test_restructured_text_gives_words_without_signs(parse_text: ParseText) -> None:
    document = parse_text(
        "guide.rst",
        "=====\nGuide\n=====\n\nSome ``code``, :ref:`a jump <x>`, *stress* and `a link <http://x>`_.\n\n"
        "Section\n-------\n\n.. note::\n\n   Mind this.\n\n"
        ".. code-block:: python\n   :linenos:\n\n   x = 1\n\n"
        "+-----+-------+\n| A   | B     |\n+=====+=======+\n| one | long  |\n|     | text  |\n"
        "+-----+-------+\n\n"
        "====  ====\nC     D\n====  ====\n3     4\n====  ====\n\n"
        ".. list-table:: Prices\n   :header-rows: 1\n\n   * - Thing\n     - Price\n   * - Tea\n     - 3\n\n"
        "* one\n* two\n\nTerm\n   Its meaning.\n\nLiterally::\n\n   raw  text\n\n.. a comment\n\n"
        ".. include:: /etc/passwd\n\n.. [1] A footnote.\n\nOther\n=====\n\nSub\n---\n",
    )
    assert document.title == "Guide"
    assert shape(document) == [
        ("heading", "Guide"),
        ("paragraph", "Some code, a jump, stress and a link."),
        ("heading", "Section"),
        ("paragraph", "Mind this."),
        ("code", "x = 1"),
        ("table", "A | B\none | long text"),
        ("table", "C | D\n3 | 4"),
        ("caption", "Prices"),
        ("table", "Thing | Price\nTea | 3"),
        ("list_item", "one"),
        ("list_item", "two"),
        ("paragraph", "Term: Its meaning."),
        ("paragraph", "Literally:"),
        ("code", "raw  text"),
        ("paragraph", "A footnote."),
        ("heading", "Other"),
        ("heading", "Sub"),
    ]
    assert [block.level for block in document.blocks if block.level] == [1, 2, 3, 2]


def test_a_list_of_like_records_is_a_table(parse_text: ParseText) -> None:
    records = '[{"name": "Ann", "age": 5}, {"name": "Bob", "age": null, "city": "Rome"}]'
    assert shape(parse_text("people.json", records)) == [
        ("table", "name | age | city\nAnn | 5 | \nBob |  | Rome")
    ]


def test_json_lines_are_records_too(parse_text: ParseText) -> None:
    lines = '{"id": 1, "ok": true}\n{"id": 2, "ok": false}\n'
    assert shape(parse_text("log.jsonl", lines)) == [("table", "id | ok\n1 | true\n2 | false")]


def test_nested_json_names_each_value_by_its_path(parse_text: ParseText) -> None:
    document = parse_text(
        "conf.json", '{"a": {"b": 1, "c": ["x", "y"]}, "items": [{"k": {"z": 1}}, {"k": {"z": 2}}]}'
    )
    assert shape(document) == [
        ("paragraph", "a.b: 1\na.c: x, y"),
        ("paragraph", "items.k.z: 1"),
        ("paragraph", "items.k.z: 2"),
    ]


def test_what_is_no_json_is_kept_as_it_is(parse_text: ParseText) -> None:
    assert shape(parse_text("broken.json", '{"a": 1,')) == [("code", '{"a": 1,')]


def test_xml_of_known_vocabulary_keeps_its_sections(parse_text: ParseText) -> None:
    document = parse_text(
        "book.xml",
        """<?xml version="1.0"?><!DOCTYPE book SYSTEM "docbook.dtd"><book xmlns="http://docbook.org/ns/docbook">
        <title>Manual</title><chapter><title>First</title><para>Some <emphasis>bold</emphasis> words.</para>
        <itemizedlist><listitem><para>an item</para></listitem></itemizedlist>
        <table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>
        <programlisting>x = 1
  y</programlisting></chapter></book>""",
    )
    assert shape(document) == [
        ("heading", "Manual"),
        ("heading", "First"),
        ("paragraph", "Some bold words."),
        ("list_item", "an item"),
        ("table", "A | B\n1 | 2"),
        ("code", "x = 1\n  y"),
    ]


def test_records_in_xml_keep_the_names_of_their_fields(parse_text: ParseText) -> None:
    document = parse_text("data.xml", "<people><one><name>Ann</name><age>5</age></one><two id='7'/></people>")
    assert shape(document) == [("paragraph", "name: Ann\nage: 5"), ("paragraph", "two: 7")]


def test_xml_in_another_encoding(parse_text: ParseText) -> None:
    page = "<?xml version='1.0' encoding='windows-1251'?><a><p>Привет, мир</p></a>".encode("cp1251")
    assert parse_text("a.xml", page).text == "Привет, мир"


def test_source_code_is_cut_between_definitions(parse_text: ParseText) -> None:
    code = "import os\n\n\n@cached\ndef first():\n    a = 1\n\n    return a\n\n\nclass Second:\n    pass\n"
    document = parse_text("module.py", code)
    assert shape(document) == [
        ("code", "import os"),
        ("code", "@cached\ndef first():\n    a = 1\n\n    return a"),
        ("code", "class Second:\n    pass"),
    ]
    assert {block.code_language for block in document.blocks} == {"python"}
    assert document.title == "module.py"


def test_a_brace_after_a_blank_line_ends_what_is_above_it(parse_text: ParseText) -> None:
    code = "func first() {\n\tcall()\n\n}\n\nfunc second() {}\n"
    assert [text for _, text in shape(parse_text("main.go", code))] == [
        "func first() {\n    call()\n\n}",
        "func second() {}",
    ]


def test_a_long_class_is_cut_between_its_methods(parse_text: ParseText) -> None:
    methods = "\n".join(f"    def method_{number}(self):\n        return {number}\n" for number in range(40))
    document = parse_text("long.py", f"class Long:\n{methods}")
    assert len(document.blocks) == 40
    assert shape(document)[1] == ("code", "    def method_1(self):\n        return 1")


def test_a_script_without_ending_tells_its_language(parse_text: ParseText) -> None:
    document = parse_text("run", "#!/usr/bin/env python3\nprint('hello')\n")
    assert document.blocks[0].code_language == "python"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("talk.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hello\n\n"
        "1\n00:02.000 --> 00:03.000\n<v Ann>there &amp; you\n"
         "\n00:20.000 --> 00:21.000 align:left\n<v Bob><i>Hi</i>\n"),
        ("talk.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n"
        "2\n00:00:02,000 --> 00:00:03,000\nthere & you\n\n"
         "3\n00:00:20,000 --> 00:00:21,000\n<i>Hi</i>\n"),
    ],
)  # fmt: skip
def test_subtitles_are_paragraphs_with_speaker_and_time(parse_text: ParseText, name: str, text: str) -> None:
    spoken = [words for kind, words in shape(parse_text(name, text)) if kind == "paragraph"]
    assert spoken in (
        ["[00:01] Ann: Hello there & you", "[00:20] Bob: Hi"],
        ["[00:00:01] Hello there & you", "[00:00:20] Hi"],
    )


def test_org_has_headings_tables_and_code(parse_text: ParseText) -> None:
    document = parse_text(
        "n.org", "* Head\nWords.\n| A | B |\n|---+---|\n| 1 | 2 |\n#+BEGIN_SRC sh\nls\n#+END_SRC\n"
    )
    assert shape(document) == [
        ("heading", "Head"),
        ("paragraph", "Words."),
        ("table", "A | B\n1 | 2"),
        ("code", "ls"),
    ]


@pytest.mark.parametrize(
    "encoding", ["cp866", "koi8_r", "cp1251", "shift_jis", "gb18030", "big5", "euc_kr", "utf-32"]
)
def test_text_in_old_encodings(parse_text: ParseText, encoding: str) -> None:
    text = {
        "shift_jis": "これは日本語で書かれた文章です。会議は来週の月曜日に行われます。",
        "gb18030": "这是用中文写的一段文字。会议将于下周一举行，请准备好所有的资料。",
        "big5": "這是用中文寫的一段文字。會議將於下週一舉行。請準備好所有的資料，並提前通知大家。",
        "euc_kr": "이것은 한국어로 쓰여진 문장입니다. 회의는 다음 주에 열립니다.",
    }.get(encoding, "Это текст на русском языке. Заседание состоится в понедельник. Подготовьте материалы.")
    assert parse_text("a.txt", text.encode(encoding)).text == text
