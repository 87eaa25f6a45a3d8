"""Uploads to a full disk: refused as 507 in both ways of uploading, with nothing kept of them."""

import base64
import errno
import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.wiring import Sourcebook
from corpus.blobs import LocalBlobs

Add = Callable[..., list[dict[str, Any]]]
Fill = Callable[[int], None]
Kept = Callable[[], list[str]]
TUS = {"Tus-Resumable": "1.0.0"}
TEXT = b"# Storage\n\nThe archive in the cellar holds 1200 shelves.\n"


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Lets the disk have so many bytes left."""

    def fill(left_bytes: int) -> None:
        usage = shutil._ntuple_diskusage(1 << 40, 1 << 40, left_bytes)  # pyright: ignore[reportPrivateUsage]

        def disk_usage(_: object) -> object:
            return usage

        monkeypatch.setattr(shutil, "disk_usage", disk_usage)

    return fill


@pytest.fixture
def kept(sourcebook: Sourcebook) -> Kept:
    """Every file and document there is."""

    def kept() -> list[str]:
        folders = (sourcebook.settings.data / name for name in ("blobs", "uploads"))
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return sorted([*map(str, files), *(each.id for each in sourcebook.catalog.documents(limit=1000))])

    return kept


def assert_refused(response: Any) -> None:
    assert response.status_code == 507
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == 507
    assert "Make space" in problem["detail"]


def post(client: TestClient, name: str) -> Any:
    files = [("files", (name, TEXT + name.encode()))]
    return client.post("/api/v1/documents", data={"collection": "full"}, files=files)


def begin(client: TestClient, name: str) -> Any:
    facts = {"filename": name, "collection": "full"}
    named = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in facts.items())
    return client.post(
        "/api/v1/uploads", headers=TUS | {"Upload-Length": str(len(TEXT)), "Upload-Metadata": named}
    )


def send(client: TestClient, place: str, first: int, content: bytes, **more: str) -> Any:
    headers = TUS | {"Upload-Offset": str(first), "Content-Type": "application/offset+octet-stream"}
    return client.patch(place, headers=headers | more, content=content)


def test_an_upload_is_refused_and_taken_when_there_is_room(
    client: TestClient, add: Add, fill: Fill, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept()
    fill(10 << 20)
    assert_refused(post(client, "late.md"))
    assert kept() == before
    monkeypatch.undo()
    (document,) = add("full", ("late.md", TEXT))
    assert document["status"] == "ready"


def test_an_upload_to_a_disk_that_fills_up_meanwhile_is_refused(
    client: TestClient, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept()
    monkeypatch.setattr(os, "fsync", _no_space)
    assert_refused(post(client, "meanwhile.md"))
    assert kept() == before


def test_a_resumable_upload_without_room_for_it_is_not_begun(
    client: TestClient, fill: Fill, kept: Kept
) -> None:
    before = kept()
    fill(10 << 20)
    assert_refused(begin(client, "later.md"))
    assert kept() == before


@pytest.mark.parametrize("checksum", [{}, {"Upload-Checksum": "sha1 AAAA"}])
def test_a_piece_without_room_is_not_kept_and_the_upload_goes_on_later(
    client: TestClient, fill: Fill, monkeypatch: pytest.MonkeyPatch, checksum: dict[str, str]
) -> None:
    place = begin(client, f"pieces-{len(checksum)}.md").headers["location"]
    assert send(client, place, 0, TEXT[:10]).status_code == 204
    fill(10 << 20)
    assert_refused(send(client, place, 10, TEXT[10:], **checksum))
    assert client.head(place, headers=TUS).headers["upload-offset"] == "10"
    monkeypatch.undo()
    document_id = send(client, place, 10, TEXT[10:]).headers["sourcebook-documents"]
    assert client.get(f"/api/v1/documents/{document_id}/file").content == TEXT


def test_an_upload_that_the_store_has_no_room_for_at_its_end_is_forgotten(
    client: TestClient, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that finds all its bytes there would believe that they are a document."""
    before = kept()
    place = begin(client, "end.md").headers["location"]
    monkeypatch.setattr(LocalBlobs, "_put", _no_space)
    assert_refused(send(client, place, 0, TEXT))
    assert client.head(place, headers=TUS).status_code == 404
    assert kept() == before


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
