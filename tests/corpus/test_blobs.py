"""Uploaded bytes on disk."""

import hashlib
import io
from pathlib import Path

import pytest

from corpus.blobs import LocalBlobs


def test_bytes_come_back_under_their_hash(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    content = bytes(range(256)) * 10_000
    blob = blobs.put(io.BytesIO(content))
    assert blob.sha256 == hashlib.sha256(content).hexdigest()
    assert blob.size_bytes == len(content)
    assert blobs.path(blob.sha256).read_bytes() == content


def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    for _ in range(2):
        blobs.put(io.BytesIO(b"same"))
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 1


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.RawIOBase):
        def __init__(self) -> None:
            self.reads = 0

        def read(self, _size: int = -1, /) -> bytes:
            self.reads += 1
            if self.reads > 2:
                raise OSError("connection lost")
            return b"x" * 1000

    with pytest.raises(OSError, match="connection lost"):
        LocalBlobs(tmp_path).put(Broken())  # pyright: ignore[reportArgumentType]  # as much of a file as is read
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_deleted_blob_is_gone_and_may_be_deleted_again(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blob = blobs.put(io.BytesIO(b"gone"))
    blobs.delete(blob.sha256)
    blobs.delete(blob.sha256)
    with pytest.raises(FileNotFoundError):
        blobs.path(blob.sha256)
