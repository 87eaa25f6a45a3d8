"""What connectors may do on this installation; nothing outside, unless an administrator says so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator


def _split(value: object) -> object:
    """A list written as one text, as in the environment: `a, b`."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorsSettings:
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    """Hosts that connectors may contact: `docs.example.com`, `*.example.com`, `*` for every public one, or
    `wiki.local:8080` for exactly this host and port, also in a private network."""
    allowed_folders: Annotated[tuple[Path, ...], BeforeValidator(_split)] = ()
    """Folders below which connectors may read files and repositories on the server's own disk."""
    max_item_bytes: int = 200 << 20
    max_items: int = 200_000
    """Items of one connector; a larger listing fails instead of filling the record."""
    max_deleted_share: float = 0.5
    """A sync that would delete more than this share of a connector's items waits for a confirmation."""
    concurrency: int = 2
    """Syncs at a time in one worker."""
    watch_seconds: float = 2.0
    """Between two looks at a watched folder."""
