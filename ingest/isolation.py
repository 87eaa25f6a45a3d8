"""Parsing hostile files: one child process per document, with limits, forked from a warm zygote.

Nothing in this process imports a parser. A parser that crashes, hangs or eats memory takes its own child
with it and nothing else. Forking from a warm zygote costs about ten milliseconds a document.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Any, NoReturn, Self

from ingest import errors
from ingest.attachments import read_with_attachments
from ingest.confinement import Allowance, Limits
from ingest.errors import IngestError, LimitExceededError, ParserCrashedError
from ingest.parsed import ParsedDocument
from ingest.parsed_codec import decode

_log = logging.getLogger(__name__)

DEFAULT_PARSERS = "ingest.parsers.formats"
OCR_BATCH = 8
"""Pages a child recognises: what a crash can cost at most."""
_MOST_RESULT_BYTES = 512 << 20
_READ_BYTES = 1 << 20
_GRACE_SECONDS = 60.0
"""Beyond the child's own limits: how long a zygote may take to start, or to notice that a child is over."""
_TIMED_OUT = "timed out"
_LIMIT_SIGNALS = frozenset({signal.SIGXCPU, signal.SIGKILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGXFSZ})
"""SIGABRT and SIGTRAP are how native libraries end when an allocation fails."""
_ERRORS: dict[str, type[IngestError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, IngestError)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zygote:
    process: subprocess.Popen[bytes]
    requests: socket.socket


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    result: bytes
    status: str


class _ZygoteGoneError(Exception):
    """The zygote died; the document is not to blame."""


class ParserSandbox:
    """Parses files in children of its own zygote. Use as a context manager; safe for several threads.

    Each thread waits for its own child. At most one document a core is parsed at a time: more would be no
    faster, and each holds its memory. One batch of pages is recognised at a time: that takes up to 0.45 GB.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        parsers: str = DEFAULT_PARSERS,
        import_path: tuple[Path, ...] = (),
    ) -> None:
        """`parsers` names the module with `parse` and `warm_up`; `import_path` is where else to find it."""
        self._limits = limits or Limits()
        self._parsers = parsers
        self._import_path = import_path
        self._parsing = threading.Semaphore(os.cpu_count() or 1)
        self._recognising = threading.Lock()
        self._lock = threading.Lock()
        self._running: _Zygote | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Starts the zygote now; else the first document waits for it."""
        with self._lock:
            self._running = self._start()

    def close(self) -> None:
        """Ends the zygote and every child."""
        with self._lock:
            self._stop()

    def parse(
        self, path: Path, name: str, media_type: str, *, on_ocr: Callable[[int, int], None] | None = None
    ) -> ParsedDocument:
        """The parsed form of the file at `path`, which its uploader calls `name`, with what it carries.

        Each attachment is parsed in a child of its own; one that cannot be read leaves a warning.
        Pages that are pictures of text are read in batches, each in a child of its own, before the document
        is put together; `on_ocr` hears how many of how many have been read, first when none has.
        Raises what `ingest.errors` names; `LimitExceededError` and `ParserCrashedError` say that the
        child was ended or died. The sandbox is fit for the next document in any case.
        """
        read = partial(self._read, tell=on_ocr or _tell_nobody)
        return read_with_attachments(read, path, name, media_type)

    def render_page(self, path: Path, page: int) -> bytes:
        """PNG of page `page` (from 1) of the PDF or picture at `path`. Raises like `parse`."""
        return self._run(path, path.name, {"page": page}, self._limits.for_file(path.stat().st_size))

    def _read(
        self, path: Path, name: str, media_type: str, *, tell: Callable[[int, int], None]
    ) -> ParsedDocument:
        document = self._parse(path, name, {"media_type": media_type})
        if not document.unread:
            return document
        pages = document.unread[: self._limits.most_ocr_pages]
        tell(0, len(pages))
        with NamedTemporaryFile(prefix="sourcebook-readings-") as readings:
            for first in range(0, len(pages), OCR_BATCH):
                readings.write(self._read_pages(path, name, media_type, pages[first : first + OCR_BATCH]))
                tell(min(first + OCR_BATCH, len(pages)), len(pages))
            readings.flush()
            return self._parse(path, name, {"media_type": media_type, "readings": readings.name})

    def _parse(self, path: Path, name: str, task: dict[str, Any]) -> ParsedDocument:
        with self._parsing:
            payload = self._run(path, name, task, self._limits.for_file(path.stat().st_size))
        try:
            return decode(payload)
        except ValueError as error:
            raise ParserCrashedError(f"Reading '{name}' gave no usable result.") from error

    def _read_pages(self, path: Path, name: str, media_type: str, pages: Sequence[int]) -> bytes:
        """What recognition reads on `pages`; a page that breaks it takes no other page with it."""
        task = {"media_type": media_type, "pages": pages}
        try:
            with self._recognising, self._parsing:
                return self._run(path, name, task, self._limits.for_reading(len(pages)))
        except (LimitExceededError, ParserCrashedError) as error:
            if len(pages) > 1:
                return b"".join(self._read_pages(path, name, media_type, [page]) for page in pages)
            _log.warning("page %d of %r was not recognised: %s", pages[0], name, error)
            return b""

    def _run(self, path: Path, name: str, task: dict[str, Any], allowance: Allowance) -> bytes:
        wall_seconds = allowance.cpu_seconds * self._limits.wall_per_cpu
        request = {
            "path": str(path.resolve()),
            "name": name,
            "memory_bytes": allowance.memory_bytes,
            "cpu_seconds": max(1, round(allowance.cpu_seconds)),
            "wall_seconds": wall_seconds,
            **task,
        }
        try:
            outcome = self._ask(request, wall_seconds + _GRACE_SECONDS)
        except _ZygoteGoneError:
            _log.warning("the parsing zygote died and was started anew")
            try:
                outcome = self._ask(request, wall_seconds + _GRACE_SECONDS)
            except _ZygoteGoneError as error:
                raise ParserCrashedError(f"'{name}' could not be read: its reader did not start.") from error
        return _payload(outcome, name)

    def _ask(self, request: dict[str, Any], timeout_seconds: float) -> _Outcome:
        result, result_end = os.pipe()
        status, status_end = os.pipe()
        try:
            zygote = self._send(request, (result_end, status_end))
            return self._wait(result, status, zygote, time.monotonic() + timeout_seconds)
        finally:
            os.close(result)
            os.close(status)

    def _send(self, request: dict[str, Any], ends: tuple[int, int]) -> _Zygote:
        """Hands the request and the writing ends of its pipes over; they are closed here."""
        try:
            with self._lock:
                if self._running is None or self._running.process.poll() is not None:
                    self._running = self._start()
                socket.send_fds(self._running.requests, [json.dumps(request).encode()], ends)
                return self._running
        except OSError as error:
            raise _ZygoteGoneError from error
        finally:
            for end in ends:
                os.close(end)

    def _wait(self, result: int, status: int, zygote: _Zygote, deadline: float) -> _Outcome:
        """Reads the child's result and then its exit status, which the zygote writes.

        Stops reading when the result is too large, which ends the child. A status that ends before it
        began means that the zygote is gone.
        """
        data = {result: bytearray(), status: bytearray()}
        open_pipes = {result, status}
        while open_pipes and len(data[result]) <= _MOST_RESULT_BYTES:
            ready, _, _ = select.select(open_pipes, [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self._give_up(zygote)
            for pipe in ready:
                part = os.read(pipe, _READ_BYTES)
                data[pipe] += part
                if not part:
                    open_pipes.discard(pipe)
                    if pipe == status and not data[status]:
                        self._give_up(zygote)
        if status in open_pipes:
            raise LimitExceededError("The file holds more text than one document may have.")
        return _Outcome(result=bytes(data[result]), status=data[status].decode("ascii", "replace"))

    def _give_up(self, zygote: _Zygote) -> NoReturn:
        """A zygote that does not answer is of no use to anybody."""
        with self._lock:
            if self._running is zygote:
                self._stop()
        raise _ZygoteGoneError

    def _start(self) -> _Zygote:
        self._stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, _SOCKET_KIND)
        roots = [Path(__file__).parents[1], *self._import_path]
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "ingest.zygote", str(theirs.fileno()), self._parsers],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Secrets live in the environment; a hostile document must not find them there.
                env={
                    "PYTHONPATH": os.pathsep.join(str(root) for root in roots),
                    "PATH": "/usr/bin:/bin",
                    "LC_ALL": "C.UTF-8",
                    "OPENBLAS_NUM_THREADS": "1",
                    "OMP_THREAD_LIMIT": "1",
                    "MALLOC_ARENA_MAX": "2",
                },
                start_new_session=True,
            )
        return _Zygote(process=process, requests=ours)

    def _stop(self) -> None:
        if self._running is None:
            return
        self._running.requests.close()
        process = self._running.process
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        process.kill()
        process.wait()
        self._running = None


def _tell_nobody(_read: int, _total: int) -> None:
    pass


_SOCKET_KIND = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM


def _payload(outcome: _Outcome, name: str) -> bytes:
    """The child's answer, or the error that its answer or its death stands for."""
    if outcome.status == _TIMED_OUT:
        raise LimitExceededError(f"Reading '{name}' took too long.")
    exit_code = int(outcome.status)
    if -exit_code in _LIMIT_SIGNALS:
        raise LimitExceededError(f"Reading '{name}' took more time or memory than one document may use.")
    line, _, payload = outcome.result.partition(b"\n")
    if exit_code != 0 or not line:
        _log.warning("parser died on %r with exit status %s: %r", name, exit_code, line[:500])
        raise ParserCrashedError(f"'{name}' made its reader crash; no other document was affected.")
    if line != b"{}":
        raise _reported_error(line, name)
    return payload


def _reported_error(line: bytes, name: str) -> IngestError:
    try:
        header: dict[str, str] = json.loads(line)
        kind, message = _ERRORS[header["error"]], header["message"]
    except (ValueError, KeyError, TypeError):
        return ParserCrashedError(f"Reading '{name}' gave no usable result.")
    if kind is LimitExceededError and not message:
        message = f"Reading '{name}' takes more memory than one document may use."
    return kind(message)
