"""Answers over HTTP: as one document and as a stream of events."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from api.app import create_app
from api.wiring import Sourcebook
from corpus.errors import UnavailableError
from generation.answering import Answerer
from generation.answers import NO_ANSWER, AnswerDelta
from generation.writing import WriterEvent
from retrieval.passages import Passage

Add = Callable[..., list[dict[str, Any]]]
Events = list[tuple[int, dict[str, Any]]]

LEAVE = b"""# Leave policy

## Annual leave

Full-time employees receive 25 days of paid annual leave per calendar year.
Unused days carry over until 31 March.

## Sick leave

A doctor's note is needed from the third day of sick leave.
"""
QUESTION = "How many days of paid annual leave do full-time employees receive?"
UNANSWERABLE = "What is the boiling point of tungsten hexafluoride?"


class ScriptedWriter:
    """Says "…" for ever, or fails after the first; tells when it was closed."""

    model = "scripted"

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self.closed = threading.Event()

    async def write(
        self,
        question: str,  # noqa: ARG002
        passages: Sequence[Passage],  # noqa: ARG002
    ) -> AsyncGenerator[WriterEvent]:
        try:
            while True:
                yield AnswerDelta(delta="… ")
                if self._failure:
                    raise self._failure
                await asyncio.sleep(0.01)
        finally:
            self.closed.set()


@pytest.fixture(scope="module", autouse=True)
def leave(add: Add) -> dict[str, Any]:
    (document,) = add("handbook", ("leave.md", LEAVE))
    return document


def ask(client: TestClient, question: str) -> dict[str, Any]:
    response = client.post("/api/v1/answers", json={"question": question, "collections": ["handbook"]})
    assert response.status_code == 200, response.text
    return response.json()


def events_of(response: Any) -> Events:
    """(id, data) of each event; the event's name must be its type."""
    assert response.headers["content-type"].startswith("text/event-stream")
    found: Events = []
    for block in response.text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            data = json.loads(fields["data"])
            assert fields["event"] == data["type"]
            found.append((int(fields["id"]), data))
    return found


def stream(client: TestClient, question: str) -> Events:
    return events_of(
        client.post(
            "/api/v1/answers",
            json={"question": question, "collections": ["handbook"]},
            headers={"Accept": "text/event-stream"},
        )
    )


def test_every_citation_quotes_its_document(client: TestClient, leave: dict[str, Any]) -> None:
    answer = ask(client, QUESTION)
    text = client.get(f"/api/v1/documents/{leave['id']}/text").json()["text"]
    assert answer["answerable"]
    assert "25 days" in answer["answer"]
    assert answer["citations"]
    for citation in answer["citations"]:
        assert citation["quote"] == text[citation["start"] : citation["end"]]
        assert citation["document_id"] == leave["id"]
    markers = {int(number) for number in re.findall(r"\[(\d+)\]", answer["answer"])}
    assert markers == {citation["n"] for citation in answer["citations"]}
    assert markers == {source["n"] for source in answer["sources"] if source["n"] is not None}


def test_what_the_documents_do_not_say_is_refused(client: TestClient) -> None:
    answer = ask(client, UNANSWERABLE)
    assert (answer["answerable"], answer["finish_reason"]) == (False, "no_evidence")
    assert (answer["answer"], answer["citations"]) == (NO_ANSWER, [])
    assert [source["n"] for source in answer["sources"]] == [None] * len(answer["sources"])


@pytest.mark.parametrize("question", [QUESTION, UNANSWERABLE])
def test_the_stream_tells_the_same_answer_step_by_step(client: TestClient, question: str) -> None:
    events = stream(client, question)
    answer = ask(client, question)
    assert [number for number, _ in events] == [data["seq"] for _, data in events]
    assert [number for number, _ in events] == list(range(1, len(events) + 1))
    kinds = [data["type"] for _, data in events]
    assert kinds[:3] == ["message.start", "search.start", "search.results"]
    assert [kind for kind in kinds if kind in ("message.end", "error")] == ["message.end"]
    assert kinds[-1] == "message.end"
    assert "".join(data["delta"] for _, data in events if data["type"] == "answer.delta") == answer["answer"]
    cited = [data["quote"] for _, data in events if data["type"] == "citation"]
    assert cited == [citation["quote"] for citation in answer["citations"]]
    end = events[-1][1]
    assert end["finish_reason"] == answer["finish_reason"]
    assert end["sentences"] == answer["sentences"]


def test_a_citation_comes_before_its_marker(client: TestClient) -> None:
    announced: set[int] = set()
    shown = ""
    for _, data in stream(client, QUESTION):
        if data["type"] == "citation":
            announced.add(data["n"])
        elif data["type"] == "answer.delta":
            shown += data["delta"]
            assert {int(number) for number in re.findall(r"\[(\d+)\]", shown)} <= announced
    assert announced


@pytest.mark.parametrize(
    ("failure", "status", "told"),
    [
        (UnavailableError("The language model is away."), 503, "The language model is away."),
        (ValueError("secret detail"), 500, "Something went wrong"),
    ],
)
def test_a_failing_writer_ends_the_stream_with_one_error(
    sourcebook: Sourcebook, failure: Exception, status: int, told: str
) -> None:
    writer = ScriptedWriter(failure)
    with TestClient(create_app(scripted(sourcebook, writer)), base_url="http://127.0.0.1") as client:
        events = stream(client, QUESTION)
    kinds = [data["type"] for _, data in events]
    assert kinds[-2:] == ["answer.delta", "error"]
    assert kinds.count("error") == 1
    problem = events[-1][1]["problem"]
    assert problem["status"] == status
    assert told in problem["detail"]
    assert "secret" not in json.dumps(problem)
    assert writer.closed.is_set()


def test_a_failing_writer_without_a_stream_is_a_problem(sourcebook: Sourcebook) -> None:
    writer = ScriptedWriter(ValueError("secret detail"))
    app = create_app(scripted(sourcebook, writer))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        response = client.post("/api/v1/answers", json={"question": QUESTION})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"].startswith("req_")
    assert "secret" not in response.text


def test_a_reader_who_leaves_stops_the_writer(sourcebook: Sourcebook) -> None:
    writer = ScriptedWriter()
    with served(scripted(sourcebook, writer)) as address:
        headers = {"Accept": "text/event-stream"}
        with httpx.stream(
            "POST", f"{address}/api/v1/answers", json={"question": QUESTION}, headers=headers, trust_env=False
        ) as response:
            for line in response.iter_lines():
                if "answer.delta" in line:
                    break
            assert not writer.closed.is_set()
        assert writer.closed.wait(timeout=20)


@pytest.mark.parametrize("question", ["", "  ", "x" * 4001])
def test_a_bad_question_is_refused_before_any_event(client: TestClient, question: str) -> None:
    headers = {"Accept": "text/event-stream"}
    response = client.post("/api/v1/answers", json={"question": question}, headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_asking_an_unknown_collection_is_not_found(client: TestClient) -> None:
    body = {"question": QUESTION, "collections": ["nowhere"]}
    for headers in ({}, {"Accept": "text/event-stream"}):
        response = client.post("/api/v1/answers", json=body, headers=headers)
        assert response.status_code == 404
        assert "nowhere" in response.json()["detail"]


def scripted(sourcebook: Sourcebook, writer: ScriptedWriter) -> Sourcebook:
    return replace(sourcebook, answerer=Answerer(sourcebook.retriever, writer))


@contextmanager
def served(sourcebook: Sourcebook) -> Generator[str]:
    """Over a real socket: only there can a client leave."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(sourcebook), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
