"""What a connector follows: an origin lists its items and hands out their bytes.

To follow another kind of place, write one class with these three methods, give it options in `options.py`,
open it in `opening.py`, and add it to `tests/contracts/test_origin.py`.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import IO, Any, Protocol

from ingest.readable import READABLE
from ingest.sniffing import PICTURES

Cursor = dict[str, Any]
"""An origin's own notes for its next listing, as JSON. Without them it lists everything anew."""

MAX_KEY_BYTES = 2000
"""Longest key that the record's index takes, with room to spare."""

TAKEN_EXTENSIONS = frozenset(
    extension for one in READABLE for extension in one.extensions if one.media_types[0] not in PICTURES
)
"""Files taken when no patterns say otherwise: all that can be read but pictures, which take seconds each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file at the origin."""

    key: str
    """What the origin calls it; stays the same when its content changes."""
    path: str
    """Where it goes below the connector's folder in the collection."""
    revision: str
    """Changes whenever the content does: a modification time and size, an ETag, a hash."""
    size_bytes: int | None
    """`None` when the origin does not say before it is fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is, or may be, at the origin but cannot be taken; its document stays as it is."""

    key: str
    detail: str


class Origin(Protocol):
    def list(self, cursor: Cursor | None) -> Iterator[Item | Problem]:
        """Everything there is, each key and each path once.

        Raises `OriginError` unless the listing is complete: what is not in a complete listing is deleted.
        `cursor` is what `cursor()` gave after the last complete listing.
        """
        ...

    def fetch(self, item: Item) -> AbstractContextManager[IO[bytes]]:
        """The item's bytes. Raises `ItemError` for this item, `OriginError` when nothing can be fetched.

        Works on any item ever listed, also in another process than the one that listed it.
        """
        ...

    def cursor(self) -> Cursor | None:
        """Notes for the next listing, once `list` has come to its end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which files are wanted: by default every readable kind, without hidden ones."""

    include: tuple[str, ...] = ()
    """Patterns of paths; `*` matches across folders. With any, only what matches one is taken."""
    exclude: tuple[str, ...] = ()

    def wants(self, path: str) -> bool:
        if not self.enters(path) or any(fnmatchcase(path, pattern) for pattern in self.exclude):
            return False
        if self.include:
            return any(fnmatchcase(path, pattern) for pattern in self.include)
        name = path.rpartition("/")[2].lower()
        return "." + name.rpartition(".")[2] in TAKEN_EXTENSIONS

    def enters(self, path: str) -> bool:
        """Whether a folder is looked into; hidden ones are not."""
        is_hidden = any(part.startswith(".") for part in path.split("/"))
        return not is_hidden and not any(fnmatchcase(path, pattern) for pattern in self.exclude)


def storable_key(key: str) -> str:
    """A key as the record can hold it: what a database takes for no text becomes a question mark."""
    shown = "".join("\ufffd" if character == "\0" else character for character in key)
    return shown.encode(errors="replace")[:MAX_KEY_BYTES].decode(errors="ignore")


def fault_of_path(path: str) -> str | None:
    """Why a path from outside cannot name a document, or `None`. It is never opened, only shown."""
    parts = path.split("/")
    if ".." in parts or "\\" in path or path.startswith("/"):
        return "Its name leads out of its folder."
    if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in path):
        return "Its name holds characters that cannot be shown."
    if not path or len(path.encode()) > MAX_KEY_BYTES:
        return "Its name is empty or too long."
    return None
