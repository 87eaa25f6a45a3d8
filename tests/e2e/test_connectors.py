"""Keep a collection in step with a place: add a connector, follow its syncs, change, pause and remove it."""

import os
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, expect

SYNC_MS = 60_000


@pytest.fixture
def place(library: Any) -> Path:
    """A folder with two documents, which connectors may read."""
    folder = library.origins / f"handbook-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    (folder / "bees.md").write_text("# Bees\n\nThe hives stand behind the orchard.\n")
    (folder / "pond.md").write_text("# Pond\n\nThe pond is cleaned in October.\n")
    return folder


def open_connectors(page: Page, library: Any) -> str:
    collection = f"Kept {uuid.uuid4().hex[:8]}"
    page.goto(f"{library.url}/#/library/{collection}/connectors")
    expect(page.get_by_text("This collection has no connectors.")).to_be_visible()
    return collection


def add_folder(page: Page, place: Path) -> Locator:
    """Adds a connector over `place`; gives back its article once the first sync is over."""
    page.get_by_role("button", name="Add a connector").click()
    page.get_by_label("Folder", exact=True).fill(str(place))
    page.get_by_role("button", name="Add and sync").click()
    article = page.get_by_role("article", name=place.name)
    expect(article).to_contain_text("Added 2", timeout=SYNC_MS)
    expect(article).to_contain_text("In step", timeout=SYNC_MS)
    return article


def row_of(page: Page, path: str) -> Locator:
    return page.get_by_role("row").filter(has_text=path)


def test_the_documents_of_a_folder_come_and_what_is_added_there_follows(
    watched: Page, library: Any, place: Path
) -> None:
    collection = open_connectors(watched, library)
    article = add_folder(watched, place)
    expect(watched.get_by_role("button", name="Add a connector")).to_be_focused()
    expect(article).to_contain_text(f"Folder · {place}")
    expect(article).to_contain_text("Syncs only when told to")
    expect(watched.get_by_role("status")).to_contain_text("In step")
    (place / "canteen.md").write_text("# Canteen\n\nThe canteen opens at noon.\n")
    article.get_by_role("button", name="Sync now").click()
    expect(article).to_contain_text("3 items", timeout=SYNC_MS)
    expect(article).to_contain_text("Added 1", timeout=SYNC_MS)
    watched.get_by_role("link", name=f"Documents of {collection}").click()
    for name in ("bees.md", "pond.md", "canteen.md"):
        expect(row_of(watched, f"{place.name}/{name}")).to_contain_text("Ready", timeout=SYNC_MS)
    watched.get_by_role("link", name="Connectors").click()
    expect(article).to_be_visible()


def test_a_place_that_is_not_allowed_is_refused_and_what_was_typed_stays(
    watched: Page, library: Any, tmp_path: Path
) -> None:
    open_connectors(watched, library)
    watched.get_by_role("button", name="Add a connector").click()
    folder = watched.get_by_label("Folder", exact=True)
    folder.fill(str(tmp_path))
    watched.get_by_role("button", name="Add and sync").click()
    alert = watched.get_by_role("alert")
    expect(alert).to_contain_text("The connector was not saved")
    expect(alert).to_contain_text("ALLOWED_FOLDERS")
    expect(folder).to_have_value(str(tmp_path))
    expect(watched.get_by_role("article")).to_have_count(0)


def test_an_item_that_cannot_be_taken_is_named_with_the_reason(
    watched: Page, library: Any, place: Path
) -> None:
    os.close(os.open(os.fsencode(place) + b"/caf\xe9.md", os.O_CREAT))
    open_connectors(watched, library)
    article = add_folder(watched, place)
    expect(article).to_contain_text("In step, but for some items")
    expect(article).to_contain_text("1 item could not be taken")
    problem = article.get_by_role("group").get_by_role("listitem")
    expect(problem).to_contain_text("caf")
    expect(problem).to_contain_text("characters")


def test_a_place_that_is_gone_says_so_and_deletes_nothing(watched: Page, library: Any, place: Path) -> None:
    collection = open_connectors(watched, library)
    article = add_folder(watched, place)
    place.rename(place.with_name(f"{place.name}-away"))
    article.get_by_role("button", name="Sync now").click()
    expect(article).to_contain_text("Sync failed", timeout=SYNC_MS)
    expect(article).to_contain_text(str(place))
    watched.goto(f"{library.url}/#/library/{collection}")
    expect(row_of(watched, "bees.md")).to_contain_text("Ready", timeout=SYNC_MS)


def test_most_deletions_wait_for_a_yes(watched: Page, library: Any, place: Path) -> None:
    collection = open_connectors(watched, library)
    article = add_folder(watched, place)
    for path in list(place.iterdir()):
        path.unlink()
    article.get_by_role("button", name="Sync now").click()
    expect(article).to_contain_text("Needs your confirmation", timeout=SYNC_MS)
    article.get_by_role("button", name="Confirm the deletions").click()
    watched.get_by_role("alertdialog").get_by_role("button", name="Cancel").click()
    expect(article).to_contain_text("Needs your confirmation")
    article.get_by_role("button", name="Confirm the deletions").click()
    watched.get_by_role("alertdialog").get_by_role("button", name="Delete documents").click()
    expect(article).to_contain_text("Deleted 2", timeout=SYNC_MS)
    expect(article).to_contain_text("In step", timeout=SYNC_MS)
    watched.goto(f"{library.url}/#/library/{collection}")
    expect(watched.get_by_text("This collection holds no documents.")).to_be_visible()


def test_a_paused_connector_stays_paused_until_it_is_resumed(
    watched: Page, library: Any, place: Path
) -> None:
    open_connectors(watched, library)
    article = add_folder(watched, place)
    article.get_by_role("button", name="Edit").click()
    watched.get_by_label("Sync again after").select_option("1 hour")
    watched.get_by_role("button", name="Save").click()
    expect(article).to_contain_text("Next sync:")
    article.get_by_role("button", name="Pause").click()
    expect(article).to_contain_text("Paused: syncs only when told to")
    expect(article).not_to_contain_text("Next sync:")
    watched.reload()
    expect(article).to_contain_text("Paused: syncs only when told to")
    article.get_by_role("button", name="Resume").click()
    expect(article).to_contain_text("Next sync:")


def test_a_watched_folder_is_followed_without_being_told(watched: Page, library: Any, place: Path) -> None:
    open_connectors(watched, library)
    article = add_folder(watched, place)
    article.get_by_role("button", name="Edit").click()
    watched.get_by_label("Watch the folder").check()
    watched.get_by_role("button", name="Save").click()
    expect(article).to_contain_text("Watched:")
    (place / "roof.md").write_text("# Roof\n\nThe roof is closed.\n")
    expect(article).to_contain_text("3 items", timeout=SYNC_MS)


def test_a_new_name_moves_the_documents(watched: Page, library: Any, place: Path) -> None:
    collection = open_connectors(watched, library)
    article = add_folder(watched, place)
    article.get_by_role("button", name="Edit").click()
    form = watched.get_by_role("form", name=f"Edit {place.name}")
    expect(form.get_by_label("Folder", exact=True)).to_have_value(str(place))
    form.get_by_label("Name", exact=True).fill("Rules")
    form.get_by_role("button", name="Save").click()
    renamed = watched.get_by_role("article", name="Rules")
    expect(renamed).to_contain_text("In step", timeout=SYNC_MS)
    expect(renamed.get_by_role("button", name="Edit")).to_be_focused()
    watched.goto(f"{library.url}/#/library/{collection}")
    expect(row_of(watched, "Rules/bees.md")).to_contain_text("Ready", timeout=SYNC_MS)


@pytest.mark.parametrize(("choice", "rows"), [("Keep documents", 2), ("Delete documents", 0)])
def test_removing_asks_what_becomes_of_the_documents(
    watched: Page, library: Any, place: Path, choice: str, rows: int
) -> None:
    collection = open_connectors(watched, library)
    article = add_folder(watched, place)
    article.get_by_role("button", name="Remove").click()
    dialog = watched.get_by_role("alertdialog")
    watched.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(article).to_be_visible()
    article.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name=choice).click()
    expect(article).to_have_count(0)
    expect(watched.get_by_role("heading", name="Connectors")).to_be_focused()
    watched.goto(f"{library.url}/#/library/{collection}")
    expect(watched.get_by_role("row").filter(has_text=place.name)).to_have_count(rows)
    if not rows:
        expect(watched.get_by_text("This collection holds no documents.")).to_be_visible()


def test_secrets_are_never_shown_and_stay_when_left_empty(watched: Page, library: Any) -> None:
    bucket = library.bucket
    bucket.objects = {"hr/a.md": b"# A\n\nThe pump runs.\n", "it/b.md": b"# B\n\nThe valve is shut.\n"}
    open_connectors(watched, library)
    watched.get_by_role("button", name="Add a connector").click()
    watched.get_by_label("Kind").select_option("S3 bucket")
    watched.get_by_label("Bucket", exact=True).fill("files")
    watched.get_by_label("Address of the store").fill(bucket.url)
    watched.get_by_label("Region").fill("eu-central-1")
    watched.get_by_label("Access key").fill(bucket.access_key)
    watched.get_by_label("Secret key").fill(bucket.secret_key)
    watched.get_by_role("button", name="Add and sync").click()
    article = watched.get_by_role("article", name="files")
    expect(article).to_contain_text("In step", timeout=SYNC_MS)
    article.get_by_role("button", name="Edit").click()
    form = watched.get_by_role("form")
    secret = form.get_by_label("Secret key", exact=True)
    expect(secret).to_have_value("")
    expect(secret).to_have_attribute("type", "password")
    expect(form.get_by_text("One is set. Leave empty to keep it.")).to_have_count(2)
    form.get_by_label("Prefix").fill("hr/")
    sent: list[Request] = []
    watched.on("request", lambda request: sent.append(request) if request.method == "PATCH" else None)
    form.get_by_role("button", name="Save").click()
    expect(article).to_contain_text(re.compile(r"1 item\b"), timeout=SYNC_MS)
    assert [request.post_data_json for request in sent] == [{"options": {"prefix": "hr/"}}]
    assert bucket.secret_key not in watched.content()


def test_a_new_collection_can_begin_with_a_connector(watched: Page, library: Any, place: Path) -> None:
    name = f"Begun {uuid.uuid4().hex[:8]}"
    watched.goto(f"{library.url}/#/library")
    connect = watched.get_by_role("button", name="Connect a folder, repository or website")
    connect.click()
    expect(watched.get_by_text("Name the collection first.")).to_be_visible()
    watched.get_by_label("Collection", exact=True).fill(name)
    connect.click()
    add_folder(watched, place)
    expect(watched.get_by_role("navigation").get_by_role("link", name=name)).to_be_visible()
