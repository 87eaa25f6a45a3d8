"""Between nouns and table rows: the only place that knows how a noun is laid out in a row."""

from datetime import datetime
from typing import Any

from corpus.documents import (
    Block,
    BlockKind,
    Box,
    Chunk,
    Collection,
    CollectionId,
    Deletion,
    Document,
    DocumentId,
    DocumentStatus,
    DocumentText,
    Progress,
    Reason,
    Region,
)
from corpus.tables import ChunkRow, CollectionRow, DeletionRow, DocumentRow, VersionRow


def collection_from(row: CollectionRow, documents: int) -> Collection:
    return Collection(
        id=CollectionId(row.id),
        name=row.name,
        created_at=row.created_at,
        documents=documents,
        is_paused=row.is_paused,
    )


def document_from(row: DocumentRow, collection: str, *, is_stalled: bool = False) -> Document:
    return Document(
        id=DocumentId(row.id),
        collection_id=CollectionId(row.collection_id),
        collection=collection,
        path=row.path,
        title=row.title,
        media_type=row.media_type,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        status=DocumentStatus(row.status),
        reason=reason_from(row.reason) if row.reason else None,
        duplicate_of=DocumentId(row.duplicate_of) if row.duplicate_of else None,
        warnings=tuple(row.warnings),
        version=row.version,
        active_version=row.active_version,
        attempts=row.attempts,
        pages=row.pages,
        chunks=row.chunks,
        progress=Progress(
            chunks_done=row.chunks_done,
            chunks_total=row.chunks_total,
            stage_at=row.stage_at,
            stepped_at=row.updated_at,
        ),
        is_stalled=is_stalled,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def deletion_from(row: DeletionRow) -> Deletion:
    return Deletion(
        document_id=DocumentId(row.document_id),
        collection=row.collection,
        path=row.path,
        requested_at=row.requested_at,
        chunks=row.chunks,
        vectors=row.vectors,
        blobs=row.blobs,
        verified_at=row.verified_at,
    )


def reason_from(stored: dict[str, Any]) -> Reason:
    fields = dict(stored)
    at = datetime.fromisoformat(fields.pop("at"))
    return Reason(**fields, at=at)


def reason_row(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code,
        "title": reason.title,
        "detail": reason.detail,
        "action": reason.action,
        "retryable": reason.retryable,
        "stage": reason.stage,
        "attempt": reason.attempt,
        "at": reason.at.isoformat(),
    }


def text_from(row: VersionRow, media_type: str) -> DocumentText:
    return DocumentText(
        document_id=DocumentId(row.document_id),
        version=row.number,
        title=row.title,
        media_type=media_type,
        pages=row.pages,
        text=row.text,
        blocks=tuple(_block_from(block) for block in row.blocks),
    )


def block_row(block: Block) -> list[Any]:
    return [
        block.kind.value,
        block.start,
        block.end,
        block.heading_path,
        block.level,
        block.page,
        block.rows,
        block.code_language,
    ]


def _block_from(stored: list[Any]) -> Block:
    # Rows written before code had a language are shorter.
    kind, start, end, heading_path, level, page, rows, *rest = stored
    return Block(
        kind=BlockKind(kind),
        start=start,
        end=end,
        heading_path=tuple(heading_path),
        level=level,
        page=page,
        rows=tuple((first, last) for first, last in rows),
        code_language=rest[0] if rest else None,
    )


def chunk_row(chunk: Chunk) -> dict[str, Any]:
    return {
        "point_id": chunk.point_id,
        "document_id": chunk.document_id,
        "version": chunk.version,
        "generation": chunk.generation,
        "number": chunk.number,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "header": chunk.header,
        "heading_path": list(chunk.heading_path),
        "page": chunk.page,
        "regions": [_region_row(region) for region in chunk.regions],
        "language": chunk.language,
        "tokens": chunk.tokens,
    }


def chunk_from(row: ChunkRow) -> Chunk:
    return Chunk(
        document_id=DocumentId(row.document_id),
        version=row.version,
        generation=row.generation,
        number=row.number,
        start=row.start,
        end=row.end,
        text=row.text,
        header=row.header,
        heading_path=tuple(row.heading_path),
        page=row.page,
        regions=tuple(_region_from(region) for region in row.regions),
        language=row.language,
        tokens=row.tokens,
    )


def _region_row(region: Region) -> list[float]:
    box = region.box
    corners = (round(edge, 5) for edge in (box.x0, box.y0, box.x1, box.y1))
    return [region.start, region.end, box.page, *corners]


def _region_from(stored: list[Any]) -> Region:
    start, end, page, x0, y0, x1, y1 = stored
    return Region(start=start, end=end, box=Box(page=page, x0=x0, y0=y0, x1=x1, y1=y1))
