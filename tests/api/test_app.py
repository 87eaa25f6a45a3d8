"""What holds for every response: security headers, who may call, and the published schema."""

from typing import get_args

import pytest
from fastapi.testclient import TestClient

from api.schemas import StreamEvent

OPERATIONS = {
    "answers_create",
    "collections_create",
    "collections_delete",
    "collections_list",
    "connectors_create",
    "connectors_delete",
    "connectors_list",
    "connectors_show",
    "connectors_sync",
    "documents_delete",
    "documents_file",
    "documents_list",
    "documents_page",
    "documents_show",
    "documents_text",
    "documents_upload",
    "health",
    "search",
}
"""Generated clients are named after these: removing or renaming one breaks them."""


def test_the_schema_holds_the_events_and_the_known_operations(client: TestClient) -> None:
    schema = client.get("/api/openapi.json").json()
    operations = {
        operation["operationId"] for path in schema["paths"].values() for operation in path.values()
    }
    assert operations >= OPERATIONS
    events = {event.__name__ for event in get_args(StreamEvent)}
    assert events <= schema["components"]["schemas"].keys()
    streamed = schema["paths"]["/api/v1/answers"]["post"]["responses"]["200"]["content"]["text/event-stream"]
    assert {each["$ref"].rpartition("/")[2] for each in streamed["schema"]["oneOf"]} == events


def test_nothing_in_the_schema_refers_to_what_is_not_there(client: TestClient) -> None:
    text = client.get("/api/openapi.json").text
    known = client.get("/api/openapi.json").json()["components"]["schemas"]
    referred = {part.partition('"')[0] for part in text.split('"$ref":"#/components/schemas/')[1:]}
    assert referred
    assert referred <= known.keys()


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/collections", "/api/v1/documents/doc_unknown"])
def test_every_response_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self'"
    assert policy["object-src"] == policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5"])
def test_a_foreign_host_name_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/collections", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "localhost:8000", "[::1]:8000"])
def test_this_machine_s_own_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/collections", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1"]
)
def test_another_site_s_page_may_change_nothing(client: TestClient, origin: str) -> None:
    response = client.post("/api/v1/collections", json={"name": "planted"}, headers={"Origin": origin})
    assert response.status_code == 403
    names = [each["name"] for each in client.get("/api/v1/collections").json()["data"]]
    assert "planted" not in names


def test_our_own_page_may_change_things(client: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1"}
    assert client.post("/api/v1/collections", json={"name": "ours"}, headers=headers).status_code == 201


def test_no_other_site_may_read(client: TestClient) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "GET"}
    for response in (
        client.get("/api/v1/collections", headers={"Origin": "http://evil.example"}),
        client.options("/api/v1/collections", headers=asked),
    ):
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_an_unknown_path_of_the_api_is_a_problem(client: TestClient) -> None:
    response = client.get("/api/v1/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
