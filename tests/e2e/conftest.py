"""Chromium against the real server: started once, with a few documents uploaded over its API."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Page, Request
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from tests.servers.s3 import Bucket, s3_store

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "Handbook"
HOTEL_LINE = "A hotel night may cost up to 140 euros including breakfast."
START_SECONDS = 120
READY_SECONDS = 120

LEAVE = """# Leave policy

Everyone who works here has the right to rest. This page says how much of it there is.

## Annual leave

Full-time employees receive 25 days of paid annual leave per calendar year.
Unused days carry over until 31 March.

| Years of service | Days of leave |
|---|---|
| under 5 | 25 |
| over 10 | 30 |

## Sick leave

A doctor's note is needed from the third day of sick leave.
"""

ARABIC_LEAVE = """# سياسة الإجازات

يحصل كل موظف بدوام كامل على 25 يومًا من الإجازة السنوية المدفوعة في كل سنة.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """Fractions of the page, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The running server and what it was given."""

    url: str
    collection: str
    hotel_line: str
    hotel_page: int
    hotel_place: Rectangle
    """Where the line stands on its page, known because we drew it."""
    origins: Path
    """Below this folder connectors may read."""
    bucket: Bucket
    """Connectors may read it, too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    chromium = os.environ.get("SOURCEBOOK_CHROMIUM", "/usr/bin/chromium")
    if shutil.which(chromium) is None:
        pytest.skip(f"no chromium at {chromium} (apt-get install chromium, or set SOURCEBOOK_CHROMIUM)")
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    return {
        "executable_path": chromium,
        "headless": True,
        "args": [*flags.split(), "--disable-component-update", "--disable-sync"],
    }


@pytest.fixture(scope="session")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("origins")


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    with s3_store() as bucket:
        yield bucket


@pytest.fixture(scope="session")
def server_url(
    tmp_path_factory: pytest.TempPathFactory,
    browser_type_launch_args: dict[str, Any],
    origins: Path,
    bucket: Bucket,
) -> Iterator[str]:
    """Depends on the browser's arguments, so that nothing is started where there is no browser."""
    if not (ROOT / "api" / "static" / "index.html").is_file():
        pytest.skip("the web page is not built (pip install -e . builds it)")
    folder = tmp_path_factory.mktemp("server")
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        sys.executable,
        "-m",
        "api.cli",
        "serve",
        "--port",
        url.rpartition(":")[2],
        "--data",
        folder / "data",
    ]
    allowed = {
        "SOURCEBOOK_CONNECTORS__ALLOWED_FOLDERS": str(origins),
        "SOURCEBOOK_CONNECTORS__ALLOWED_HOSTS": bucket.url.removeprefix("http://"),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **allowed}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until_healthy(url, process, folder / "log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def library(server_url: str, origins: Path, bucket: Bucket) -> Library:
    files = [
        ("files", ("leave.md", LEAVE.encode(), "text/markdown")),
        ("files", ("travel.pdf", travel_pdf(), "application/pdf")),
    ]
    arabic = [("files", ("ijazat.md", ARABIC_LEAVE.encode(), "text/markdown"))]
    with httpx.Client(base_url=f"{server_url}/api/v1", timeout=60) as client:
        for collection, batch in ((COLLECTION, files), ("سياسات", arabic)):
            response = client.post("/documents", data={"collection": collection}, files=batch)
            assert response.status_code == 202, response.text
            for document in response.json()["data"]:
                assert wait_until_final(client, document["id"]) == "ready"
    return Library(
        url=server_url,
        collection=COLLECTION,
        hotel_line=HOTEL_LINE,
        hotel_page=2,
        hotel_place=Rectangle(
            x0=72 / A4[0],
            y0=(400 - 8) / A4[1],
            x1=(72 + stringWidth(HOTEL_LINE, "Helvetica", 11)) / A4[0],
            y1=(400 + 2.5) / A4[1],
        ),
        origins=origins,
        bucket=bucket,
    )


@pytest.fixture
def watched(page: Page, library: Library) -> Iterator[Page]:
    """A page on which any script error, refused content or request to elsewhere fails the test."""
    faults: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith((library.url, "blob:", "data:")):
            faults.append(f"request to {request.url}")

    def note_console(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on("request", note_request)
    page.on("console", note_console)
    yield page
    assert faults == []


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended with code {process.returncode}:\n{log.read_text()[-4000:]}")
        try:
            if httpx.get(f"{url}/healthz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start within {START_SECONDS} s:\n{log.read_text()[-4000:]}")


def wait_until_final(client: httpx.Client, document_id: str) -> str:
    deadline = time.monotonic() + READY_SECONDS
    status = "unknown"
    while time.monotonic() < deadline:
        status = str(client.get(f"/documents/{document_id}").json()["status"])
        if status in {"ready", "ready_with_warnings", "failed", "deleted"}:
            return status
        time.sleep(0.2)
    return status


def travel_pdf() -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setTitle("Travel policy")
    canvas.setFont("Helvetica-Bold", 20)
    canvas.drawString(72, A4[1] - 90, "Travel policy")
    canvas.setFont("Helvetica", 11)
    canvas.drawString(72, A4[1] - 130, "Book trains first; flights need the approval of your manager.")
    canvas.showPage()
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(72, A4[1] - 90, "Hotels")
    canvas.setFont("Helvetica", 11)
    canvas.drawString(72, A4[1] - 400, HOTEL_LINE)
    canvas.drawString(72, A4[1] - 500, "Receipts are handed in within fourteen days after the trip.")
    canvas.save()
    return buffer.getvalue()
