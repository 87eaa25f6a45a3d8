"""Unpacking ZIP archives, nested ones too, within one budget and without trusting a single name."""

import contextlib
import lzma
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from ingest.errors import ArchiveRefusedError, CorruptDocumentError, EncryptedDocumentError
from ingest.sniffing import ZIP, sniff
from ingest.zip_files import open_zip

_ENCRYPTED_FLAG = 1
_CHUNK_BYTES = 1 << 20
_RATIO_COUNTS_ABOVE_BYTES = 1 << 20
_DAMAGE = (BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, RuntimeError, OSError)
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What one upload may unpack to, nested archives included."""

    total_bytes: int = 2 << 30
    members: int = 10_000
    ratio: int = 100
    """How many times larger than its compressed form a member above 1 MB may be."""
    depth: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMember:
    name: str
    """Path to show, with the archives it lies in: `outer.zip/folder/inner.zip/note.md`."""
    path: Path
    """Where its bytes are, under a name of ours."""


class _Budget:
    """What is left of the limits; it is charged before bytes are written, by what was really read."""

    def __init__(self, limits: ArchiveLimits, name: str) -> None:
        self._limits = limits
        self._name = name
        self._bytes = 0
        self.members = 0

    def take_member(self) -> None:
        self.members += 1
        if self.members > self._limits.members:
            raise ArchiveRefusedError(f"'{self._name}' holds more than {self._limits.members:,} files.")

    def check_announced(self, members: list[ZipInfo]) -> None:
        if self._bytes + sum(member.file_size for member in members) > self._limits.total_bytes:
            self._refuse_size()

    def take_bytes(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._limits.total_bytes:
            self._refuse_size()

    def check_ratio(self, member: ZipInfo, read: int) -> None:
        large = read > _RATIO_COUNTS_ABOVE_BYTES
        if large and read > self._limits.ratio * max(1, member.compress_size):
            raise ArchiveRefusedError(f"'{self._name}' holds a file built to exhaust memory.")

    def _refuse_size(self) -> None:
        raise ArchiveRefusedError(
            f"'{self._name}' unpacks to more than {self._limits.total_bytes >> 20:,} MB."
        )


def expand(
    path: Path, name: str, folder: Path, limits: ArchiveLimits | None = None
) -> Iterator[ArchiveMember]:
    """Unpacks the ZIP at `path`, shown as `name`, into `folder` one file at a time.

    Files get names of ours: a member's own name is only ever shown. Nested archives are opened in turn;
    one that cannot be opened, or that lies deeper than permitted, is yielded itself, so that its own
    ingestion fails with the reason. The caller may delete each file before it asks for the next.

    Raises `EncryptedDocumentError` or `CorruptDocumentError` for the outer archive; where only some of
    its members are damaged, the others are yielded first. Raises `ArchiveRefusedError` at any time when
    a limit is passed.
    """
    limits = limits or ArchiveLimits()
    yield from _expand(path, name, folder, _Budget(limits, name), limits.depth)


def check_archive(path: Path, name: str) -> None:
    """Raises why the ZIP at `path` cannot be unpacked, or nothing when it can."""
    with _open(path, name):
        pass


def _expand(path: Path, name: str, folder: Path, budget: _Budget, depth: int) -> Iterator[ArchiveMember]:
    damaged: list[str] = []
    with _open(path, name) as archive:
        members = [member for member in archive.infolist() if _is_wanted(member)]
        budget.check_announced(members)
        for member in members:
            budget.take_member()
            shown = _shown_name(member.filename)
            target = folder / f"{budget.members:06d}"
            if _unpack(archive, member, target, budget):
                yield from _expand_nested(target, f"{name}/{shown}", folder, budget, depth - 1)
            else:
                damaged.append(shown)
    if damaged:
        raise CorruptDocumentError(f"'{name}' is damaged: '{damaged[0]}' in it cannot be unpacked.")


def _expand_nested(
    path: Path, name: str, folder: Path, budget: _Budget, depth: int
) -> Iterator[ArchiveMember]:
    if depth > 0 and sniff(path, name) == ZIP:
        try:
            yield from _expand(path, name, folder, budget, depth)
        except (CorruptDocumentError, EncryptedDocumentError):
            yield ArchiveMember(name=name, path=path)
        else:
            path.unlink()
    else:
        yield ArchiveMember(name=name, path=path)


def _open(path: Path, name: str) -> ZipFile:
    try:
        archive = open_zip(path)
    except BadZipFile as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as a ZIP archive.") from error
    except ArchiveRefusedError as error:
        raise ArchiveRefusedError(f"'{name}' lists too many files.") from error
    if any(member.flag_bits & _ENCRYPTED_FLAG for member in archive.infolist()):
        archive.close()
        raise EncryptedDocumentError(f"'{name}' is protected by a password.")
    return archive


def _unpack(archive: ZipFile, member: ZipInfo, target: Path, budget: _Budget) -> bool:
    """Whether the member could be read whole; what it says of its size is not believed."""
    read = 0
    try:
        with archive.open(member) as source, target.open("wb") as output:
            while part := source.read(_CHUNK_BYTES):
                read += len(part)
                budget.take_bytes(len(part))
                budget.check_ratio(member, read)
                output.write(part)
    except _DAMAGE:
        target.unlink(missing_ok=True)
        return False
    return True


def _is_wanted(member: ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return not (member.is_dir() or is_link or "__MACOSX" in path.parts or path.name in _LITTER)


def _shown_name(name: str) -> str:
    """The member's name as text that is safe to show and to join: no way up, no control characters."""
    with contextlib.suppress(UnicodeError):
        # Archivers that do not flag UTF-8 mostly write it nevertheless; zipfile has read it as code page 437.
        name = name.encode("cp437").decode("utf-8")
    parts = PurePosixPath(name.replace("\\", "/")).parts
    kept = ("".join(char for char in part if char.isprintable()) for part in parts)
    return "/".join(part for part in kept if part.strip(" ./") and not part.endswith(":")) or "unnamed"
