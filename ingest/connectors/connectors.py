"""The nouns: a connector, its newest sync, and the items it remembers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from corpus.documents import CollectionId, DocumentId
from ingest.connectors.options import Options

ConnectorId = NewType("ConnectorId", str)


class SyncState(StrEnum):
    """Where a sync stands."""

    NEVER = "never"
    """The connector has not synced yet."""
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    NEEDS_CONFIRMATION = "needs_confirmation"
    """Everything is in step but the deletions: there are suspiciously many."""
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self not in (SyncState.QUEUED, SyncState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One comparison of an origin with a collection, and what came of it."""

    number: int
    """From 1; 0 before the first."""
    state: SyncState
    reason: str | None
    """Why it failed or stopped."""
    started_at: datetime | None
    finished_at: datetime | None
    added: int
    changed: int
    moved: int
    deleted: int
    failed: int
    """Items that have a problem now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """Keeps a collection in step with one origin. Its secrets are not part of it."""

    id: ConnectorId
    collection_id: CollectionId
    collection: str
    """The collection's name."""
    name: str
    """Also the folder in which its documents lie."""
    options: Options
    secret_names: tuple[str, ...]
    interval_seconds: int | None
    is_watched: bool
    is_paused: bool
    """It syncs only when told to."""
    created_at: datetime
    next_sync_at: datetime | None
    items: int
    last_sync: Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemProblem:
    """Why an item is not, or not freshly, in the collection."""

    key: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedItem:
    """An item as the record knows it."""

    key: str
    path: str
    listed_revision: str
    size_bytes: int | None
    sha256: str | None
    document_ids: tuple[DocumentId, ...]
    was_tried: bool
    """Somebody began to take it, perhaps without telling the end."""
