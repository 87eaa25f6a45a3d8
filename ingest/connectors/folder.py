"""A folder on the server's disk, read without ever following a link."""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ingest.connectors.errors import ItemError, OriginError
from ingest.connectors.origin import Cursor, Item, Problem, Selection, fault_of_path

_NO_LINKS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Opening a pipe must not wait for its writer: what is no plain file is refused afterwards."""


class FolderOrigin:
    def __init__(self, root: Path, selection: Selection) -> None:
        self._root = root
        self._selection = selection

    def list(self, cursor: Cursor | None) -> Iterator[Item | Problem]:  # noqa: ARG002  # a folder is read whole
        if not self._root.is_dir():
            raise OriginError(f"There is no folder {self._root}. Is its drive mounted?")
        yield from self._below("")

    def cursor(self) -> Cursor | None:
        return None

    @contextmanager
    def fetch(self, item: Item) -> Generator[IO[bytes]]:
        if fault := fault_of_path(item.key):
            raise ItemError(fault)
        try:
            descriptor = self._open(item.key)
        except OSError as error:
            raise ItemError(f"It could not be opened: {error.strerror}.") from error
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ItemError("It is no plain file any more.")
            yield file

    def _below(self, folder: str) -> Iterator[Item | Problem]:
        for entry in self._entries(folder):
            path = f"{folder}/{entry.name}".lstrip("/")
            if entry.is_dir(follow_symlinks=False):
                if self._selection.enters(path):
                    yield from self._below(path)
            elif entry.is_file(follow_symlinks=False) and self._selection.wants(path):
                yield from _listed(path, entry)

    def _entries(self, folder: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self._root / folder) as found:
                yield from sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            # Half a listing must not pass for a whole one: what it lacks would be deleted.
            place = self._root / folder
            raise OriginError(
                f"The folder {place} cannot be read: {error.strerror}. Allow it, or exclude it."
            ) from error

    def _open(self, key: str) -> int:
        """Opens folder by folder, so that no part of the path may have become a link."""
        *folders, name = key.split("/")
        at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                below = os.open(folder, _NO_LINKS | os.O_DIRECTORY, dir_fd=at)
                os.close(at)
                at = below
            return os.open(name, _NO_LINKS, dir_fd=at)
        finally:
            os.close(at)


def _listed(path: str, entry: os.DirEntry[str]) -> Iterator[Item | Problem]:
    fault = fault_of_path(path)
    if fault:
        yield Problem(key=os.fsencode(path).decode(errors="replace"), detail=fault)
        return
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return  # deleted since its folder was read
    yield Item(key=path, path=path, revision=f"{found.st_mtime_ns}-{found.st_size}", size_bytes=found.st_size)
