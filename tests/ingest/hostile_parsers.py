"""A parser that does what a crafted file would make a real one do. A sandbox loads it by its module name."""

import ctypes
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from ingest.errors import EncryptedDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder


def warm_up() -> None:
    """Nothing to load."""


def parse(path: Path, name: str, media_type: str, readings: Path | None = None) -> ParsedDocument:
    text = _BEHAVIOURS[name](path, media_type)
    builder = ParsedDocumentBuilder()
    builder.block(BlockKind.PARAGRAPH, text)
    return builder.build(title="hostile", language="und")


def _hang(path: Path, media_type: str) -> str:
    time.sleep(600)
    return "slept"


def _spin(path: Path, media_type: str) -> str:
    while True:
        pass


def _eat_memory(path: Path, media_type: str) -> str:
    return str(len(bytearray(8 << 30)))


def _crash(path: Path, media_type: str) -> str:
    return str(ctypes.string_at(0))


def _abort(path: Path, media_type: str) -> str:
    os.abort()


def _fail(path: Path, media_type: str) -> str:
    raise AssertionError("a bug in a parser")


def _refuse(path: Path, media_type: str) -> str:
    raise EncryptedDocumentError("'encrypted' is protected by a password.")


def _answer_garbage(path: Path, media_type: str) -> str:
    pipe = min(int(entry.name) for entry in Path("/proc/self/fd").iterdir() if int(entry.name) > 2)
    os.write(pipe, b'{}\n{"format": 1, "text": 5}')
    os._exit(0)


def _kill_zygote(path: Path, media_type: str) -> str:
    os.kill(os.getppid(), signal.SIGKILL)
    return _hang(path, media_type)


def _environment(path: Path, media_type: str) -> str:
    return repr(dict(os.environ)) + Path("/proc/self/environ").read_text()


def _write(path: Path, media_type: str) -> str:
    return _attempt(lambda: path.with_name("written").write_text("x"))


def _read(path: Path, media_type: str) -> str:
    return _attempt(lambda: Path("/etc/passwd").read_text())


def _connect(path: Path, media_type: str) -> str:
    return _attempt(lambda: socket.create_connection(("127.0.0.1", int(media_type))))


def _attempt(act: Callable[[], object]) -> str:
    try:
        act()
    except PermissionError:
        return "refused"
    return "done"


_BEHAVIOURS: dict[str, Callable[[Path, str], str]] = {
    "good": lambda path, _: path.read_text(),
    "hang": _hang,
    "spin": _spin,
    "memory": _eat_memory,
    "crash": _crash,
    "abort": _abort,
    "bug": _fail,
    "encrypted": _refuse,
    "garbage": _answer_garbage,
    "kill the zygote": _kill_zygote,
    "environment": _environment,
    "write": _write,
    "read": _read,
    "connect": _connect,
}
