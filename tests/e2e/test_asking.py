"""Ask a question, read the answer, look at what it rests on."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

LEAVE_QUESTION = "How many days of paid annual leave do full-time employees receive?"
HOTEL_QUESTION = "How much may a hotel night cost?"
NONSENSE = "Which gluon coupling does lattice quantum chromodynamics predict?"


def ask(page: Page, question: str) -> Locator:
    """Types and sends the question; gives back its article once the answer is complete."""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    article = page.get_by_role("article", name=question).last
    expect(article.locator("[aria-busy=true]")).to_have_count(0, timeout=60_000)
    return article


def test_an_answer_is_written_with_a_citation_of_its_source(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    article = ask(watched, LEAVE_QUESTION)
    expect(article).to_contain_text("25 days of paid annual leave")
    chip = article.get_by_role("button", name="Source 1: Leave policy").first
    expect(chip).to_have_text("1")
    box = chip.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    expect(watched.get_by_role("status")).to_contain_text("Answer ready")
    expect(article.get_by_role("heading", name="Sources")).to_be_visible()


def test_a_citation_opens_its_passage_marked_in_the_document(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    chip = ask(watched, LEAVE_QUESTION).get_by_role("button", name="Source 1: Leave policy").first
    chip.click()
    panel = watched.get_by_role("dialog", name="Leave policy")
    expect(panel.get_by_role("heading", name="Annual leave")).to_be_visible()
    marked = panel.locator("mark")
    expect(marked.filter(has_text="25 days of paid annual leave")).to_be_in_viewport()
    assert "Everyone who works here" not in "".join(marked.all_inner_texts())
    watched.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(chip).to_be_focused()


def test_the_address_of_an_open_passage_can_be_reloaded(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    ask(watched, LEAVE_QUESTION).get_by_role("button", name="Source 1: Leave policy").first.click()
    expect(watched.locator("dialog mark").first).to_be_visible()
    assert re.search(r"#/d/doc_\w+\?.*start=\d+&end=\d+", watched.url)
    watched.reload()
    expect(watched.locator("dialog mark").first).to_be_in_viewport()
    expect(watched.get_by_role("article", name=LEAVE_QUESTION)).to_contain_text("25 days")


def test_an_answer_kept_by_an_older_page_is_still_shown(watched: Page, library: Any) -> None:
    """Sources had no `location` then."""
    watched.goto(library.url)
    ask(watched, LEAVE_QUESTION)
    watched.evaluate(
        """() => {
            const forget = (key, value) => (key === 'location' ? undefined : value);
            const turns = JSON.parse(sessionStorage.getItem('sourcebook.turns'));
            sessionStorage.setItem('sourcebook.turns', JSON.stringify(turns, forget));
        }"""
    )
    watched.reload()
    article = watched.get_by_role("article", name=LEAVE_QUESTION)
    expect(article.get_by_role("button", name="Leave policy").last).to_contain_text("25 days")


def test_a_citation_of_a_pdf_marks_the_line_on_its_page(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    name = f"Source 1: Travel policy, p. {library.hotel_page}"
    ask(watched, HOTEL_QUESTION).get_by_role("button", name=name).first.click()
    panel = watched.get_by_role("dialog")
    expect(panel.locator("blockquote")).to_contain_text(library.hotel_line)
    image = panel.get_by_role("img", name=f"Image of page {library.hotel_page}")
    expect(image).to_be_visible()
    watched.wait_for_function("document.querySelector('dialog img').naturalWidth > 0")
    sheet = image.bounding_box()
    assert sheet is not None
    expect(panel.locator(".box").first).to_be_in_viewport()
    shares = [covered(box.bounding_box(), sheet, library.hotel_place) for box in panel.locator(".box").all()]
    assert max(shares) > 0.6, f"no box stands on the line: {shares}"


def test_the_text_of_a_pdf_can_be_read_with_its_mark(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    ask(watched, HOTEL_QUESTION).get_by_role("button", name="Source 1: Travel policy").first.click()
    panel = watched.get_by_role("dialog")
    panel.get_by_role("button", name="Text", exact=True).click()
    expect(panel.locator("mark").filter(has_text=library.hotel_line)).to_be_in_viewport()


def test_a_refusal_shows_the_nearest_passages(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    article = ask(watched, NONSENSE)
    expect(article.get_by_role("heading", name="The documents do not answer this")).to_be_visible()
    expect(article.locator(".chips")).to_have_count(0)
    nearest = article.get_by_role("region").or_(article.locator("section")).get_by_role("button")
    nearest.first.click()
    expect(watched.get_by_role("dialog")).to_be_visible()


def test_a_failed_question_is_kept_and_can_be_asked_again(watched: Page, library: Any) -> None:
    def fail_once(route: Route) -> None:
        route.fulfill(
            status=503,
            content_type="application/problem+json",
            json={
                "type": "about:blank",
                "title": "The model is resting",
                "status": 503,
                "request_id": "req_7",
            },
        )

    watched.goto(library.url)
    watched.route("**/api/v1/answers", fail_once, times=1)
    article = ask(watched, LEAVE_QUESTION)
    alert = article.get_by_role("alert")
    expect(alert).to_contain_text("The model is resting")
    expect(alert).to_contain_text("req_7")
    article.get_by_role("button", name="Try again").click()
    expect(article).to_contain_text("25 days")
    expect(alert).to_have_count(0)


def test_escape_stops_an_answer(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    never_answered: list[Route] = []
    watched.route("**/api/v1/answers", lambda route: never_answered.append(route))
    watched.get_by_label("Your question").fill(LEAVE_QUESTION)
    watched.keyboard.press("Enter")
    expect(watched.get_by_role("button", name="Stop")).to_be_visible()
    watched.keyboard.press("Escape")
    article = watched.get_by_role("article", name=LEAVE_QUESTION)
    expect(article).to_contain_text("Stopped")
    expect(watched.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_shift_enter_starts_a_new_line(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    question = watched.get_by_label("Your question")
    question.press_sequentially("one")
    question.press("Shift+Enter")
    question.press_sequentially("two")
    expect(question).to_have_value("one\ntwo")
    expect(watched.get_by_role("article")).to_have_count(0)


def test_a_question_goes_to_the_chosen_collections_only(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    watched.locator("summary", has_text="All collections").click()
    watched.get_by_role("checkbox", name=library.collection).check()
    watched.keyboard.press("Escape")
    with watched.expect_request("**/api/v1/answers") as sent:
        ask(watched, LEAVE_QUESTION)
    assert sent.value.post_data_json == {"question": LEAVE_QUESTION, "collections": [library.collection]}


def covered(box: Any, sheet: Any, place: Any) -> float:
    """Intersection over union of a box on screen with a place on the page."""
    x0, y0 = (box["x"] - sheet["x"]) / sheet["width"], (box["y"] - sheet["y"]) / sheet["height"]
    x1, y1 = x0 + box["width"] / sheet["width"], y0 + box["height"] / sheet["height"]
    wide = min(x1, place.x1) - max(x0, place.x0)
    high = min(y1, place.y1) - max(y0, place.y0)
    if wide <= 0 or high <= 0:
        return 0.0
    both = (x1 - x0) * (y1 - y0) + (place.x1 - place.x0) * (place.y1 - place.y0) - wide * high
    return wide * high / both
