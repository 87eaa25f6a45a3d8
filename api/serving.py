"""`sourcebook serve`: API, web page and worker in one process, on this machine only."""

import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from rich.progress import Progress

from api.app import create_app
from api.ingesting import files_below, ingest
from api.local import LocalClient
from api.printing import err, out, print_report, print_sources
from api.schemas import AnswerRequest
from api.settings import Settings
from api.wiring import Sourcebook, open_sourcebook
from corpus.errors import ConfigurationError, ConflictError

GRACE_SECONDS = 3
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    settings: Settings, host: str, port: int, before: Callable[[Sourcebook], None] | None = None
) -> None:
    """Runs until interrupted; `before` is done first, in the same opened knowledge base.

    Raises `ConfigurationError` for an address that others could reach.
    """
    if host not in LOOPBACK:
        raise ConfigurationError(
            f"Sourcebook has no accounts yet, so it serves this machine only: --host 127.0.0.1, not {host}."
        )
    listening = _listen(host, port)
    # The port may have been 0: ask for the one we got.
    address = f"http://{_bracketed(host)}:{listening.getsockname()[1]}"
    with open_sourcebook(settings, address=address) as sourcebook:
        if before:
            before(sourcebook)
        app = create_app(sourcebook)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
        )
        server = _AnnouncingServer(config, app, address)
        server.run(sockets=[listening])


def demonstrate(settings: Settings, port: int, folder: Path) -> None:
    """Ingests `folder`/documents, asks the question in `folder`/first_question.txt, then serves."""
    serve(settings, "127.0.0.1", port, before=lambda sourcebook: _answer_first_question(sourcebook, folder))


def _answer_first_question(sourcebook: Sourcebook, folder: Path) -> None:
    client = LocalClient(sourcebook)
    files = list(files_below([folder / "documents"]))
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task(f"Ingesting {len(files)} documents", total=None)
        report = ingest(
            client, folder.name, files, lambda done, total: progress.update(task, completed=done, total=total)
        )
    print_report(report)
    question = (folder / "first_question.txt").read_text(encoding="utf-8").strip()
    out.print(f"\n[bold]{question}[/bold]\n")
    request = AnswerRequest(question=question, collections=[folder.name])
    answer = client.ask(request, lambda delta: out.print(delta, end="", markup=False))
    out.print()
    print_sources(answer)
    out.print()


def work(settings: Settings) -> None:
    """Works on jobs until interrupted or terminated."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with open_sourcebook(settings):
        out.print("Sourcebook's worker is ready.")
        stopped.wait()


def migrate(settings: Settings) -> None:
    """Raises `ConfigurationError` when the database is of a newer version."""
    with open_sourcebook(settings, worker=False):
        out.print("The database is up to date.")


class _AnnouncingServer(uvicorn.Server):
    """Prints the address once requests are really answered, and lets endless streams end first."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, address: str) -> None:
        super().__init__(config)
        self._app = app
        self._address = address

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.is_stopping = True
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"Sourcebook is ready: {self._address}", flush=True)  # noqa: T201  # what the user waits for


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConflictError(f"Port {port} is taken. Choose another with --port.") from error
    return listening


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
