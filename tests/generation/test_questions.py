import pytest

from generation.questions import AnswerKind, gives_kind, read_question


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many days of leave do I have?", AnswerKind.NUMBER),
        ("Combien de devis faut-il ?", AnswerKind.NUMBER),
        ("كم ساعة تعمل البطارية؟", AnswerKind.NUMBER),
        ("员工有多少天年假？", AnswerKind.NUMBER),
        ("When does the office close?", AnswerKind.DATE),
        ("Until what date can I claim?", AnswerKind.DATE),
        ("Quand l'usine ferme-t-elle ?", AnswerKind.DATE),
        ("À quelles dates l'usine ferme-t-elle ?", AnswerKind.DATE),
        ("The lease runs out. When does it end?", AnswerKind.DATE),
        ("Which code is shown when the paper has run out?", AnswerKind.OTHER),
        ("What would a contract for the scale cost per year?", AnswerKind.NUMBER),
        ("متى يغلق المكتب؟", AnswerKind.DATE),
        ("Who signs certificates?", AnswerKind.PERSON),
        ("Où se trouve la réception ?", AnswerKind.PLACE),
        ("Is first class reimbursed?", AnswerKind.YES_NO),
        ("هل يمكن العمل من المنزل؟", AnswerKind.YES_NO),
        ("What does error E-4012 mean?", AnswerKind.OTHER),
    ],
)
def test_a_question_tells_what_kind_of_answer_it_expects(question: str, kind: AnswerKind) -> None:
    assert read_question(question).kind is kind


@pytest.mark.parametrize(
    ("kind", "text", "given"),
    [
        (AnswerKind.DATE, "They must be taken by 30 April.", 1.0),
        (AnswerKind.DATE, "The launch is on 2/2.", 1.0),
        (AnswerKind.DATE, "You may claim it after your marriage, as decided.", -1.0),
        (AnswerKind.DATE, "It opens in May.", 1.0),
        (AnswerKind.NUMBER, "Load cells have thirty-six months.", 1.0),
        (AnswerKind.NUMBER, "Load cells have a warranty.", -1.0),
        (AnswerKind.PERSON, "Certificates are signed by Bastien Roullet.", 1.0),
        (AnswerKind.PERSON, "Nobody signs alone.", -1.0),
        (AnswerKind.OTHER, "Anything.", 0.0),
        (AnswerKind.PERSON, "يوقعها المدير.", 0.0),
    ],
)
def test_a_sentence_may_hold_what_is_asked_for(kind: AnswerKind, text: str, given: float) -> None:
    assert gives_kind(kind, text, known=frozenset()) == given


def test_what_the_question_says_itself_is_no_answer() -> None:
    question = read_question("When in 2026 does Anna leave?")

    assert gives_kind(AnswerKind.DATE, "Anna leaves in 2026.", known=question.words) == -1.0
    assert gives_kind(AnswerKind.DATE, "Anna leaves in March 2026.", known=question.words) == 1.0


def test_terms_are_content_words_with_names_and_numbers_marked() -> None:
    terms = read_question("Which LC-12 cells did Ada Byron exchange in 2026?").terms

    assert {form for term in terms if term.is_name for form in term.forms} >= {"lc12", "ada", "byron"}
    assert {form for term in terms if term.is_number for form in term.forms} == {"2026"}
    assert not any(term.forms & {"which", "did", "in"} for term in terms)


def test_every_pair_of_a_script_without_spaces_is_a_term() -> None:
    assert len(read_question("员工有多少天年假？").terms) > 3


def test_negation_is_seen_in_several_languages() -> None:
    assert read_question("Which trips are not reimbursed?").is_negated
    assert read_question("Quels frais ne sont pas remboursés ?").is_negated
    assert not read_question("Which trips are reimbursed?").is_negated


def test_only_the_sentence_that_asks_negates_the_question() -> None:
    assert not read_question("I do not agree with my bill. Whom do I ask?").is_negated
    assert read_question("My bill came. Whom do I not have to pay?").is_negated


def test_a_measure_is_also_looked_for_by_its_name_in_a_table() -> None:
    (high, *_) = read_question("How high is the platform?").terms

    assert high.forms >= {"high", "height"}


def test_words_that_only_put_the_question_are_told_from_what_it_is_about() -> None:
    terms = read_question("What is the problem when a badge is lost?").terms

    assert {form for term in terms if term.is_framing for form in term.forms} == {"problem"}
    assert {form for term in terms if not term.is_framing for form in term.forms} >= {"badg", "lost"}
