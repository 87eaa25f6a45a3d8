"""A knowledge base opened in this process."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO

from api.access import readable_collections
from api.answer_schemas import answer_response
from api.connector_schemas import (
    ConnectorChange,
    ConnectorDetailSchema,
    ConnectorSchema,
    NewConnector,
    SyncRequest,
)
from api.connectors import (
    create_connector,
    list_connectors,
    show_connector,
    sync_connector,
    update_connector,
)
from api.job_schemas import DeletionSchema, DoctorReport, FindingSchema, IndexStateSchema
from api.schemas import (
    AnswerRequest,
    AnswerResponse,
    CollectionSchema,
    DocumentSchema,
    DocumentTextSchema,
    SearchRequest,
    SearchResponse,
)
from api.search import run_search
from api.wiring import Sourcebook
from corpus.documents import CollectionId, DocumentId, DocumentStatus
from corpus.errors import UnavailableError
from generation.answers import Answer, AnswerDelta, AnswerDone
from ingest.connectors.connectors import ConnectorId

PAGE = 500
PURGE_SECONDS = 30
"""How long a deletion's clean-up is waited for; what is left then goes on at the next start."""


class LocalClient:
    def __init__(self, sourcebook: Sourcebook) -> None:
        self._sourcebook = sourcebook

    def add(self, collection: str, files: Sequence[tuple[str, Path]]) -> list[DocumentSchema]:
        accepted = self._sourcebook.intake.add(collection, opened_files(files))
        return [DocumentSchema.model_validate(document) for document in accepted]

    def documents(self, ids: Sequence[str] = (), *, collection: str | None = None) -> list[DocumentSchema]:
        wanted = set(ids)
        collection_id: CollectionId | None = None
        if collection is not None:
            (collection_id,) = self._sourcebook.catalog.collection_ids([collection])
        found: list[DocumentSchema] = []
        after = None
        while page := self._sourcebook.catalog.documents(
            collection_id=collection_id, after=after, limit=PAGE
        ):
            found += [DocumentSchema.model_validate(each) for each in page if not wanted or each.id in wanted]
            after = page[-1].id
        return found

    def document(self, document_id: str) -> DocumentSchema:
        return DocumentSchema.model_validate(self._sourcebook.catalog.document(DocumentId(document_id)))

    def text(self, document_id: str) -> DocumentTextSchema:
        return DocumentTextSchema.model_validate(self._sourcebook.catalog.text(DocumentId(document_id)))

    def delete(self, document_id: str) -> None:
        self._sourcebook.intake.delete(DocumentId(document_id))
        deadline = time.monotonic() + PURGE_SECONDS
        while time.monotonic() < deadline and self._sourcebook.catalog.is_kept(DocumentId(document_id)):
            time.sleep(0.1)

    def collections(self) -> list[CollectionSchema]:
        return [CollectionSchema.model_validate(each) for each in self._sourcebook.catalog.collections()]

    def jobs(self, *, collection: str | None = None) -> list[DocumentSchema]:
        return [each for each in self.documents(collection=collection) if _is_unfinished(each)]

    def cancel(self, document_id: str) -> DocumentSchema:
        return DocumentSchema.model_validate(self._sourcebook.control.cancel(DocumentId(document_id)))

    def retry(self, document_id: str) -> DocumentSchema:
        return DocumentSchema.model_validate(self._sourcebook.control.retry(DocumentId(document_id)))

    def retry_failed(self, collection: str | None) -> int:
        if collection is None:
            return self._sourcebook.control.retry_failed()
        return sum(self._sourcebook.control.retry_failed(each) for each in self._ids(collection))

    def pause(self, collection: str | None) -> None:
        self._sourcebook.control.pause(self._ids(collection))

    def resume(self, collection: str | None) -> None:
        self._sourcebook.control.resume(self._ids(collection))

    def deletions(self, *, collection: str | None = None) -> list[DeletionSchema]:
        found: list[DeletionSchema] = []
        after = None
        while page := self._sourcebook.deletions.records(collection=collection, after=after, limit=PAGE):
            found += [DeletionSchema.model_validate(each) for each in page]
            after = page[-1].document_id
        return found

    def doctor(self, *, repair: bool) -> DoctorReport:
        doctor = self._sourcebook.doctor
        findings = doctor.repair() if repair else doctor.examine()
        return DoctorReport(findings=[FindingSchema.model_validate(each) for each in findings])

    def index_state(self) -> IndexStateSchema:
        return IndexStateSchema.model_validate(self._sourcebook.reindexing.state())

    def reindex(self) -> IndexStateSchema:
        return IndexStateSchema.model_validate(self._sourcebook.reindexing.begin())

    def cancel_reindex(self) -> IndexStateSchema:
        return IndexStateSchema.model_validate(self._sourcebook.reindexing.cancel())

    def _ids(self, collection: str | None) -> frozenset[CollectionId]:
        return readable_collections(self._sourcebook, [collection] if collection is not None else [])

    def connectors(self, collection: str | None = None) -> list[ConnectorSchema]:
        return list_connectors(self._sourcebook, collection).data

    def connector(self, connector_id: str) -> ConnectorDetailSchema:
        return show_connector(connector_id, self._sourcebook)

    def add_connector(self, new: NewConnector) -> ConnectorSchema:
        return create_connector(new, self._sourcebook)

    def update_connector(self, connector_id: str, change: ConnectorChange) -> ConnectorSchema:
        return update_connector(connector_id, change, self._sourcebook)

    def sync_connector(self, connector_id: str, *, confirm_deletions: bool) -> ConnectorSchema:
        request = SyncRequest(confirm_deletions=confirm_deletions)
        return sync_connector(connector_id, request, self._sourcebook)

    def remove_connector(self, connector_id: str, *, with_documents: bool) -> None:
        self._sourcebook.connectors.remove(ConnectorId(connector_id), with_documents=with_documents)

    def search(self, request: SearchRequest) -> SearchResponse:
        return run_search(request, self._sourcebook)

    def ask(self, request: AnswerRequest, on_delta: Callable[[str], None]) -> AnswerResponse:
        answer = asyncio.run(self._answer(request, on_delta))
        return answer_response(request.question, answer)

    async def _answer(self, request: AnswerRequest, on_delta: Callable[[str], None]) -> Answer:
        collections = readable_collections(self._sourcebook, request.collections)
        async with aclosing(self._sourcebook.answerer.answer(request.question, collections)) as events:
            async for event in events:
                if isinstance(event, AnswerDelta):
                    on_delta(event.delta)
                elif isinstance(event, AnswerDone):
                    return event.answer
        raise UnavailableError("The answer broke off.")


def _is_unfinished(document: DocumentSchema) -> bool:
    return not DocumentStatus(document.status).is_final


def opened_files(files: Sequence[tuple[str, Path]]) -> Iterator[tuple[str, BinaryIO]]:
    """Each file open while it is the current one, and no longer."""
    for name, path in files:
        with path.open("rb") as file:
            yield name, file
