"""The uploaded bytes, each file kept once under the sha256 of its content."""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from corpus.crash_points import reach
from corpus.errors import StorageFullError, is_full_disk
from corpus.reserve import Reserve

PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    name: str
    sha256: str | None
    """`None` for a file that never became a blob."""
    age_seconds: float


class BlobStore(Protocol):
    def put(self, content: BinaryIO) -> Blob:
        """Stores what can be read from `content`, in constant memory; on disk when it returns.

        Raises `StorageFullError`, and then keeps nothing.
        """
        ...

    def path(self, sha256: str) -> Path:
        """A local file with the content. Raises `FileNotFoundError`."""
        ...

    def has(self, sha256: str) -> bool: ...

    def delete(self, sha256: str) -> None:
        """Deleting what is not there is no error."""
        ...

    def stored(self) -> Iterable[StoredFile]:
        """Every file there is, what an interrupted upload left included."""
        ...

    def discard(self, name: str) -> None:
        """Removes a file that `stored` named."""
        ...


class LocalBlobs:
    """A folder of files, named by content hash only: no user's file name ever becomes a path."""

    def __init__(self, folder: Path, reserve: Reserve | None = None) -> None:
        self._folder = folder
        self._reserve = reserve or Reserve(folder)
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, content: BinaryIO) -> Blob:
        try:
            return self._put(content)
        except OSError as error:
            if is_full_disk(error):
                raise StorageFullError from error
            raise

    def _put(self, content: BinaryIO) -> Blob:
        self._reserve.check()
        digest, size = hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="upload-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in _pieces(content):
                    self._reserve.check(len(piece))
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            reach("blob.written")
            sha256 = digest.hexdigest()
            target = self._target(sha256)
            target.parent.mkdir(exist_ok=True)
            Path(name).replace(target)
            _sync_folder(target.parent)
            reach("blob.stored")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Blob(sha256=sha256, size_bytes=size)

    def path(self, sha256: str) -> Path:
        target = self._target(sha256)
        if not target.exists():
            raise FileNotFoundError(target)
        return target

    def delete(self, sha256: str) -> None:
        self._target(sha256).unlink(missing_ok=True)

    def has(self, sha256: str) -> bool:
        return self._target(sha256).exists()

    def stored(self) -> Iterable[StoredFile]:
        now = time.time()
        for path in self._folder.rglob("*"):
            # Files come and go while we look.
            with suppress(FileNotFoundError):
                if path.is_file():
                    is_blob = path.parent != self._folder
                    yield StoredFile(
                        name=path.relative_to(self._folder).as_posix(),
                        sha256=path.name if is_blob else None,
                        age_seconds=now - path.stat().st_mtime,
                    )

    def discard(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def _target(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


def _pieces(content: BinaryIO) -> Iterable[bytes]:
    return iter(lambda: content.read(PIECE_BYTES), b"")


def _sync_folder(folder: Path) -> None:
    """The rename itself must reach the disk before we promise anything."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
