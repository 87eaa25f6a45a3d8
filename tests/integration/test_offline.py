"""Ingesting, searching and asking reach for no other machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

GUARD = """
import os
import sys

LOOPBACK = ("127.0.0.1", "::1", "localhost", None, "")


def guard(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.sendto":
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None
    else:
        return
    if host not in LOOPBACK:
        with open(os.environ["GUARD_LOG"], "a") as log:
            log.write(f"{event} {host}\\n")
        raise OSError(f"the guard refused {host}")


sys.addaudithook(guard)
"""


class Guarded:
    """Runs programs that may talk to this machine only, and remembers what else they tried."""

    def __init__(self, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(GUARD)
        self._folder = folder
        self.log = folder / "attempts"

    def run(self, *command: str) -> str:
        environment = {
            **os.environ,
            "PYTHONPATH": str(self._folder),
            "GUARD_LOG": str(self.log),
            "SOURCEBOOK_DATA": str(self._folder / "data"),
        }
        environment.pop("HF_HUB_OFFLINE", None)  # the product must see to it by itself
        wall = ["unshare", "--net"] if _may_unshare() else []
        done = subprocess.run(
            [*wall, sys.executable, *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _may_unshare() -> bool:
    """With an empty network namespace around it, not even native code gets out."""
    try:
        return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path)


def test_the_guard_notices_an_attempt(guarded: Guarded) -> None:
    attempt = "socket.create_connection(('192.0.2.1', 80), 1)"
    guarded.run("-c", f"import contextlib, socket\nwith contextlib.suppress(OSError): {attempt}")
    assert "192.0.2.1" in guarded.log.read_text()


@pytest.mark.slow
def test_ingest_search_and_ask_stay_on_this_machine(guarded: Guarded) -> None:
    documents = str(ROOT / "sample" / "documents" / "products")
    question = (ROOT / "sample" / "first_question.txt").read_text().strip()
    ingested = json.loads(
        guarded.run("-m", "api.cli", "ingest", documents, "--collection", "products", "--json")
    )
    assert {document["status"] for document in ingested["documents"]} == {"ready"}
    found = json.loads(guarded.run("-m", "api.cli", "search", "error E-4012", "--json"))
    assert found["passages"]
    answer = json.loads(guarded.run("-m", "api.cli", "ask", question, "--json"))
    assert answer["answerable"]
    assert answer["citations"][0]["quote"] in answer["answer"]
    assert not guarded.log.exists(), guarded.log.read_text()
