"""The process that forks a child for every document.

It imports the parsers once and never calls them: libraries that start threads on first use cannot be
forked after it. It is single-threaded, holds no secrets and starts with an empty environment.
Started by `ingest.isolation` as `python -m ingest.zygote SOCKET PARSERS`.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Protocol

from ingest.confinement import confine
from ingest.errors import IngestError, LimitExceededError
from ingest.parsed import ParsedDocument
from ingest.parsed_codec import encode
from ingest.rendering import render_page

LONGEST_REQUEST_BYTES = 1 << 16
TIMED_OUT = "timed out"
_POLL_SECONDS = 60.0
_HIGHEST_DESCRIPTOR = 4096
_LONGEST_CRASH_CHARS = 500
_READABLE = [
    Path(place)
    for place in (sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
] + [Path("/proc/self"), Path("/proc/meminfo"), Path("/sys/devices/system/cpu"), Path("/dev/urandom")]


class Parsers(Protocol):
    """What the module named on the command line offers."""

    def parse(
        self, path: Path, name: str, media_type: str, readings: Path | None = None
    ) -> ParsedDocument: ...

    def read_pages(self, path: Path, media_type: str, pages: Sequence[int]) -> bytes: ...

    def warm_up(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    status: int
    """File descriptor on which the parent waits for the exit status."""
    deadline: float


class Zygote:
    """Reads requests, forks, reaps, and kills what takes too long."""

    def __init__(self, requests: socket.socket, parsers: Parsers) -> None:
        self._requests = requests
        self._parsers = parsers
        self._children: dict[int, _Child] = {}
        self._wakeup, self._wakeup_sender = socket.socketpair()
        for end in (self._wakeup, self._wakeup_sender):
            end.settimeout(0)
        signal.set_wakeup_fd(self._wakeup_sender.fileno())
        # Only a signal that has a handler writes to the wakeup descriptor.
        signal.signal(signal.SIGCHLD, _ignore)

    def run(self) -> None:
        """Serves until the parent closes its end, then ends all children."""
        while True:
            nearest = min((child.deadline for child in self._children.values()), default=float("inf"))
            timeout = max(0.0, min(_POLL_SECONDS, nearest - time.monotonic()))
            ready, _, _ = select.select([self._requests, self._wakeup], [], [], timeout)
            if self._wakeup in ready:
                self._wakeup.recv(4096)
            self._reap()
            self._end_overdue(time.monotonic())
            if self._requests in ready and not self._serve():
                self._end_overdue(float("inf"))
                return

    def _serve(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._requests, LONGEST_REQUEST_BYTES, 2)
        if not data:
            return False
        request = json.loads(data)
        result, status = descriptors
        child = os.fork()
        if child == 0:
            _answer(request, result, self._parsers)
        os.close(result)
        self._children[child] = _Child(status=status, deadline=time.monotonic() + request["wall_seconds"])
        return True

    def _reap(self) -> None:
        while self._children:
            pid, wait_status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._report(pid, str(os.waitstatus_to_exitcode(wait_status)))

    def _end_overdue(self, now: float) -> None:
        for pid, child in list(self._children.items()):
            if child.deadline <= now:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self._report(pid, TIMED_OUT)

    def _report(self, pid: int, outcome: str) -> None:
        child = self._children.pop(pid)
        # Anything the child itself started is in its process group.
        _kill_group(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(child.status, outcome.encode())
        os.close(child.status)


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    pass


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _answer(request: dict[str, Any], result: int, parsers: Parsers) -> NoReturn:
    """The child's life: it never returns into the zygote's loop, whatever the parser does."""
    exit_code = 1
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.closerange(3, result)
        os.closerange(result + 1, _HIGHEST_DESCRIPTOR)
        confine(
            memory_bytes=request["memory_bytes"],
            cpu_seconds=request["cpu_seconds"],
            readable=[*_READABLE, *(Path(request[file]) for file in ("path", "readings") if file in request)],
        )
        _send(result, *_work(request, parsers))
        exit_code = 0
    finally:
        if exit_code:
            _send(result, {"crash": repr(sys.exc_info()[1])[:_LONGEST_CRASH_CHARS]}, b"")
        # Not sys.exit: xberg's threads crash the interpreter while it finalises.
        os._exit(exit_code)


def _work(request: dict[str, Any], parsers: Parsers) -> tuple[dict[str, Any], bytes]:
    path = Path(request["path"])
    try:
        if "page" in request:
            return {}, render_page(path, request["page"])
        if "pages" in request:
            return {}, parsers.read_pages(path, request["media_type"], request["pages"])
        readings = Path(request["readings"]) if "readings" in request else None
        return {}, encode(parsers.parse(path, request["name"], request["media_type"], readings))
    except IngestError as error:
        return {"error": error.code, "message": str(error)}, b""
    except (MemoryError, RecursionError):
        return {"error": LimitExceededError.code, "message": ""}, b""


def _send(result: int, header: dict[str, Any], payload: bytes) -> None:
    """One line of JSON, then the payload."""
    data = memoryview(json.dumps(header).encode() + b"\n" + payload)
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[os.write(result, data) :]


def main() -> None:
    descriptor, parsers_module = sys.argv[1:3]
    parsers: Any = importlib.import_module(parsers_module)
    parsers.warm_up()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    Zygote(socket.socket(fileno=int(descriptor)), parsers).run()


if __name__ == "__main__":
    main()
