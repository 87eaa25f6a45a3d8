"""A parser that does what a crafted file would make a real one do. Loaded by a sandbox, by its module name."""

import ctypes
import os
import signal
import socket
import time
from pathlib import Path

from ingest.errors import EncryptedDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder


def warm_up() -> None:
    pass


def parse(path: Path, name: str, media_type: str) -> ParsedDocument:
    match name:
        case "hang":
            time.sleep(600)
        case "spin":
            while True:
                pass
        case "memory":
            return _document(str(len(bytearray(8 << 30))))
        case "crash":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "bug":
            raise AssertionError("a bug in a parser")
        case "encrypted":
            raise EncryptedDocumentError("'encrypted' is protected by a password.")
        case "garbage":
            os.write(_only_pipe(), b'{}\n{"format": 1, "text": 5}')
            os._exit(0)
        case "kill the zygote":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        case "environment":
            return _document(repr(dict(os.environ)) + Path("/proc/self/environ").read_text())
        case "write":
            return _document(_attempt(lambda: path.with_name("written").write_text("x")))
        case "read":
            return _document(_attempt(lambda: Path("/etc/passwd").read_text()))
        case "connect":
            return _document(_attempt(lambda: socket.create_connection(("127.0.0.1", int(media_type)))))
        case _:
            return _document(path.read_text())
    return _document("unreachable")


def _attempt(act: object) -> str:
    assert callable(act)
    try:
        act()
    except PermissionError:
        return "refused"
    return "done"


def _only_pipe() -> int:
    return next(int(number) for number in os.listdir("/proc/self/fd") if int(number) > 2)


def _document(text: str) -> ParsedDocument:
    builder = ParsedDocumentBuilder()
    builder.block(BlockKind.PARAGRAPH, text)
    return builder.build(title="hostile", language="und")
