"""Steering ingestion over HTTP, and the events that tell of it."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from api.app import create_app
from api.document_events import DocumentFeed
from api.schemas import DocumentChanged, DocumentDeleted
from api.wiring import Sourcebook

Add = Callable[..., list[dict[str, Any]]]
LEAVE = b"# Leave\n\nEvery employee has 27 days of paid leave a year.\n"
TRAVEL = b"# Travel\n\nA hotel night may cost up to 140 euros.\n"


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()


def collection_id(client: TestClient, name: str) -> str:
    found = client.get("/api/v1/collections").json()["data"]
    return next(each["id"] for each in found if each["name"] == name)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_document_tells_its_progress(add: Add) -> None:
    (document,) = add("told", ("leave.md", LEAVE))
    assert (document["progress"]["chunks_done"], document["progress"]["chunks_total"]) == (1, 1)
    assert (document["is_stalled"], document["duplicate_of"]) == (False, None)


def test_a_duplicate_names_the_first_and_can_be_ingested_on_its_own(client: TestClient, add: Add) -> None:
    (first,) = add("twice", ("leave.md", LEAVE))
    (second,) = add("twice", ("copy.md", LEAVE))
    assert (second["status"], second["duplicate_of"]) == ("duplicate", first["id"])
    assert "leave.md" in second["reason"]["detail"]
    assert client.post(f"/api/v1/documents/{second['id']}/retry").status_code == 202
    until(lambda: client.get(f"/api/v1/documents/{second['id']}").json()["status"] == "ready")


def test_what_is_done_can_neither_be_cancelled_nor_retried(client: TestClient, add: Add) -> None:
    (document,) = add("done", ("leave.md", LEAVE))
    for verb in ("cancel", "retry"):
        body = problem(client.post(f"/api/v1/documents/{document['id']}/{verb}"), 409)
        assert "ready" in body["detail"]
        problem(client.post(f"/api/v1/documents/doc_unknown/{verb}"), 404)


def test_a_paused_collection_lists_its_jobs_until_it_is_resumed(client: TestClient, add: Add) -> None:
    client.post("/api/v1/collections", json={"name": "slow"})
    collection = collection_id(client, "slow")
    assert client.post(f"/api/v1/collections/{collection}/pause").status_code == 204
    listed = client.get("/api/v1/collections").json()["data"]
    assert [each["name"] for each in listed if each["is_paused"]] == ["slow"]
    files = [("files", ("leave.md", LEAVE)), ("files", ("travel.md", TRAVEL))]
    sent = client.post("/api/v1/documents", data={"collection": "slow"}, files=files).json()["data"]
    waiting = client.get("/api/v1/jobs", params={"collection": "slow"}).json()["data"]
    assert [(each["id"], each["status"]) for each in waiting] == [(each["id"], "queued") for each in sent]
    assert client.post(f"/api/v1/documents/{sent[0]['id']}/cancel").json()["status"] == "cancelled"
    assert client.post(f"/api/v1/collections/{collection}/resume").status_code == 204
    until(lambda: client.get(f"/api/v1/documents/{sent[1]['id']}").json()["status"] == "ready")
    assert client.get(f"/api/v1/documents/{sent[0]['id']}").json()["status"] == "cancelled"
    for verb in ("pause", "resume"):
        problem(client.post(f"/api/v1/collections/col_unknown/{verb}"), 404)


def test_failed_documents_are_retried_together(client: TestClient, add: Add) -> None:
    add("broken", ("one.pdf", b"%PDF-1.7\none"), ("two.pdf", b"%PDF-1.7\ntwo"), ("leave.md", LEAVE))
    response = client.post(f"/api/v1/collections/{collection_id(client, 'broken')}/retry")
    assert (response.status_code, response.json()) == (202, {"retried": 2})
    until(lambda: not client.get("/api/v1/jobs", params={"collection": "broken"}).json()["data"])
    failed = client.get("/api/v1/documents", params={"collection": "broken", "status": "failed"}).json()
    assert [each["version"] for each in failed["data"]] == [2, 2]


def test_a_deletion_leaves_its_proof(client: TestClient, add: Add) -> None:
    (document,) = add("proof", ("leave.md", LEAVE))
    problem(client.get(f"/api/v1/deletions/{document['id']}"), 404)
    client.delete(f"/api/v1/documents/{document['id']}")
    until(lambda: client.get(f"/api/v1/deletions/{document['id']}").json()["verified_at"] is not None)
    (record,) = client.get("/api/v1/deletions", params={"collection": "proof"}).json()["data"]
    assert (record["path"], record["chunks"], record["vectors"], record["blobs"]) == ("leave.md", 1, 1, 0)


def test_the_doctor_finds_and_mends_a_lost_vector(
    client: TestClient, add: Add, sourcebook: Sourcebook
) -> None:
    (document,) = add("ill", ("leave.md", LEAVE + b"And a word of its own."))
    sourcebook.generations.active().index.delete(document["id"])
    (finding,) = client.get("/api/v1/doctor").json()["findings"]
    assert (finding["fault"], finding["subject"]) == ("missing_vector", document["id"])
    assert [each["is_repaired"] for each in client.post("/api/v1/doctor").json()["findings"]] == [True]
    assert client.get("/api/v1/doctor").json()["findings"] == []


def test_the_index_is_current_and_nothing_is_to_be_built(client: TestClient) -> None:
    state = client.get("/api/v1/reindex").json()
    assert (state["is_current"], state["building"]) == (True, None)
    assert state["answering"] == state["wanted"]
    assert "already" in problem(client.post("/api/v1/reindex"), 409)["detail"]
    assert "No index is being built" in problem(client.delete("/api/v1/reindex"), 409)["detail"]


def test_events_tell_each_change_once_and_go_on_after_a_break(sourcebook: Sourcebook, add: Add) -> None:
    feed = DocumentFeed(sourcebook, None, datetime.now(UTC) + timedelta(seconds=5))
    (document,) = add("heard", ("leave.md", LEAVE))
    told = [(at, event) for at, event in feed.poll() if isinstance(event, DocumentChanged)]
    assert [(event.document.id, event.document.status) for _, event in told] == [(document["id"], "ready")]
    assert feed.poll() == []
    sourcebook.intake.delete(document["id"])
    (gone,) = [event for _, event in feed.poll()]
    assert gone == DocumentDeleted(document_id=document["id"], collection="heard")
    resumed = DocumentFeed(sourcebook, "heard", told[0][0])
    assert gone in [event for _, event in resumed.poll()]


@contextmanager
def listening(sourcebook: Sourcebook) -> Generator[str]:
    """A real socket: the test client waits for a stream's end."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(sourcebook), port=0, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=30)


def test_events_stream_with_ids_to_resume_from(sourcebook: Sourcebook, client: TestClient) -> None:
    with listening(sourcebook) as address, httpx.Client(base_url=address, timeout=30) as http:
        with http.stream("GET", "/api/v1/documents/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            files = [("files", ("leave.md", LEAVE))]
            client.post("/api/v1/documents", data={"collection": "live"}, files=files)
            lines = response.iter_lines()
            event_id = next(line for line in lines if line.startswith("id: "))
        resumed = {"Last-Event-ID": event_id.removeprefix("id: ")}
        with http.stream("GET", "/api/v1/documents/events", headers=resumed) as response:
            assert any(line.startswith("event: document.changed") for line in response.iter_lines())


def test_a_stream_refuses_what_it_never_sent(client: TestClient) -> None:
    problem(client.get("/api/v1/documents/events", headers={"Last-Event-ID": "never sent"}), 422)


@pytest.mark.parametrize("path", ["documents/events", "jobs"])
def test_an_unknown_collection_is_not_found(client: TestClient, path: str) -> None:
    problem(client.get(f"/api/v1/{path}", params={"collection": "nowhere"}), 404)
