"""Add documents in the browser, follow what becomes of them, take them away."""

import uuid
from typing import Any

from playwright.sync_api import FilePayload, Locator, Page, Route, expect

READY_MS = 60_000


def note(text: str, name: str = "note.md") -> FilePayload:
    return {"name": name, "mimeType": "text/markdown", "buffer": text.encode()}


def open_new_collection(page: Page, library: Any) -> str:
    name = f"New {uuid.uuid4().hex[:8]}"
    page.goto(f"{library.url}/#/library/{name}")
    return name


def row_of(page: Page, path: str) -> Locator:
    return page.get_by_role("row").filter(has_text=path)


def choose(page: Page, *files: FilePayload) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(list(files))


def test_a_chosen_file_becomes_ready_and_is_still_listed_after_a_reload(watched: Page, library: Any) -> None:
    open_new_collection(watched, library)
    choose(watched, note("# Canteen\n\nThe canteen opens at noon.", "canteen.md"))
    row = row_of(watched, "canteen.md")
    expect(row).to_contain_text("Ready", timeout=READY_MS)
    expect(watched.get_by_role("status")).to_contain_text("1 file received")
    expect(watched.get_by_role("progressbar")).to_have_count(0)
    watched.reload()
    expect(row).to_contain_text("Ready")
    row.get_by_role("button", name="Canteen", exact=True).click()
    expect(watched.get_by_role("dialog")).to_contain_text("The canteen opens at noon.")


def test_progress_is_shown_while_a_file_is_on_its_way(watched: Page, library: Any) -> None:
    open_new_collection(watched, library)
    held: list[Route] = []
    watched.route("**/api/v1/documents", lambda route: held.append(route))
    choose(watched, note("# Held", "held.md"))
    expect(watched.get_by_role("progressbar", name="Upload of held.md")).to_be_visible()
    held[0].continue_()
    expect(row_of(watched, "held.md")).to_contain_text("Ready", timeout=READY_MS)
    expect(watched.get_by_role("progressbar")).to_have_count(0)


def test_dropped_files_are_uploaded(watched: Page, library: Any) -> None:
    open_new_collection(watched, library)
    transfer = watched.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(['# Parking\\n\\nPark behind the house.'], 'parking.md'));
            transfer.items.add(new File(['# Bikes\\n\\nThe shed is open.'], 'bikes.md'));
            return transfer;
        }"""
    )
    watched.get_by_role("region", name="Add documents").dispatch_event("drop", {"dataTransfer": transfer})
    expect(row_of(watched, "parking.md")).to_contain_text("Ready", timeout=READY_MS)
    expect(row_of(watched, "bikes.md")).to_contain_text("Ready", timeout=READY_MS)


def test_a_file_that_cannot_be_read_says_why_and_what_to_do(watched: Page, library: Any) -> None:
    open_new_collection(watched, library)
    broken: FilePayload = {
        "name": "broken.pdf",
        "mimeType": "application/pdf",
        "buffer": b"%PDF-1.7\n" + bytes(range(256)) * 8,
    }
    choose(watched, broken)
    row = row_of(watched, "broken.pdf")
    expect(row).to_contain_text("Failed", timeout=READY_MS)
    expect(row).to_contain_text("What to do:")


def test_an_upload_that_is_refused_says_why_and_can_be_retried(watched: Page, library: Any) -> None:
    open_new_collection(watched, library)
    watched.route(
        "**/api/v1/documents",
        lambda route: route.fulfill(
            status=507,
            content_type="application/problem+json",
            json={"type": "about:blank", "title": "The disk is full", "status": 507},
        ),
        times=1,
    )
    choose(watched, note("# Retried", "retried.md"))
    expect(watched.get_by_text("Not uploaded: The disk is full")).to_be_visible()
    watched.get_by_role("button", name="Retry").click()
    expect(row_of(watched, "retried.md")).to_contain_text("Ready", timeout=READY_MS)


def test_a_new_collection_is_made_by_naming_it(watched: Page, library: Any) -> None:
    name = f"Canteen {uuid.uuid4().hex[:8]}"
    watched.goto(f"{library.url}/#/library")
    watched.get_by_role("button", name="Choose files").click()
    expect(watched.get_by_text("Name the collection first.")).to_be_visible()
    watched.get_by_label("Collection", exact=True).fill(name)
    choose(watched, note("# Menu\n\nSoup on Monday.", "menu.md"))
    expect(watched.get_by_role("heading", name=name)).to_be_visible()
    expect(row_of(watched, "menu.md")).to_contain_text("Ready", timeout=READY_MS)
    expect(watched.get_by_role("navigation").get_by_role("link", name=name)).to_be_visible()


def test_a_document_is_deleted_only_after_a_yes(watched: Page, library: Any) -> None:
    open_new_collection(watched, library)
    choose(watched, note("# Old\n\nOut of date.", "old.md"))
    row = row_of(watched, "old.md")
    expect(row).to_contain_text("Ready", timeout=READY_MS)
    delete = row.get_by_role("button", name="Delete Old")
    delete.click()
    confirm = watched.get_by_role("alertdialog")
    watched.keyboard.press("Escape")
    expect(confirm).to_have_count(0)
    expect(row).to_be_visible()
    delete.click()
    confirm.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    watched.reload()
    expect(watched.get_by_text("This collection holds no documents.")).to_be_visible()


def test_a_paused_collection_waits_until_it_is_resumed_and_a_waiting_document_can_be_stopped(
    watched: Page, library: Any
) -> None:
    open_new_collection(watched, library)
    choose(watched, note("# Gates\n\nThe gate closes at ten.", "gates.md"))
    expect(row_of(watched, "gates.md")).to_contain_text("Ready", timeout=READY_MS)
    watched.get_by_role("button", name="Pause").click()
    expect(watched.get_by_text("Paused: new documents wait")).to_be_visible()
    choose(watched, note("# Roof\n\nThe roof is closed.", "roof.md"), note("# Lift\n\nTake it.", "lift.md"))
    for name in ("roof.md", "lift.md"):
        expect(row_of(watched, name)).to_contain_text("Queued", timeout=READY_MS)
    watched.get_by_role("button", name="Stop lift.md").click()
    expect(row_of(watched, "lift.md")).to_contain_text("Cancelled")
    watched.get_by_role("button", name="Resume").click()
    expect(row_of(watched, "roof.md")).to_contain_text("Ready", timeout=READY_MS)
    watched.get_by_role("button", name="Retry lift.md").click()
    expect(row_of(watched, "lift.md")).to_contain_text("Ready", timeout=READY_MS)


def test_the_same_file_under_another_name_is_shown_as_a_duplicate(watched: Page, library: Any) -> None:
    open_new_collection(watched, library)
    text = "# Keys\n\nKeys are at the desk."
    choose(watched, note(text, "keys.md"))
    expect(row_of(watched, "keys.md")).to_contain_text("Ready", timeout=READY_MS)
    choose(watched, note(text, "copy.md"))
    expect(row_of(watched, "copy.md")).to_contain_text("Duplicate", timeout=READY_MS)
    expect(row_of(watched, "copy.md")).to_contain_text("same content as 'keys.md'")
