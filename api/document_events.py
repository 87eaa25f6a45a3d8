"""What happens to documents, as a stream of server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.access import Opened
from api.schemas import DocumentChanged, DocumentDeleted, DocumentEvent, DocumentSchema
from api.wiring import Sourcebook
from corpus.documents import CollectionId, DocumentStatus
from corpus.errors import InvalidInputError

POLL_SECONDS = 0.5
OVERLAP = timedelta(seconds=5)
"""Changes are looked for again from so long before the last one: workers' clocks differ a little."""

router = APIRouter(prefix="/documents", tags=["documents"])


class DocumentFeed:
    """The changes since a moment, each told once, in the order in which they are seen."""

    def __init__(self, sourcebook: Sourcebook, collection: str | None, since: datetime) -> None:
        self._sourcebook = sourcebook
        self._collection = collection
        self._collection_id: CollectionId | None = None
        if collection is not None:
            (self._collection_id,) = sourcebook.catalog.collection_ids([collection])
        self._latest = since
        self._told: dict[str, datetime] = {}

    def poll(self) -> list[tuple[datetime, DocumentEvent]]:
        """Events that are new since the last poll, each with the moment to resume from."""
        since = self._latest - OVERLAP
        events: list[tuple[datetime, DocumentEvent]] = []
        for document in self._sourcebook.catalog.changed_documents(since, self._collection_id):
            # A deletion is told from its own record, which outlives the document's.
            if document.status is not DocumentStatus.DELETED and self._is_new(
                document.id, document.updated_at
            ):
                changed = DocumentChanged(document=DocumentSchema.model_validate(document))
                events.append((document.updated_at, changed))
        for deletion in self._sourcebook.deletions.since(since, self._collection_id):
            if self._is_new(deletion.document_id, deletion.requested_at):
                gone = DocumentDeleted(document_id=deletion.document_id, collection=deletion.collection)
                events.append((deletion.requested_at, gone))
        for at, _ in events:
            self._latest = max(self._latest, at)
        self._told = {each: at for each, at in self._told.items() if at >= self._latest - OVERLAP}
        return events

    def _is_new(self, document_id: str, at: datetime) -> bool:
        if self._told.get(document_id) == at:
            return False
        self._told[document_id] = at
        return True


def _feed(
    sourcebook: Opened,
    collection: str | None = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> DocumentFeed:
    """Before the stream begins, so that a refusal is still an ordinary one."""
    since = _moment(last_event_id) if last_event_id else datetime.now(UTC) + OVERLAP
    return DocumentFeed(sourcebook, collection, since)


@router.get("/events", operation_id="documents_events", response_class=EventSourceResponse)
async def document_events(
    request: Request, feed: Annotated[DocumentFeed, Depends(_feed)]
) -> AsyncIterator[ServerSentEvent]:
    """`document.changed` and `document.deleted` as they happen, of one collection or of all.

    After a break, `Last-Event-ID` goes on where the stream broke off; an event may then come twice.
    """
    while not request.app.state.is_stopping:
        for at, event in await asyncio.to_thread(feed.poll):
            yield ServerSentEvent(data=event, event=event.type, id=str(int(at.timestamp() * 1_000_000)))
        await asyncio.sleep(POLL_SECONDS)


def _moment(event_id: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(event_id) / 1_000_000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInputError("Last-Event-ID is none that this stream has sent.") from error
