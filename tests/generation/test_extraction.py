import asyncio
from collections.abc import Sequence

import pytest

from corpus.documents import Box, Chunk, DocumentId, Region
from generation.answers import (
    NO_ANSWER,
    Answer,
    AnswerDelta,
    AnswerDone,
    CitationMade,
    FinishReason,
    Support,
)
from generation.extraction import ExtractiveWriter
from generation.settings import ExtractionSettings
from generation.writing import WriterEvent
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import Vectors
from retrieval.passages import Passage

LEAVE = (
    "Annual leave",
    "Every employee has 25 working days of paid annual leave per calendar year. Part-time employees have "
    "less.\n\nUp to five unused days may be carried over. They must be taken by 30 April; after that date "
    "they are lost.\n\nSpecial leave is granted for moving house: one day. Marriage: two days.",
)
TRAVEL = (
    "Travel expenses",
    "Claims are submitted within 30 days of the return.\n\nZone | Hotel per night | Meals per day\n"
    "Paris | EUR 165 | EUR 45\nLyon | EUR 125 | EUR 38\nTunis | EUR 95 | EUR 30\n\n"
    "First class is not reimbursed. Taxis are reimbursed only when no public transport runs.",
)
BADGES = (
    "Visitors and badges",
    "A visitor's badge is requested at the reception. The following are needed:\n- an identity card\n"
    "- the name of the host\n- the licence plate of the car\n\nBadges are returned by 18:00. The head of "
    "security is Karim Belhadj. He approves visits at weekends.",
)
ACHATS = (
    "Procédure d'achats",
    "Les commandes de moins de 500 € sont approuvées par le responsable de service. À partir de 5 000 €, "
    "trois devis sont exigés. Le délai de paiement des fournisseurs est de 45 jours.",
)
RAMADAN = (
    "دليل مكتب تونس",
    "يفتح المكتب أبوابه من الاثنين إلى الجمعة. "
    "في شهر رمضان يعمل المكتب من الساعة 8:00 إلى 14:30 دون استراحة غداء. "
    "تقع قاعة الصلاة في الطابق الثاني.",
)


@pytest.fixture(scope="module")
def writer() -> ExtractiveWriter:
    return ExtractiveWriter(MiniLmEmbedder())


def _passages(*documents: tuple[str, str], language: str = "en") -> list[Passage]:
    """Each document as one passage, in this order; its text starts at character 100 of the document."""
    return [
        Passage(
            rank=rank,
            score=1 / rank,
            similarity=0.5,
            chunk=Chunk(
                document_id=DocumentId(f"doc_{rank}"),
                version=3,
                number=0,
                start=100,
                end=100 + len(text),
                text=text,
                heading_path=(),
                page=None,
                regions=(),
                language=language,
                tokens=0,
            ),
            title=title,
            path=f"{title}.md",
            media_type="text/markdown",
            collection="Handbook",
        )
        for rank, (title, text) in enumerate(documents, start=1)
    ]


def _write(writer: ExtractiveWriter, question: str, passages: Sequence[Passage]) -> list[WriterEvent]:
    async def collect() -> list[WriterEvent]:
        return [event async for event in writer.write(question, passages)]

    return asyncio.run(collect())


def _answer(writer: ExtractiveWriter, question: str, passages: Sequence[Passage]) -> Answer:
    last = _write(writer, question, passages)[-1]
    assert isinstance(last, AnswerDone)
    return last.answer


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many days of paid annual leave do employees have?", "25 working days"),
        ("By when must carried over days be taken?", "30 April"),
        ("Is first class reimbursed?", "First class is not reimbursed."),
        ("What is the hotel limit per night in Lyon?", "Lyon | EUR 125"),
        ("What is needed for a visitor's badge?", "licence plate"),
        ("Who is the head of security?", "Karim Belhadj"),
        ("Within how many days must travel expense claims be submitted?", "30 days of the return"),
    ],
    ids=["number", "date", "yes or no", "table", "list", "person", "number of days"],
)
def test_a_policy_question_is_answered_by_the_sentence_that_answers(
    writer: ExtractiveWriter, question: str, expected: str
) -> None:
    answer = _answer(writer, question, _passages(LEAVE, TRAVEL, BADGES))

    assert answer.answerable
    assert expected in answer.text
    assert len(answer.sentences) <= 4


@pytest.mark.parametrize(
    ("question", "document", "language", "expected"),
    [
        ("Combien de devis faut-il à partir de 5 000 € ?", ACHATS, "fr", "trois devis"),
        ("Quel est le délai de paiement des fournisseurs ?", ACHATS, "fr", "45 jours"),
        ("ما هي ساعات العمل في شهر رمضان؟", RAMADAN, "ar", "14:30"),
    ],
)
def test_french_and_arabic_questions_are_answered(
    writer: ExtractiveWriter, question: str, document: tuple[str, str], language: str, expected: str
) -> None:
    answer = _answer(writer, question, _passages(document, language=language))

    assert answer.answerable
    assert expected in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of Mongolia?",
        "Does the company pay for a gym membership?",
        "Which operating system runs on the mail server?",
        "How much does the company contribute to the pension fund?",
        "Quelle est la couleur du logo ?",
        "من كتب رواية الحرب والسلام؟",
        "?!",
        "What is it?",
    ],
)
def test_what_the_documents_do_not_say_is_refused(writer: ExtractiveWriter, question: str) -> None:
    passages = _passages(LEAVE, TRAVEL, BADGES)

    answer = _answer(writer, question, passages)

    assert answer.text == NO_ANSWER
    assert (answer.answerable, answer.finish_reason) == (False, FinishReason.NO_EVIDENCE)
    assert (answer.citations, answer.sentences) == ((), ())
    assert answer.passages == tuple(passages)


def test_without_passages_the_writer_refuses(writer: ExtractiveWriter) -> None:
    assert _answer(writer, "How many days of leave are there?", []).text == NO_ANSWER


def test_every_quote_is_verbatim_and_cited_by_its_place_in_the_document(writer: ExtractiveWriter) -> None:
    passages = _passages(LEAVE, TRAVEL)

    answer = _answer(writer, "How many days of paid annual leave do employees have?", passages)

    assert [citation.n for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    for sentence, citation in zip(answer.sentences, answer.citations, strict=True):
        chunk = citation.passage.chunk
        assert citation.quote == chunk.text[citation.start - chunk.start : citation.end - chunk.start]
        assert sentence.text == f"{citation.quote} [{citation.n}]"
        assert (sentence.citations, sentence.support) == ((citation.n,), Support.SUPPORTED)
        assert (citation.document_id, citation.document_version) == (chunk.document_id, 3)


def test_deltas_join_to_the_answer_and_citations_come_before_their_markers(writer: ExtractiveWriter) -> None:
    events = _write(writer, "What is the hotel limit per night in Lyon?", _passages(TRAVEL))

    shown, known = "", 0
    for event in events:
        if isinstance(event, CitationMade):
            known = event.citation.n
        elif isinstance(event, AnswerDelta):
            shown += event.delta
            assert f"[{known + 1}]" not in shown
    assert isinstance(events[-1], AnswerDone)
    assert shown == events[-1].answer.text
    assert sum(isinstance(event, AnswerDelta) for event in events) > 2


def test_a_table_row_is_quoted_with_its_header(writer: ExtractiveWriter) -> None:
    answer = _answer(writer, "What is the hotel limit per night in Lyon?", _passages(TRAVEL))

    assert answer.citations[0].quote.startswith("Zone | Hotel per night | Meals per day")
    assert any("Lyon | EUR 125 | EUR 38" in citation.quote for citation in answer.citations)


def test_a_pronoun_brings_the_sentence_it_stands_for(writer: ExtractiveWriter) -> None:
    answer = _answer(writer, "Does Karim Belhadj approve visits at weekends?", _passages(BADGES))

    assert "The head of security is Karim Belhadj. He approves visits at weekends." in answer.text


def test_the_same_sentence_in_two_documents_is_quoted_once(writer: ExtractiveWriter) -> None:
    answer = _answer(writer, "Is first class reimbursed?", _passages(TRAVEL, ("Copy", TRAVEL[1])))

    assert answer.text.count("First class is not reimbursed.") == 1


def test_a_marker_of_the_source_does_not_pass_for_a_citation(writer: ExtractiveWriter) -> None:
    text = "Employees have 25 days of paid annual leave [7]. This was agreed in 2019."

    answer = _answer(
        writer, "How many days of paid annual leave do employees have?", _passages(("Leave", text))
    )

    assert "[7]" not in answer.text
    assert answer.citations[0].quote == "Employees have 25 days of paid annual leave [7]."


def test_the_boxes_and_the_page_are_those_under_the_quote(writer: ExtractiveWriter) -> None:
    first, second = "Claims need receipts. ", "The hotel limit in Lyon is EUR 125 per night."
    boxes = [Box(page=page, x0=0.1, y0=0.1, x1=0.9, y1=0.2) for page in (4, 5)]
    passage = _passages(("Travel", first + second))[0]
    chunk = Chunk(
        document_id=passage.chunk.document_id,
        version=1,
        number=0,
        start=0,
        end=len(first + second),
        text=first + second,
        heading_path=(),
        page=4,
        regions=(
            Region(start=0, end=len(first), box=boxes[0]),
            Region(start=len(first), end=len(first + second), box=boxes[1]),
        ),
        language="en",
        tokens=0,
    )
    found = Passage(
        rank=1,
        score=1.0,
        similarity=0.6,
        chunk=chunk,
        title="Travel",
        path="travel.pdf",
        media_type="application/pdf",
        collection="Handbook",
    )

    citation = _answer(writer, "What is the hotel limit per night in Lyon?", [found]).citations[0]

    assert citation.quote == second
    assert (citation.page, citation.boxes) == (5, (boxes[1],))


def test_what_differs_in_its_number_is_not_the_same_statement(writer: ExtractiveWriter) -> None:
    text = (
        "Apprentices may work remotely one day a week from their second year.\n\n"
        "You may work remotely up to three days per week."
    )

    answer = _answer(writer, "How many days a week may I work remotely?", _passages(("Remote work", text)))

    assert "You may work remotely up to three days per week." in answer.text


def test_a_question_about_what_the_passages_never_name_is_refused(writer: ExtractiveWriter) -> None:
    answer = _answer(writer, "Is a gym membership subsidised?", _passages(LEAVE, TRAVEL, BADGES))

    assert not answer.answerable


class CountingEmbedder(MiniLmEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.embedded = 0

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        return super().embed_documents(texts)


def test_sentences_read_before_are_not_embedded_again_and_only_the_last_are_remembered() -> None:
    embedder = CountingEmbedder()
    writer = ExtractiveWriter(embedder, ExtractionSettings(remembered_sentences=30))
    first = writer.select("How many days of paid annual leave are there?", _passages(LEAVE))
    once = embedder.embedded

    again = writer.select("How many days of paid annual leave are there?", _passages(LEAVE))

    assert once > 0
    assert embedder.embedded == once
    assert again.probability == first.probability

    forgetful = ExtractiveWriter(embedder, ExtractionSettings(remembered_sentences=1))
    for _ in range(2):
        forgetful.select("How many days of paid annual leave are there?", _passages(LEAVE))
    assert embedder.embedded > 2 * once
