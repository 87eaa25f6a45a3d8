"""Uploads in pieces, which go on where they broke off: tus 1.0, whose HTTP is in api/uploads.py.

An upload that is under way is two files in a folder of its own: the bytes so far, and what they will be.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import RawIOBase
from pathlib import Path

from corpus.documents import Document
from corpus.errors import ConflictError, InvalidInputError, NotFoundError, StorageFullError, is_full_disk
from corpus.reserve import Reserve
from ingest.intake import Intake
from ingest.job_queue import Priority

CHECKSUMS = ("sha1", "sha256")
KEPT_SECONDS = 24 * 3600
"""After so long without a new piece, an upload is forgotten."""

_ID = re.compile(r"[0-9a-f]{32}")


class UploadNotFoundError(NotFoundError):
    """There is no such upload; it may have been finished or have expired."""


class OffsetMismatchError(ConflictError):
    """The piece does not begin where the upload stands."""


class UploadBusyError(ConflictError):
    """Another request is writing to this upload."""


class ChecksumMismatchError(InvalidInputError):
    """The piece arrived damaged. It was not kept: send it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialUpload:
    id: str
    collection: str
    path: str
    """With its folders, as the uploader names it."""
    size_bytes: int
    """Of the whole file."""
    is_bulk: bool
    offset: int
    """Bytes that are on disk."""
    expires_at: float
    """Seconds since 1970."""


class ResumableUploads:
    def __init__(
        self, folder: Path, intake: Intake, *, max_bytes: int, reserve: Reserve | None = None
    ) -> None:
        self._folder = folder
        self._reserve = reserve or Reserve(folder)
        self._intake = intake
        self.max_bytes = max_bytes
        folder.mkdir(parents=True, exist_ok=True)

    def create(self, *, collection: str, path: str, size_bytes: int, is_bulk: bool = False) -> PartialUpload:
        """Raises `InvalidInputError` when a name is missing or the file would be too large.

        Raises `StorageFullError` when the disk has no room for it, twice: here and in the blob store.
        """
        self.remove_expired()
        if not collection.strip() or not path.strip():
            raise InvalidInputError("An upload names its collection and its file in Upload-Metadata.")
        if not 0 <= size_bytes <= self.max_bytes:
            raise InvalidInputError(f"'{path}' is larger than the {self.max_bytes >> 20} MB allowed.")
        self._reserve.check(2 * size_bytes)
        upload = PartialUpload(
            id=secrets.token_hex(16),
            collection=collection.strip(),
            path=path,
            size_bytes=size_bytes,
            is_bulk=is_bulk,
            offset=0,
            expires_at=0,
        )
        self._bytes(upload.id).touch()
        # Last: an upload exists once it is described.
        self._facts(upload.id).write_text(json.dumps(asdict(upload)))
        return self.show(upload.id)

    def show(self, upload_id: str) -> PartialUpload:
        """Raises `UploadNotFoundError`."""
        try:
            facts = json.loads(self._facts(upload_id).read_text())
            written = self._bytes(upload_id).stat()
        except FileNotFoundError as error:
            raise UploadNotFoundError from error
        return PartialUpload(
            **facts | {"offset": written.st_size, "expires_at": written.st_mtime + KEPT_SECONDS}
        )

    @contextmanager
    def piece(self, upload_id: str, offset: int, checksum: str = "") -> "Generator[Piece]":
        """Takes a piece from `offset` on; what was written of it stays if the sender breaks off.

        `checksum` is `ALGORITHM HEXDIGEST` of the piece: with one, it is kept whole or not at all.
        On a full disk nothing of it is kept either. Raises `StorageFullError`, `UploadNotFoundError`,
        `OffsetMismatchError`, `UploadBusyError`, `ChecksumMismatchError`.
        """
        upload = self.show(upload_id)
        # Unbuffered: what could not be written is not tried again when the file is closed.
        with self._bytes(upload_id).open("r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UploadBusyError from error
            if file.seek(0, os.SEEK_END) != offset:
                raise OffsetMismatchError
            piece = Piece(file, upload.size_bytes - offset, checksum, self._reserve)
            is_whole = is_full = False
            try:
                yield piece
                is_whole = True
            except StorageFullError:
                is_full = True
                raise
            finally:
                if is_full or (checksum and not (is_whole and piece.is_intact)):
                    file.truncate(offset)
                os.fsync(file.fileno())
            if checksum and not piece.is_intact:
                raise ChecksumMismatchError

    def finish(self, upload_id: str) -> list[Document]:
        """Hands a complete upload over to the intake; nothing happens while bytes are missing.

        When the disk is full the upload goes as well: while it were kept, its sender would take it for done.
        """
        upload = self.show(upload_id)
        if upload.offset < upload.size_bytes:
            return []
        try:
            with self._bytes(upload_id).open("rb") as file:
                priority = Priority.BULK if upload.is_bulk else None
                documents = self._intake.add(upload.collection, [(upload.path, file)], priority=priority)
        except StorageFullError:
            self.terminate(upload_id)
            raise
        self.terminate(upload_id)
        return documents

    def terminate(self, upload_id: str) -> None:
        """Forgets an upload and its bytes. Raises `UploadNotFoundError`."""
        self.show(upload_id)
        self._facts(upload_id).unlink(missing_ok=True)
        self._bytes(upload_id).unlink(missing_ok=True)

    def remove_expired(self) -> None:
        oldest = time.time() - KEPT_SECONDS
        for file in self._folder.glob("*.bytes"):
            if file.stat().st_mtime < oldest:
                file.with_suffix(".json").unlink(missing_ok=True)
                file.unlink(missing_ok=True)

    def _facts(self, upload_id: str) -> Path:
        return self._bytes(upload_id).with_suffix(".json")

    def _bytes(self, upload_id: str) -> Path:
        if not _ID.fullmatch(upload_id):
            raise UploadNotFoundError
        return self._folder / f"{upload_id}.bytes"


class Piece:
    def __init__(self, file: RawIOBase, room: int, checksum: str, reserve: Reserve) -> None:
        algorithm, _, self._expected = checksum.partition(" ")
        if checksum and algorithm not in CHECKSUMS:
            raise InvalidInputError(f"Checksums are of {' or '.join(CHECKSUMS)}.")
        self._digest = hashlib.new(algorithm, usedforsecurity=False) if checksum else None
        self._file = file
        self._room = room
        self._reserve = reserve

    def write(self, content: bytes) -> None:
        """Raises `InvalidInputError` when the upload would become longer than it was said to be.

        Raises `StorageFullError` when the disk has no room for it.
        """
        self._room -= len(content)
        if self._room < 0:
            raise InvalidInputError("The upload is longer than its Upload-Length.")
        self._reserve.check(len(content))
        try:
            _write_all(self._file, content)
        except OSError as error:
            if is_full_disk(error):
                raise StorageFullError from error
            raise
        if self._digest:
            self._digest.update(content)

    @property
    def is_intact(self) -> bool:
        return self._digest is None or self._digest.hexdigest() == self._expected


def _write_all(file: RawIOBase, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) or 0 :]
