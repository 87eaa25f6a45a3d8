"""The nouns every room speaks of. Plain data: no room above is named here."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
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
    """Where a document stands. Every upload ends in one of the last seven."""

    QUEUED = "queued"
    UPLOADING = "uploading"
    PARSING = "parsing"
    OCR = "ocr"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    INDEXING = "indexing"
    READY = "ready"
    READY_WITH_WARNINGS = "ready_with_warnings"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    """A kind of file that cannot be read."""
    DUPLICATE = "duplicate"
    """The collection holds the same bytes under another path; that document answers for both."""
    CANCELLED = "cancelled"
    DELETED = "deleted"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATUSES

    @property
    def is_ready(self) -> bool:
        return self in (DocumentStatus.READY, DocumentStatus.READY_WITH_WARNINGS)

    @property
    def is_failure(self) -> bool:
        """Nothing of the file can be found, and its uploader has to know."""
        return self in (DocumentStatus.FAILED, DocumentStatus.UNSUPPORTED)


FINAL_STATUSES = frozenset(
    {
        DocumentStatus.READY,
        DocumentStatus.READY_WITH_WARNINGS,
        DocumentStatus.FAILED,
        DocumentStatus.UNSUPPORTED,
        DocumentStatus.DUPLICATE,
        DocumentStatus.CANCELLED,
        DocumentStatus.DELETED,
    }
)
UNFINISHED_STATUSES = frozenset(DocumentStatus) - FINAL_STATUSES

UNSUPPORTED_FORMAT = "unsupported_format"
"""Code of the reason that makes a document `unsupported` rather than `failed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a document is not ready, in words its uploader can act on."""

    code: str
    title: str
    detail: str
    action: str
    retryable: bool
    stage: str
    attempt: int
    at: datetime

    @property
    def status(self) -> DocumentStatus:
        """The status in which a document with this reason ends."""
        return DocumentStatus.UNSUPPORTED if self.code == UNSUPPORTED_FORMAT else DocumentStatus.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the ingestion of the newest version has come; `status` says in which stage it is."""

    chunks_done: int
    chunks_total: int | None
    """`None` until the text is split into chunks."""
    stage_at: datetime
    """When the present stage began."""
    stepped_at: datetime
    """The last sign of life."""

    @property
    def eta_seconds(self) -> float | None:
        """Time left at the speed of the present stage; `None` when nothing can be said yet."""
        if not self.chunks_done or self.chunks_total is None:
            return None
        spent = (self.stepped_at - self.stage_at).total_seconds()
        return round(spent / self.chunks_done * (self.chunks_total - self.chunks_done), 1)


_NEVER = datetime.fromtimestamp(0, UTC)
NO_PROGRESS = Progress(chunks_done=0, chunks_total=None, stage_at=_NEVER, stepped_at=_NEVER)
"""Of a document that was never ingested, as in an evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    id: CollectionId
    name: str
    created_at: datetime
    documents: int
    """Documents in the collection that are not deleted."""
    is_paused: bool = False
    """Whether new documents wait until somebody resumes the collection."""


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
    duplicate_of: DocumentId | None = None
    """For a duplicate: the document with the same bytes."""
    warnings: tuple[str, ...]
    version: int
    """Number of the newest version, from 1; the one being ingested unless `status` is final."""
    active_version: int | None
    """The version that answers questions, or `None` before the first is published."""
    attempts: int
    pages: int | None
    chunks: int
    progress: Progress = NO_PROGRESS
    is_stalled: bool = False
    """Not at its end, and without a step for suspiciously long."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Proof that a deleted document left nothing behind."""

    document_id: DocumentId
    collection: str
    path: str
    requested_at: datetime
    chunks: int
    """Removed from the record; like the two below, 0 until the removal is done."""
    vectors: int
    """Removed from the index."""
    blobs: int
    """Files removed; 0 when another document has the same bytes."""
    verified_at: datetime | None
    """When counting found nothing left; `None` while the removal is still under way."""


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
    """Length of what is embedded (title, heading path, header, text) in the embedder's own tokens."""
    header: str = ""
    """For a chunk that begins inside a table: the table's header row, which stands in an earlier chunk.

    It is read with the text, and is not part of it: the span and every quote leave it out.
    """
    generation: int = 1
    """Number of the index generation that it was made for."""

    @property
    def read_text(self) -> str:
        """The text as a reader needs it: under the header of the table that it continues."""
        return f"{self.header}\n{self.text}" if self.header else self.text

    @property
    def point_id(self) -> str:
        return point_id(self.document_id, self.version, self.number, self.generation)

    def boxes(self, start: int, end: int) -> tuple[Box, ...]:
        """The boxes under characters `start` to `end` of the canonical text, in reading order."""
        return tuple(region.box for region in self.regions if region.start < end and region.end > start)


def point_id(document_id: DocumentId, version: int, number: int, generation: int = 1) -> str:
    """The chunk's id in every index: the same chunk written twice is one point."""
    later = (
        f"/{generation}" if generation > 1 else ""
    )  # the first generation's ids came before there was a second
    return str(uuid5(_POINT_NAMESPACE, f"{document_id}/{version}/{number}{later}"))
