"""Unpacking archives, nested ones too, within one budget and without trusting a single name."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingest.errors import ArchiveRefusedError, CorruptDocumentError, EncryptedDocumentError
from ingest.packing import DAMAGE, PackedFile, open_gzip, open_tar, packed_in_tar, packed_in_zip
from ingest.sniffing import GZIP, TAR, ZIP, sniff
from ingest.zip_files import open_zip_named

ARCHIVES = frozenset({ZIP, TAR, GZIP})
"""Media types that are unpacked when they arrive."""

_CHUNK_BYTES = 1 << 20
_RATIO_COUNTS_ABOVE_BYTES = 1 << 20
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


class Budget:
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

    def check_announced(self, size_bytes: int) -> None:
        if self._bytes + size_bytes > self._limits.total_bytes:
            self._refuse_size()

    def take_bytes(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._limits.total_bytes:
            self._refuse_size()

    def check_ratio(self, file: PackedFile, read: int) -> None:
        large = read > _RATIO_COUNTS_ABOVE_BYTES
        if large and file.packed_bytes is not None and read > self._limits.ratio * max(1, file.packed_bytes):
            raise ArchiveRefusedError(f"'{self._name}' holds a file built to exhaust memory.")

    def _refuse_size(self) -> None:
        raise ArchiveRefusedError(
            f"'{self._name}' unpacks to more than {self._limits.total_bytes >> 20:,} MB."
        )


def expand(
    path: Path, name: str, folder: Path, limits: ArchiveLimits | None = None
) -> Iterator[ArchiveMember]:
    """Unpacks the ZIP, TAR or gzip file at `path`, shown as `name`, into `folder` one file at a time.

    Files get names of ours: a member's own name is only ever shown. Nested archives are opened in turn;
    one that cannot be opened, or that lies deeper than permitted, is yielded itself, so that its own
    ingestion fails with the reason. The caller may delete each file before it asks for the next.

    Raises `EncryptedDocumentError` or `CorruptDocumentError` for the outer archive; where only some of
    its members are damaged, the others are yielded first. Raises `ArchiveRefusedError` at any time when
    a limit is passed.
    """
    limits = limits or ArchiveLimits()
    yield from _expand(path, name, folder, Budget(limits, name), limits.depth)


def expand_within(path: Path, name: str, folder: Path, budget: Budget, depth: int) -> Iterator[ArchiveMember]:
    """Like `expand` on the budget of a larger whole; yields the file itself where it is no archive."""
    if depth > 0 and sniff(path, name) in ARCHIVES:
        try:
            yield from _expand(path, name, folder, budget, depth)
        except (CorruptDocumentError, EncryptedDocumentError):
            yield ArchiveMember(name=name, path=path)
        else:
            path.unlink()
    else:
        yield ArchiveMember(name=name, path=path)


def check_archive(path: Path, name: str) -> None:
    """Raises why the archive at `path` cannot be unpacked, or nothing when it can."""
    match sniff(path, name):
        case media_type if media_type == TAR:
            with open_tar(path, name):
                pass
        case media_type if media_type == GZIP:
            open_gzip(path, name).close()
        case _:
            open_zip_named(path, name).close()


def _expand(path: Path, name: str, folder: Path, budget: Budget, depth: int) -> Iterator[ArchiveMember]:
    match sniff(path, name):
        case media_type if media_type == TAR:
            with open_tar(path, name) as archive:
                yield from _unpack_all(packed_in_tar(archive), name, folder, budget, depth)
        case media_type if media_type == GZIP:
            yield from _expand_gzip(path, name, folder, budget, depth)
        case _:
            with open_zip_named(path, name) as archive:
                files = list(packed_in_zip(archive))
                budget.check_announced(sum(file.size_bytes for file in files))
                yield from _unpack_all(iter(files), name, folder, budget, depth)


def _expand_gzip(path: Path, name: str, folder: Path, budget: Budget, depth: int) -> Iterator[ArchiveMember]:
    """A gzip file holds one file, most often a TAR archive, which then counts as the same archive."""
    shown = PurePosixPath(name).stem if name.lower().endswith(".gz") else "unnamed"
    budget.take_member()
    target = folder / f"{budget.members:06d}"
    file = PackedFile(
        name=shown,
        size_bytes=0,
        packed_bytes=path.stat().st_size,
        open=lambda: open_gzip(path, name),
    )
    if not _unpack(file, target, budget):
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be unpacked.")
    if sniff(target, shown) == TAR:
        yield from _expand(target, name, folder, budget, depth)
        target.unlink()
    else:
        yield from expand_within(target, f"{name}/{shown}", folder, budget, depth - 1)


def _unpack_all(
    files: Iterator[PackedFile], name: str, folder: Path, budget: Budget, depth: int
) -> Iterator[ArchiveMember]:
    damaged: list[str] = []
    while True:
        try:
            file = next(files, None)
        except DAMAGE as error:
            raise CorruptDocumentError(f"'{name}' is damaged: its list of files breaks off.") from error
        if file is None:
            break
        if not _is_wanted(file.name):
            continue
        budget.take_member()
        shown = _shown_name(file.name)
        target = folder / f"{budget.members:06d}"
        if _unpack(file, target, budget):
            yield from expand_within(target, f"{name}/{shown}", folder, budget, depth - 1)
        else:
            damaged.append(shown)
    if damaged:
        raise CorruptDocumentError(f"'{name}' is damaged: '{damaged[0]}' in it cannot be unpacked.")


def _unpack(file: PackedFile, target: Path, budget: Budget) -> bool:
    """Whether the file could be read whole; what the archive says of its size is not believed."""
    read = 0
    try:
        with file.open() as source, target.open("wb") as output:
            while part := source.read(_CHUNK_BYTES):
                read += len(part)
                budget.take_bytes(len(part))
                budget.check_ratio(file, read)
                output.write(part)
    except DAMAGE:
        target.unlink(missing_ok=True)
        return False
    return True


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return not ("__MACOSX" in path.parts or path.name in _LITTER or path.name.startswith("._"))


def _shown_name(name: str) -> str:
    """The member's name as text that is safe to show and to join: no way up, no control characters."""
    with contextlib.suppress(UnicodeError):
        # Archivers that do not flag UTF-8 mostly write it nevertheless; zipfile has read it as code page 437.
        name = name.encode("cp437").decode("utf-8")
    parts = PurePosixPath(name.replace("\\", "/")).parts
    kept = ("".join(char for char in part if char.isprintable()) for part in parts)
    return "/".join(part for part in kept if part.strip(" ./") and not part.endswith(":")) or "unnamed"
