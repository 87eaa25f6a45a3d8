"""The real application over a real data folder, driven without a socket."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.wiring import Sourcebook, open_sourcebook
from corpus.documents import DocumentStatus

Add = Callable[..., list[dict[str, Any]]]
READY_SECONDS = 60


@pytest.fixture(scope="module")
def sourcebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sourcebook]:
    """One per module: the job queue exists once per process, and other rooms' tests open their own."""
    settings = Settings(data=tmp_path_factory.mktemp("data"), max_upload_bytes=1 << 20)
    with open_sourcebook(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(sourcebook: Sourcebook) -> Iterator[TestClient]:
    with TestClient(
        create_app(sourcebook), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def add(client: TestClient) -> Add:
    """Uploads files (name, content) in one request and waits until each is final."""

    def add(collection: str, *files: tuple[str, bytes]) -> list[dict[str, Any]]:
        parts = [("files", file) for file in files]
        response = client.post("/api/v1/documents", data={"collection": collection}, files=parts)
        assert response.status_code == 202, response.text
        return [until_final(client, document["id"]) for document in response.json()["data"]]

    return add


def until_final(client: TestClient, document_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        document = client.get(f"/api/v1/documents/{document_id}").json()
        if DocumentStatus(document["status"]).is_final:
            return document
        assert time.monotonic() < deadline, document
        time.sleep(0.05)
