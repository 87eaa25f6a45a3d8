import pytest

from retrieval.tokenizing import likely_languages, query_tokens, tokens


def test_case_and_inflection_do_not_matter() -> None:
    assert tokens("Connected CONNECTIONS", "en") == tokens("connection connecting", "en")


def test_stop_words_are_left_out() -> None:
    assert tokens("What is the notice period of this contract?", "en") == tokens(
        "notice period contract", "en"
    )


def test_accents_do_not_matter() -> None:
    assert tokens("réseau café", "fr") == tokens("reseau cafe", "fr")


def test_full_width_and_ligature_forms_are_the_plain_letters() -> None:
    assert tokens("ＡＢＣ conﬁg", "en") == tokens("ABC config", "en")


@pytest.mark.parametrize("written", ["E-4012", "E4012", "e_4012"])
def test_an_error_code_is_one_token_however_it_is_joined(written: str) -> None:
    assert "e4012" in tokens(f"error {written} occurred", "en")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("E-4012", "4012"),
        ("snake_case_name", "snake"),
        ("camelCaseName", "camel"),
        ("HTTPServer", "http"),
        ("quarterly-report.pdf", "pdf"),
        ("someone@example.org", "org"),
    ],
)
def test_identifiers_are_found_by_their_parts(text: str, part: str) -> None:
    assert part in tokens(text, "en")


def test_versions_and_file_names_stay_whole() -> None:
    assert {"v1.2.3", "setup.cfg", "10.0.0.1"} <= set(tokens("v1.2.3 in setup.cfg on 10.0.0.1", "en"))


def test_hyphenated_words_are_only_their_words() -> None:
    assert tokens("blood-pressure", "en") == tokens("blood pressure", "en")


def test_french_elisions_leave_the_noun() -> None:
    assert tokens("l'installation d'un réseau", "fr") == tokens("installation réseau", "fr")


def test_arabic_words_meet_without_article_and_vowel_signs() -> None:
    assert tokens("الكِتَاب", "ar") == tokens("كتاب", "ar")


def test_chinese_is_cut_into_pairs() -> None:
    assert tokens("数据库系统", "zh") == ["数据", "据库", "库系", "系统"]


def test_latin_words_inside_chinese_are_words() -> None:
    assert "debian" in tokens("安装Debian系统", "zh")


def test_words_with_vowel_marks_stay_whole() -> None:
    assert len(tokens("हिन्दी", "hi")) == 1


def test_an_unknown_language_is_guessed_from_the_text() -> None:
    text = "les réseaux sont configurés dans les fichiers"

    assert tokens(text, "und") == tokens(text, "fr")


@pytest.mark.parametrize(
    ("question", "text", "language"),
    [
        ("How are the networks configured?", "configuring networks", "en"),
        ("Comment les réseaux sont-ils configurés ?", "configurer un réseau", "fr"),
        ("Wie werden die Netzwerke eingerichtet?", "Netzwerk", "de"),
        ("réseaux", "le réseau", "fr"),
        ("networks", "network", "en"),
    ],
)
def test_a_question_meets_chunks_of_its_language(question: str, text: str, language: str) -> None:
    assert set(tokens(text, language)) <= set(query_tokens(question))


def test_a_question_of_stop_words_still_asks_for_something() -> None:
    assert query_tokens("to be or not to be") == ["to", "be", "or", "not", "to", "be"]


def test_text_without_any_word_has_no_tokens() -> None:
    assert tokens(" … ?! ", "en") == query_tokens(" … ?! ") == []


def test_the_script_decides_where_it_can() -> None:
    assert likely_languages("Как установить систему") == ("ru",)
    assert likely_languages("كيف أثبت النظام") == ("ar",)
