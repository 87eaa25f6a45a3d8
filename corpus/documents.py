"""The nouns every room speaks of. Plain data: no room above is named here."""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID, uuid5

CollectionId = NewType("CollectionId", str)
DocumentId = NewType("DocumentId", str)

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_POINT_NAMESPACE = UUID("6f0c1c3e-6a55-4b0e-9a86-9b6f5a1f3c11")


def new_id(prefix: str) -> str:
    """`prefix_` and a ULID (48 bits of milliseconds, 80 random bits), so that ids sort by creation time."""
    number = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    return f"{prefix}_" + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


class DocumentStatus(StrEnum):
    """Where a document stands. Every upload ends in one of the last four."""

    QUEUED = "queued"
    PARSING = "parsing"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    READY = "ready"
    READY_WITH_WARNINGS = "ready_with_warnings"
    FAILED = "failed"
    DELETED = "deleted"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATUSES

    @property
    def is_ready(self) -> bool:
        return self in (DocumentStatus.READY, DocumentStatus.READY_WITH_WARNINGS)


FINAL_STATUSES = frozenset(
    {
        DocumentStatus.READY,
        DocumentStatus.READY_WITH_WARNINGS,
        DocumentStatus.FAILED,
        DocumentStatus.DELETED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a document failed, in words its uploader can act on."""

    code: str
    title: str
    detail: str
    action: str
    retryable: bool
    stage: str
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    id: CollectionId
    name: str
    created_at: datetime
    documents: int
    """Documents in the collection that are not deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    id: DocumentId
    collection_id: CollectionId
    collection: str
    """The collection's name."""
    path: str
    """Name given by the uploader, with its folders; members of an archive read `archive.zip/inner.md`."""
    title: str
    media_type: str
    sha256: str
    size_bytes: int
    status: DocumentStatus
    reason: Reason | None
    warnings: tuple[str, ...]
    version: int
    """Number of the newest version, from 1; the one being ingested unless `status` is final."""
    active_version: int | None
    """The version that answers questions, or `None` before the first is published."""
    attempts: int
    pages: int | None
    chunks: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle on a displayed page: fractions 0 to 1 of its width and height, origin top left."""

    page: int
    """From 1."""
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Characters `start` to `end` of the canonical text stand in `box` on the page."""

    start: int
    end: int
    box: Box


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE = "table"
    CODE = "code"
    CAPTION = "caption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A span of the canonical text with one role, in reading order."""

    kind: BlockKind
    start: int
    end: int
    heading_path: tuple[str, ...]
    """The headings above this block, outermost first; a heading's own text is not in its path."""
    level: int | None = None
    """1 to 6 for a heading."""
    page: int | None = None
    """The page on which the block starts, from 1."""
    rows: tuple[tuple[int, int], ...] = ()
    """For a table: the span of each row in the canonical text; the first row is the header."""
    code_language: str | None = None
    """For code: its programming language, such as `python`, where it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentText:
    """The canonical text of one version and the blocks it consists of."""

    document_id: DocumentId
    version: int
    title: str
    media_type: str
    pages: int | None
    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stored span of one document version's canonical text."""

    document_id: DocumentId
    version: int
    number: int
    """Position in the version, from 0."""
    start: int
    end: int
    """Span in the canonical text, in Unicode code points; `text` is exactly that span."""
    text: str
    heading_path: tuple[str, ...]
    page: int | None
    """The page on which the chunk starts, from 1; `None` where the format has no pages."""
    regions: tuple[Region, ...]
    """Where the chunk's characters stand on the page; empty where the format has no pages."""
    language: str
    """ISO 639-1 code, or `und`."""
    tokens: int
    """Length of what is embedded (title, heading path, text) in the embedder's own tokens."""

    @property
    def point_id(self) -> str:
        return point_id(self.document_id, self.version, self.number)

    def boxes(self, start: int, end: int) -> tuple[Box, ...]:
        """The boxes under characters `start` to `end` of the canonical text, in reading order."""
        return tuple(region.box for region in self.regions if region.start < end and region.end > start)


def point_id(document_id: DocumentId, version: int, number: int) -> str:
    """The chunk's id in every index: the same chunk written twice is one point."""
    return str(uuid5(_POINT_NAMESPACE, f"{document_id}/{version}/{number}"))
