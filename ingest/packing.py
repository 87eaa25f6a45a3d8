"""The files in a ZIP, TAR or gzip archive, behind one shape. Nothing here writes, or follows a link."""

import gzip
import io
import lzma
import stat
import tarfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from ingest.errors import ArchiveRefusedError, CorruptDocumentError

DAMAGE = (
    BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    EOFError,
    RuntimeError,
    OSError,
    ValueError,
)
"""What the standard library raises while it reads a damaged archive."""

_LONGEST_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFile:
    name: str
    size_bytes: int
    """As the archive says; not to be believed."""
    packed_bytes: int | None
    """Its size in the archive; `None` where the archive does not compress."""
    open: Callable[[], IO[bytes]]


def packed_in_zip(archive: ZipFile) -> Iterator[PackedFile]:
    """The regular files, in the archive's order."""
    for member in archive.infolist():
        if member.is_dir() or stat.S_ISLNK(member.external_attr >> 16):
            continue
        yield PackedFile(
            name=member.filename,
            size_bytes=member.file_size,
            packed_bytes=member.compress_size,
            open=lambda member=member: archive.open(member),
        )


def packed_in_tar(archive: tarfile.TarFile) -> Iterator[PackedFile]:
    """The regular files; links of both kinds, devices and files with holes are left out.

    Raises `tarfile.TarError` where the archive breaks off.
    """
    untyped: Any = archive
    while (member := archive.next()) is not None:
        # tarfile remembers every header; ours is a walk, and the list would grow with a hostile archive.
        untyped.members.clear()
        if member.isreg() and not member.issparse():
            yield PackedFile(
                name=member.name,
                size_bytes=member.size,
                packed_bytes=None,
                open=lambda member=member: _extracted(archive, member),
            )
    # tarfile takes a header that breaks off for the end; the true end is blank.
    untyped.fileobj.seek(untyped.offset)
    if untyped.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("no end")


@contextmanager
def open_tar(path: Path, name: str) -> Generator[tarfile.TarFile]:
    """Raises `CorruptDocumentError` for what is no TAR archive."""
    with _ShortReads(io.FileIO(path)) as file:
        try:
            archive = tarfile.TarFile(fileobj=file, mode="r", errors="replace")
        except DAMAGE as error:
            raise CorruptDocumentError(
                f"'{name}' is damaged and cannot be opened as a TAR archive."
            ) from error
        with archive:
            yield archive


def open_gzip(path: Path, name: str) -> IO[bytes]:
    """Raises `CorruptDocumentError` for what is no gzip file."""
    file: Any = gzip.GzipFile(path)
    try:
        file.peek(1)
    except DAMAGE as error:
        file.close()
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be unpacked.") from error
    return file


def _extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(member)
    if file is None:
        raise tarfile.ReadError("no regular file")
    return file


class _ShortReads(io.BufferedReader):
    """tarfile reads a header extension in one go, as long as the archive says; honest ones are short."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _LONGEST_READ_BYTES:
            raise ArchiveRefusedError("The archive has a header built to exhaust memory.")
        return super().read(size)
