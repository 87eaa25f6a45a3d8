"""One process owns an embedded data folder; the others find it through a file in the folder."""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from corpus.errors import ConflictError

LOCK_NAME = "owner.lock"


@contextmanager
def owned(data: Path, address: str = "") -> Generator[None]:
    """Holds the data folder; `address` is where this process serves it, if it does.

    The lock dies with the process, however it dies. Raises `ConflictError` when the folder is taken.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)  # documents, and connectors' secrets
    with (data / LOCK_NAME).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                f"Another Sourcebook process is using {data}. Stop it, or use another folder with --data."
            ) from error
        file.truncate(0)
        json.dump({"address": address, "pid": os.getpid()}, file)
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def owner_address(data: Path) -> str | None:
    """Address of the server that owns the folder now, or `None` when nobody serves it."""
    try:
        with (data / LOCK_NAME).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return json.loads(file.read() or "{}").get("address") or None
    except FileNotFoundError:
        pass
    return None
