"""What the command line needs of a knowledge base, wherever it runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from api.connector_schemas import ConnectorChange, ConnectorDetailSchema, ConnectorSchema, NewConnector
from api.job_schemas import DeletionSchema, DoctorReport, IndexStateSchema
from api.schemas import (
    AnswerRequest,
    AnswerResponse,
    CollectionSchema,
    DocumentSchema,
    DocumentTextSchema,
    SearchRequest,
    SearchResponse,
)


class Client(Protocol):
    """Raises `corpus.errors.SourcebookError` with a sentence for the user."""

    def add(self, collection: str, files: Sequence[tuple[str, Path]]) -> list[DocumentSchema]:
        """Uploads files under the given paths; returns once they are safely stored."""
        ...

    def documents(
        self, ids: Sequence[str] = (), *, collection: str | None = None
    ) -> list[DocumentSchema]: ...

    def document(self, document_id: str) -> DocumentSchema: ...

    def text(self, document_id: str) -> DocumentTextSchema: ...

    def delete(self, document_id: str) -> None: ...

    def collections(self) -> list[CollectionSchema]: ...

    def jobs(self, *, collection: str | None = None) -> list[DocumentSchema]:
        """Documents that are not yet at their end."""
        ...

    def cancel(self, document_id: str) -> DocumentSchema: ...

    def retry(self, document_id: str) -> DocumentSchema: ...

    def retry_failed(self, collection: str | None) -> int:
        """Queues every failed document, of a collection or of all; how many."""
        ...

    def pause(self, collection: str | None) -> None:
        """Pauses a collection, or all."""
        ...

    def resume(self, collection: str | None) -> None: ...

    def deletions(self, *, collection: str | None = None) -> list[DeletionSchema]: ...

    def doctor(self, *, repair: bool) -> DoctorReport: ...

    def index_state(self) -> IndexStateSchema: ...

    def reindex(self) -> IndexStateSchema:
        """Begins to build the index that the settings want, or goes on."""
        ...

    def cancel_reindex(self) -> IndexStateSchema: ...

    def connectors(self, collection: str | None = None) -> list[ConnectorSchema]: ...

    def connector(self, connector_id: str) -> ConnectorDetailSchema: ...

    def add_connector(self, new: NewConnector) -> ConnectorSchema: ...

    def update_connector(self, connector_id: str, change: ConnectorChange) -> ConnectorSchema: ...

    def sync_connector(self, connector_id: str, *, confirm_deletions: bool) -> ConnectorSchema: ...

    def remove_connector(self, connector_id: str, *, with_documents: bool) -> None: ...

    def search(self, request: SearchRequest) -> SearchResponse: ...

    def ask(self, request: AnswerRequest, on_delta: Callable[[str], None]) -> AnswerResponse:
        """Calls `on_delta` with each piece of the answer's text as it comes."""
        ...
