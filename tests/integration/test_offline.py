"""Ingesting, searching, asking and serving reach for no other machine."""

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

SERVE_AND_ASK = """
import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import urllib.request

# A new network namespace has a loopback device, but it is down (SIOCSIFFLAGS, IFF_UP).
with contextlib.suppress(OSError), socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 1))


def asked(path, body=None):
    request = urllib.request.Request(
        address + path, body and json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read().decode()


serve = [sys.executable, "-m", "api.cli", "serve", "--port", "0"]
with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
    address = server.stdout.readline().split()[-1]
    question = sys.argv[1]
    print(
        json.dumps(
            {
                "page": asked("/"),
                "found": json.loads(asked("/api/v1/search", {"query": question})),
                "answer": json.loads(asked("/api/v1/answers", {"question": question})),
            }
        )
    )
    server.terminate()
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
def test_ingest_search_ask_and_serve_stay_on_this_machine(guarded: Guarded) -> None:
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
    served = json.loads(guarded.run("-c", SERVE_AND_ASK, question))
    assert "<html" in served["page"]
    assert served["found"]["passages"]
    assert served["answer"]["answer"] == answer["answer"]
    assert not guarded.log.exists(), guarded.log.read_text()
