"""Opening ZIP containers without trusting what they say about themselves."""

import struct
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from ingest.errors import ArchiveRefusedError, CorruptDocumentError, EncryptedDocumentError

MAX_DIRECTORY_BYTES = 8 << 20
"""Central directories above this are refused: 10,000 members with long names need about 2 MB."""

_END_RECORD = b"PK\x05\x06"
_END_RECORD_BYTES = 22
_LONGEST_COMMENT = 0xFFFF
_ZIP64_END_RECORD = b"PK\x06\x06"
_IN_ZIP64 = 0xFFFFFFFF
_ENCRYPTED_FLAG = 1


def open_zip(path: Path) -> ZipFile:
    """Opens a ZIP whose directory is small enough to be held in memory.

    `zipfile` builds one object per directory entry when it opens a file, so a crafted directory of a
    few megabytes would exhaust memory before any budget of ours could be checked.

    Raises `zipfile.BadZipFile` for a broken file, `ArchiveRefusedError` for an oversized directory.
    """
    with path.open("rb") as file:
        directory_bytes = _directory_bytes(file, path.stat().st_size)
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise ArchiveRefusedError
    try:
        return ZipFile(path)
    except (ValueError, NotImplementedError, OSError, struct.error) as error:
        raise BadZipFile(str(error)) from error


def open_zip_named(path: Path, name: str) -> ZipFile:
    """Like `open_zip`, with errors for the uploader, who calls the file `name`.

    Raises `CorruptDocumentError`, `EncryptedDocumentError` or `ArchiveRefusedError`.
    """
    try:
        archive = open_zip(path)
    except BadZipFile as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened.") from error
    except ArchiveRefusedError as error:
        raise ArchiveRefusedError(f"'{name}' lists too many files.") from error
    if any(member.flag_bits & _ENCRYPTED_FLAG for member in archive.infolist()):
        archive.close()
        raise EncryptedDocumentError(f"'{name}' is protected by a password.")
    return archive


def _directory_bytes(file: BinaryIO, size: int) -> int:
    """Length of the central directory by the end record (APPNOTE.TXT 4.3.16, 4.3.14)."""
    tail_bytes = min(size, _END_RECORD_BYTES + _LONGEST_COMMENT + 1024)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    found = tail.rfind(_END_RECORD)
    if found < 0 or len(tail) < found + _END_RECORD_BYTES:
        raise BadZipFile("no end record")
    (directory_bytes,) = struct.unpack_from("<I", tail, found + 12)
    zip64 = tail.rfind(_ZIP64_END_RECORD, 0, found)
    if zip64 >= 0 and len(tail) >= zip64 + 48:
        (zip64_bytes,) = struct.unpack_from("<Q", tail, zip64 + 40)
        return max(zip64_bytes, directory_bytes if directory_bytes != _IN_ZIP64 else 0)
    return directory_bytes
