"""Collections, documents and search over HTTP."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from reportlab.pdfgen.canvas import Canvas

Add = Callable[..., list[dict[str, Any]]]

LEAVE = b"# Leave\n\nEvery employee has 27 days of paid leave a year.\n"
TRAVEL = b"# Travel\n\nA hotel night may cost up to 140 euros.\n"
# Offsets count code points, not bytes or UTF-16 units.
SYMBOLS = "# Caf\u00e9 \U0001f40d\n\nWrite :smile: or :warning: in the pump's log.\n".encode()


def two_page_pdf() -> bytes:
    drawn = io.BytesIO()
    canvas = Canvas(drawn)
    for page in (1, 2):
        canvas.drawString(72, 720, f"Page {page} says that the boiler is serviced every {page + 3} months.")
        canvas.showPage()
    canvas.save()
    return drawn.getvalue()


def problem(response: Any, status: int) -> dict[str, Any]:
    """What every failure must look like."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["instance"] == response.request.url.path
    return body


def search(client: TestClient, query: str, **more: Any) -> list[dict[str, Any]]:
    response = client.post("/api/v1/search", json={"query": query, **more})
    assert response.status_code == 200, response.text
    return response.json()["passages"]


def test_a_collection_is_created_listed_and_deleted(client: TestClient) -> None:
    created = client.post("/api/v1/collections", json={"name": "  Plans "})
    assert created.status_code == 201
    assert (created.json()["name"], created.json()["documents"]) == ("Plans", 0)
    assert "already" in problem(client.post("/api/v1/collections", json={"name": "Plans"}), 409)["detail"]
    assert client.delete(f"/api/v1/collections/{created.json()['id']}").status_code == 204
    names = [each["name"] for each in client.get("/api/v1/collections").json()["data"]]
    assert "Plans" not in names
    assert client.post("/api/v1/collections", json={"name": "Plans"}).status_code == 201


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_bad_collection_name_is_refused(client: TestClient, name: str) -> None:
    body = problem(client.post("/api/v1/collections", json={"name": name}), 422)
    assert [error["pointer"] for error in body["errors"]] == ["#/name"]


def test_many_files_in_one_request_fail_one_by_one(add: Add) -> None:
    good, bad = add("mixed", ("hr/leave.md", LEAVE), ("broken.pdf", b"%PDF-1.7\nnothing of a PDF"))
    assert (good["path"], good["status"], good["reason"]) == ("hr/leave.md", "ready", None)
    assert (bad["status"], bad["reason"]["code"]) == ("failed", "corrupt")
    assert "broken.pdf" in bad["reason"]["detail"]
    assert bad["reason"]["action"]


def test_documents_are_listed_in_pages_and_by_status(client: TestClient, add: Add) -> None:
    added = add(
        "listed",
        *((f"{number}.md", LEAVE + b"%d" % number) for number in range(4)),
        ("bad.pdf", b"%PDF-1.7\n"),
    )
    found: list[str] = []
    query: dict[str, Any] = {"collection": "listed", "limit": 2}
    sizes: list[int] = []
    while True:
        page = client.get("/api/v1/documents", params=query).json()
        found += [each["id"] for each in page["data"]]
        sizes.append(len(page["data"]))
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert sizes == [2, 2, 1]
    assert page["next_cursor"] is None
    assert sorted(found) == sorted(each["id"] for each in added)
    failed = client.get("/api/v1/documents", params={"collection": "listed", "status": "failed"}).json()
    assert [each["path"] for each in failed["data"]] == ["bad.pdf"]


def test_listing_an_unknown_collection_or_status_is_refused(client: TestClient) -> None:
    problem(client.get("/api/v1/documents", params={"collection": "nowhere"}), 404)
    problem(client.get("/api/v1/documents", params={"status": "odd"}), 422)


@pytest.mark.parametrize(
    "path", ["doc_unknown", "doc_unknown/text", "doc_unknown/file", "doc_unknown/pages/1"]
)
def test_an_unknown_document_is_not_found(client: TestClient, path: str) -> None:
    problem(client.get(f"/api/v1/documents/{path}"), 404)


def test_deleting_what_is_not_there_is_not_found(client: TestClient) -> None:
    problem(client.delete("/api/v1/documents/doc_unknown"), 404)
    problem(client.delete("/api/v1/collections/col_unknown"), 404)


def test_passages_stand_in_the_text_where_they_say(client: TestClient, add: Add) -> None:
    (document,) = add("symbols", ("symbols.md", SYMBOLS))
    text = client.get(f"/api/v1/documents/{document['id']}/text").json()["text"]
    (passage,) = search(client, "pump log", collections=["symbols"])
    assert passage["text"] == text[passage["start"] : passage["end"]]
    assert ":smile:" in passage["text"]


def test_a_pdf_page_is_a_picture_and_others_have_none(client: TestClient, add: Add) -> None:
    pdf, note = add("pictures", ("boiler.pdf", two_page_pdf()), ("leave.md", LEAVE))
    assert pdf["pages"] == 2
    response = client.get(f"/api/v1/documents/{pdf['id']}/pages/2")
    assert response.headers["content-type"] == "image/png"
    assert response.content.startswith(b"\x89PNG\r\n\x1a\n")
    for missing in (f"{pdf['id']}/pages/0", f"{pdf['id']}/pages/3", f"{note['id']}/pages/1"):
        problem(client.get(f"/api/v1/documents/{missing}"), 404)


def test_the_original_comes_back_as_a_harmless_download(client: TestClient, add: Add) -> None:
    page = b"<html><body><h1>Hi</h1><p>Some words.</p><script>alert(1)</script></body></html>"
    (document,) = add("downloads", ("pages/evil.html", page))
    response = client.get(f"/api/v1/documents/{document['id']}/file")
    assert response.content == page
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith('attachment; filename="evil.html"')
    assert "sandbox" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_deleted_document_is_gone_everywhere(client: TestClient, add: Add) -> None:
    gone, kept = add("fading", ("leave.md", LEAVE), ("travel.md", TRAVEL))
    assert client.delete(f"/api/v1/documents/{gone['id']}").status_code == 204
    for path in (gone["id"], f"{gone['id']}/text", f"{gone['id']}/file"):
        problem(client.get(f"/api/v1/documents/{path}"), 404)
    found = search(client, "days of paid leave", collections=["fading"])
    assert {passage["document_id"] for passage in found} == {kept["id"]}
    listed = client.get("/api/v1/documents", params={"collection": "fading"}).json()["data"]
    assert [each["id"] for each in listed] == [kept["id"]]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "keyword"])
def test_every_mode_finds_the_passage(client: TestClient, add: Add, mode: str) -> None:
    add("modes", ("leave.md", LEAVE), ("travel.md", TRAVEL))
    found = search(client, "hotel night cost", collections=["modes"], mode=mode)
    assert found[0]["title"] == "Travel"
    assert [passage["rank"] for passage in found] == list(range(1, len(found) + 1))
    assert len(search(client, "hotel", collections=["modes"], mode=mode, limit=1)) == 1


@pytest.mark.parametrize(
    "body",
    [{"query": " "}, {"query": "x", "limit": 0}, {"query": "x", "mode": "magic"}, {}, {"query": "x" * 4001}],
)
def test_a_bad_search_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    problem(client.post("/api/v1/search", json=body), 422)


def test_searching_an_unknown_collection_is_not_found(client: TestClient) -> None:
    body = problem(client.post("/api/v1/search", json={"query": "x", "collections": ["nowhere"]}), 404)
    assert "nowhere" in body["detail"]


def test_too_large_an_upload_is_refused_and_leaves_nothing(client: TestClient) -> None:
    files = [("files", ("big.txt", b"word " * (1 << 18)))]
    body = problem(client.post("/api/v1/documents", data={"collection": "big"}, files=files), 422)
    assert "big.txt" in body["detail"]
    assert "big" not in [each["name"] for each in client.get("/api/v1/collections").json()["data"]]
