"""`sourcebook ingest`: hand files over, wait until each is done, report."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from api.client import Client
from api.schemas import DocumentSchema, IngestedDocument, IngestReport
from corpus.documents import DocumentStatus

POLL_SECONDS = 0.3


def files_below(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Names and places of all files, a folder's named from the folder on; hidden ones are left out."""
    for path in paths:
        if path.is_file():
            yield path.name, path
            continue
        folder = path.resolve()
        for file in sorted(folder.rglob("*")):
            inside = file.relative_to(folder)
            if file.is_file() and not any(part.startswith(".") for part in inside.parts):
                yield f"{folder.name}/{inside.as_posix()}", file


def ingest(
    client: Client,
    collection: str,
    files: Sequence[tuple[str, Path]],
    on_progress: Callable[[int, int], None] | None,
) -> IngestReport:
    """Uploads and, with `on_progress` (done, all), waits until every document's status is final."""
    started = time.monotonic()
    accepted = client.add(collection, files)
    documents = {document.id: document for document in accepted}
    new = [document.id for document in accepted if not _is_final(document)]
    if on_progress:
        wait_until_final(client, documents, deque(new), on_progress)
    took_s = time.monotonic() - started
    chunks = sum(documents[document_id].chunks for document_id in new)
    return IngestReport(
        documents=[_ingested(document) for document in documents.values()],
        took_s=round(took_s, 3),
        chunks_per_s=round(chunks / took_s, 1) if took_s else 0.0,
    )


def wait_until_final(
    client: Client,
    documents: dict[str, DocumentSchema],
    waiting: deque[str],
    on_progress: Callable[[int, int], None],
) -> None:
    """Brings `documents` (by id) up to date until all of `waiting` are done.

    Asks for the oldest unfinished document only: they finish about in order.
    """
    while True:
        while waiting:
            documents[waiting[0]] = client.document(waiting[0])
            if not _is_final(documents[waiting[0]]):
                break
            waiting.popleft()
        on_progress(len(documents) - len(waiting), len(documents))
        if not waiting:
            return
        time.sleep(POLL_SECONDS)


def _is_final(document: DocumentSchema) -> bool:
    return DocumentStatus(document.status).is_final


def _ingested(document: DocumentSchema) -> IngestedDocument:
    return IngestedDocument(
        path=document.path,
        document_id=document.id,
        status=document.status,
        reason=document.reason,
        chunks=document.chunks,
        pages=document.pages,
    )
