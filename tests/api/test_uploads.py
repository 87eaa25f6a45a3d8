"""Resumable uploads by tus 1.0: broken off, gone on with, damaged, abandoned."""

import base64
import hashlib
import io
import os
import time
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import pytest
from fastapi.testclient import TestClient

from api.uploads import MOST_NAMED
from api.wiring import Sourcebook
from ingest.uploads import KEPT_SECONDS, UploadBusyError

TUS = {"Tus-Resumable": "1.0.0"}
TEXT = b"# Leave\n\nEvery employee has 27 days of paid leave a year.\n"
UPLOADS = "/api/v1/uploads"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def create(client: TestClient, path: str, length: int = len(TEXT), collection: str = "tus") -> str:
    named = f"relativePath {encoded(path)},collection {encoded(collection)}"
    headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": named}
    response = client.post(UPLOADS, headers=headers)
    assert response.status_code == 201, response.text
    return response.headers["location"]


def send(client: TestClient, place: str, offset: int, content: bytes | Iterator[bytes], **more: str) -> Any:
    headers = TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return client.patch(place, headers=headers | more, content=content)


def offset(client: TestClient, place: str) -> int:
    response = client.head(place, headers=TUS)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    return int(response.headers["upload-offset"])


def test_a_file_in_pieces_becomes_a_document_under_its_relative_path(client: TestClient) -> None:
    place = create(client, "Büro/leave é.md")
    first = send(client, place, 0, iter([TEXT[:5], TEXT[5:20]]))
    assert (first.status_code, first.headers["upload-offset"]) == (204, "20")
    assert offset(client, place) == 20
    last = send(client, place, 20, TEXT[20:])
    (document_id,) = last.headers["sourcebook-documents"].split(",")
    document = client.get(f"/api/v1/documents/{document_id}").json()
    assert (document["path"], document["collection"]) == ("Büro/leave é.md", "tus")
    assert client.get(f"/api/v1/documents/{document_id}/file").content == TEXT
    assert client.head(place, headers=TUS).status_code == 404


def test_the_server_says_what_it_can(client: TestClient) -> None:
    headers = client.options(UPLOADS).headers
    assert headers["tus-version"] == "1.0.0"
    assert set(headers["tus-extension"].split(",")) == {"creation", "expiration", "checksum", "termination"}


def test_a_piece_for_another_place_is_refused_and_changes_nothing(client: TestClient) -> None:
    place = create(client, "one.md")
    send(client, place, 0, TEXT[:10])
    assert send(client, place, 5, TEXT[5:]).status_code == 409
    assert offset(client, place) == 10


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_damaged_piece_is_not_kept_and_may_be_sent_again(client: TestClient, algorithm: str) -> None:
    place = create(client, f"{algorithm}.md")
    digest = base64.b64encode(hashlib.new(algorithm, TEXT).digest()).decode()
    checksum = {"Upload-Checksum": f"{algorithm} {digest}"}
    assert send(client, place, 0, TEXT.replace(b"27", b"72"), **checksum).status_code == 460
    assert offset(client, place) == 0
    assert send(client, place, 0, TEXT, **checksum).status_code == 204


def test_more_bytes_than_announced_are_refused(client: TestClient) -> None:
    place = create(client, "long.md", length=4)
    assert send(client, place, 0, TEXT).status_code == 422


def test_a_terminated_upload_is_gone(client: TestClient) -> None:
    place = create(client, "gone.md")
    assert client.delete(place, headers=TUS).status_code == 204
    assert client.head(place, headers=TUS).status_code == 404
    assert send(client, place, 0, TEXT).status_code == 404


def test_an_abandoned_upload_expires(client: TestClient, sourcebook: Sourcebook) -> None:
    place = create(client, "old.md")
    (file,) = (sourcebook.settings.data / "uploads").glob(f"{place.rsplit('/', 1)[-1]}.bytes")
    long_ago = time.time() - KEPT_SECONDS - 60
    os.utime(file, (long_ago, long_ago))
    create(client, "new.md")
    assert client.head(place, headers=TUS).status_code == 404


def test_two_writers_at_once_are_told_apart(client: TestClient, sourcebook: Sourcebook) -> None:
    upload_id = create(client, "busy.md").rsplit("/", 1)[-1]
    with sourcebook.uploads.piece(upload_id, 0) as piece:
        piece.write(TEXT[:3])
        with pytest.raises(UploadBusyError), sourcebook.uploads.piece(upload_id, 0):
            pass
    assert sourcebook.uploads.show(upload_id).offset == 3


def test_a_broken_off_piece_keeps_what_had_arrived(client: TestClient, sourcebook: Sourcebook) -> None:
    upload_id = create(client, "broken.md").rsplit("/", 1)[-1]

    def broken_off() -> None:
        with sourcebook.uploads.piece(upload_id, 0) as piece:
            piece.write(TEXT[:7])
            raise ConnectionError

    with pytest.raises(ConnectionError):
        broken_off()
    assert sourcebook.uploads.show(upload_id).offset == 7


def test_of_a_large_archive_no_more_documents_are_named_than_a_header_may_hold(client: TestClient) -> None:
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        for number in range(MOST_NAMED + 20):
            archive.writestr(f"{number}.md", f"Room {number} seats {number} people.")
    place = create(client, "rooms.zip", len(packed.getvalue()), "rooms")
    named = send(client, place, 0, packed.getvalue()).headers["sourcebook-documents"]
    assert len(named.split(",")) == MOST_NAMED
    listed = client.get("/api/v1/documents", params={"collection": "rooms", "limit": 500}).json()["data"]
    assert len(listed) == MOST_NAMED + 20


def test_an_empty_file_is_finished_at_once(client: TestClient) -> None:
    headers = TUS | {
        "Upload-Length": "0",
        "Upload-Metadata": f"filename {encoded('empty.md')},collection {encoded('tus')}",
    }
    assert client.post(UPLOADS, headers=headers).headers["sourcebook-documents"].startswith("doc_")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "5"}, 412),
        (TUS, 422),
        (TUS | {"Upload-Length": "5"}, 422),
        (TUS | {"Upload-Length": "5", "Upload-Metadata": "collection ???"}, 422),
        (TUS | {"Upload-Length": str(1 << 40), "Upload-Metadata": "collection aHI=,filename YQ=="}, 413),
        (TUS | {"Upload-Length": "-1", "Upload-Metadata": "collection aHI=,filename YQ=="}, 422),
    ],
)
def test_what_is_no_tus_upload_is_refused(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.post(UPLOADS, headers=headers).status_code == status


@pytest.mark.parametrize("upload_id", ["unknown", "0" * 32, "..%2f..%2fsourcebook"])
def test_an_unknown_upload_is_not_found(client: TestClient, upload_id: str) -> None:
    assert client.head(f"{UPLOADS}/{upload_id}", headers=TUS).status_code in (404, 405)
