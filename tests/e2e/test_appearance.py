"""The page in light and dark, wide and narrow, left to right and right to left: nothing for axe to find."""

import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

QUESTION = "How many days of paid annual leave do full-time employees receive?"
ARABIC_QUESTION = "كم يومًا من الإجازة السنوية المدفوعة يحصل عليها كل موظف؟"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

SYNC_SECONDS = 60

LOOKS = [
    pytest.param(WIDE, "light", "en", id="light"),
    pytest.param(WIDE, "dark", "fr", id="dark-french"),
    pytest.param(PHONE, "light", "en", id="phone"),
    pytest.param(PHONE, "dark", "ar", id="phone-arabic-dark"),
    pytest.param(WIDE, "light", "ar", id="arabic"),
]


@pytest.mark.parametrize(("viewport", "scheme", "language"), LOOKS)
def test_every_state_is_accessible_and_fits_its_width(
    browser: Browser, library: Any, viewport: Any, scheme: Any, language: str
) -> None:
    with browser.new_context(viewport=viewport, color_scheme=scheme) as context:
        context.add_init_script(f"localStorage.setItem('sourcebook.language', '{language}')")
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(library.url)
        expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
        inspect(page, "welcome")
        ask(page, ARABIC_QUESTION if language == "ar" else QUESTION)
        inspect(page, "answer")
        page.locator(".chips button").first.click()
        expect(page.locator("dialog mark").first).to_be_in_viewport()
        inspect(page, "source")
        page.keyboard.press("Escape")
        ask(page, "zxqv wvut plmk")
        inspect(page, "refusal")
        page.goto(f"{library.url}/#/library")
        expect(page.locator("main li")).not_to_have_count(0)
        inspect(page, "collections")
        page.goto(f"{library.url}/#/library/{library.collection}")
        expect(page.get_by_role("table")).to_be_visible()
        inspect(page, "documents")
        page.locator("td.action button").first.click()
        inspect(page, "confirmation")
        assert errors == []


@pytest.fixture(scope="session")
def connected(library: Any) -> str:
    """A collection with a connector of each look: in step, paused with problems, failed, to be confirmed."""
    for name in ("sound", "troubled", "gone", "emptied"):
        folder = library.origins / f"look-{name}"
        folder.mkdir()
        (folder / "gate.md").write_text("# Gate\n\nThe gate closes at ten.\n")
    os.close(os.open(os.fsencode(library.origins) + b"/look-troubled/caf\xe9.md", os.O_CREAT))
    with httpx.Client(base_url=f"{library.url}/api/v1", timeout=60) as client:
        ids = {
            name: add_connector(client, library.origins / f"look-{name}")
            for name in ("sound", "troubled", "gone", "emptied")
        }
        client.patch(f"/connectors/{ids['sound']}", json={"interval_seconds": 3600, "is_watched": True})
        client.patch(f"/connectors/{ids['troubled']}", json={"is_paused": True})
        (library.origins / "look-gone").rename(library.origins / "look-away")
        (library.origins / "look-emptied" / "gate.md").unlink()
        states = [synced(client, ids[name]) for name in ("gone", "emptied")]
        assert states == ["failed", "needs_confirmation"]
    return "Looks"


@pytest.mark.parametrize(("viewport", "scheme", "language"), LOOKS)
def test_connectors_are_accessible_and_fit_their_width(
    browser: Browser, library: Any, connected: str, viewport: Any, scheme: Any, language: str
) -> None:
    with browser.new_context(viewport=viewport, color_scheme=scheme) as context:
        context.add_init_script(f"localStorage.setItem('sourcebook.language', '{language}')")
        page = context.new_page()
        page.goto(f"{library.url}/#/library/{connected}/connectors")
        expect(page.get_by_role("article")).to_have_count(4)
        inspect(page, "connectors")
        page.locator("#connector-add").click()
        for kind in ("folder", "git", "s3", "website"):
            page.locator("#connector-kind").select_option(kind)
            page.locator("form details").evaluate("details => { details.open = true }")
            inspect(page, f"form of {kind}")
        page.locator("form button[type=button]").click()
        page.locator("article button").last.click()
        expect(page.get_by_role("alertdialog")).to_be_visible()
        inspect(page, "removal")


def test_a_chosen_theme_and_language_stay(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    watched.get_by_text("Settings").click()
    watched.get_by_label("Theme").select_option("dark")
    watched.get_by_label("Language").select_option("ar")
    expect(watched.locator("html")).to_have_attribute("dir", "rtl")
    expect(watched.locator("html")).to_have_attribute("data-theme", "dark")
    watched.reload()
    expect(watched.get_by_role("heading", name="اسأل مستنداتك")).to_be_visible()
    dark = watched.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert sum(int(part) for part in dark.strip("rgb()").split(",")) < 120


def test_the_theme_is_set_before_the_first_paint(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    watched.evaluate("localStorage.setItem('sourcebook.theme', 'dark')")
    watched.route("**/assets/*.js", lambda route: route.abort())
    watched.reload()
    expect(watched.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_page_can_be_used_with_the_keyboard_alone(watched: Page, library: Any) -> None:
    watched.goto(library.url)
    watched.keyboard.press("Tab")
    expect(watched.get_by_role("link", name="Skip to the question")).to_be_focused()
    watched.keyboard.press("Enter")
    expect(watched.get_by_label("Your question")).to_be_focused()
    watched.keyboard.type(QUESTION)
    watched.keyboard.press("Enter")
    chip = watched.locator(".chips button").first
    expect(chip).to_be_visible()
    for _ in range(30):
        watched.keyboard.press("Shift+Tab")
        if chip.evaluate("chip => chip === document.activeElement"):
            break
    expect(chip).to_be_focused()
    watched.keyboard.press("Enter")
    expect(watched.get_by_role("dialog").locator("h2")).to_be_focused()
    watched.keyboard.press("Escape")
    expect(chip).to_be_focused()


def add_connector(client: httpx.Client, folder: Path) -> str:
    options = {"kind": "folder", "path": str(folder)}
    response = client.post("/connectors", json={"collection": "Looks", "options": options})
    assert response.status_code == 201, response.text
    connector_id = str(response.json()["id"])
    assert settled(client, connector_id) == "done"
    return connector_id


def synced(client: httpx.Client, connector_id: str) -> str:
    assert client.post(f"/connectors/{connector_id}/sync", json={}).status_code == 202
    return settled(client, connector_id)


def settled(client: httpx.Client, connector_id: str) -> str:
    deadline = time.monotonic() + SYNC_SECONDS
    state = "unknown"
    while time.monotonic() < deadline:
        state = str(client.get(f"/connectors/{connector_id}").json()["last_sync"]["state"])
        if state not in {"queued", "running"}:
            break
        time.sleep(0.1)
    return state


def ask(page: Page, question: str) -> None:
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name=question)).to_be_visible()
    expect(page.locator("[aria-busy=true], .progress")).to_have_count(0, timeout=60_000)


def inspect(page: Page, state: str) -> None:
    found = Axe().run(page)  # pyright: ignore[reportUnknownMemberType]
    assert found.violations_count == 0, f"{state}:\n{found.generate_report()}"
    width, available = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= available, f"{state} is {width} px wide in a window of {available} px"
