"""A knowledge base behind a running server."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, TypeVar

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from api.connector_schemas import (
    ConnectorChange,
    ConnectorDetailSchema,
    ConnectorSchema,
    NewConnector,
    wire_form,
)
from api.job_schemas import DeletionSchema, DoctorReport, IndexStateSchema, Retried
from api.schemas import (
    AnswerDeltaEvent,
    AnswerRequest,
    AnswerResponse,
    CitationEvent,
    CitationSchema,
    CollectionSchema,
    DocumentSchema,
    DocumentTextSchema,
    ErrorEvent,
    MessageEnd,
    MessageStart,
    Page,
    Problem,
    SearchRequest,
    SearchResponse,
    SearchResults,
    SourceSchema,
    StreamEvent,
)
from corpus.errors import CollectionNotFoundError, NotFoundError, SourcebookError, UnavailableError
from generation.answers import FinishReason

_EVENT: TypeAdapter[StreamEvent] = TypeAdapter(Annotated[StreamEvent, Field(discriminator="type")])

Listed = TypeVar("Listed", bound=BaseModel)

UPLOAD_BATCH = 50
"""Files in one request: few enough to be open at once."""
PAGE = 500


class RemoteClient:
    def __init__(self, address: str, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(600, connect=5)
        self._http = httpx.Client(
            base_url=f"{address}/api/v1", headers=headers, timeout=timeout, trust_env=False
        )

    def close(self) -> None:
        self._http.close()

    def add(self, collection: str, files: Sequence[tuple[str, Path]]) -> list[DocumentSchema]:
        documents: list[DocumentSchema] = []
        form = {"collection": collection} | ({"is_bulk": "true"} if len(files) > UPLOAD_BATCH else {})
        for start in range(0, len(files), UPLOAD_BATCH):
            with ExitStack() as opened:
                parts = [
                    ("files", (name, opened.enter_context(path.open("rb"))))
                    for name, path in files[start : start + UPLOAD_BATCH]
                ]
                response = self._send("POST", "/documents", data=form, files=parts)
            documents += Page[DocumentSchema].model_validate_json(response.content).data
        return documents

    def documents(self, ids: Sequence[str] = (), *, collection: str | None = None) -> list[DocumentSchema]:
        wanted = set(ids)
        return [
            each
            for each in self._pages("/documents", collection, DocumentSchema)
            if not wanted or each.id in wanted
        ]

    def document(self, document_id: str) -> DocumentSchema:
        return DocumentSchema.model_validate_json(self._send("GET", f"/documents/{document_id}").content)

    def text(self, document_id: str) -> DocumentTextSchema:
        response = self._send("GET", f"/documents/{document_id}/text")
        return DocumentTextSchema.model_validate_json(response.content)

    def delete(self, document_id: str) -> None:
        self._send("DELETE", f"/documents/{document_id}")

    def collections(self) -> list[CollectionSchema]:
        return Page[CollectionSchema].model_validate_json(self._send("GET", "/collections").content).data

    def jobs(self, *, collection: str | None = None) -> list[DocumentSchema]:
        return list(self._pages("/jobs", collection, DocumentSchema))

    def cancel(self, document_id: str) -> DocumentSchema:
        response = self._send("POST", f"/documents/{document_id}/cancel")
        return DocumentSchema.model_validate_json(response.content)

    def retry(self, document_id: str) -> DocumentSchema:
        response = self._send("POST", f"/documents/{document_id}/retry")
        return DocumentSchema.model_validate_json(response.content)

    def retry_failed(self, collection: str | None) -> int:
        return Retried.model_validate_json(self._act("retry", collection).content).retried

    def pause(self, collection: str | None) -> None:
        self._act("pause", collection)

    def resume(self, collection: str | None) -> None:
        self._act("resume", collection)

    def deletions(self, *, collection: str | None = None) -> list[DeletionSchema]:
        return list(self._pages("/deletions", collection, DeletionSchema))

    def index_state(self) -> IndexStateSchema:
        return IndexStateSchema.model_validate_json(self._send("GET", "/reindex").content)

    def reindex(self) -> IndexStateSchema:
        return IndexStateSchema.model_validate_json(self._send("POST", "/reindex").content)

    def cancel_reindex(self) -> IndexStateSchema:
        return IndexStateSchema.model_validate_json(self._send("DELETE", "/reindex").content)

    def doctor(self, *, repair: bool) -> DoctorReport:
        response = self._send("POST" if repair else "GET", "/doctor")
        return DoctorReport.model_validate_json(response.content)

    def _act(self, verb: str, collection: str | None) -> httpx.Response:
        """On a collection, or on all."""
        if collection is None:
            return self._send("POST", f"/jobs/{verb}")
        for each in self.collections():
            if each.name == collection:
                return self._send("POST", f"/collections/{each.id}/{verb}")
        raise CollectionNotFoundError(f"There is no collection '{collection}'.")

    def connectors(self, collection: str | None = None) -> list[ConnectorSchema]:
        parameters = {"collection": collection} if collection else {}
        response = self._send("GET", "/connectors", params=parameters)
        return Page[ConnectorSchema].model_validate_json(response.content).data

    def connector(self, connector_id: str) -> ConnectorDetailSchema:
        response = self._send("GET", f"/connectors/{connector_id}")
        return ConnectorDetailSchema.model_validate_json(response.content)

    def add_connector(self, new: NewConnector) -> ConnectorSchema:
        response = self._send("POST", "/connectors", json=wire_form(new))
        return ConnectorSchema.model_validate_json(response.content)

    def update_connector(self, connector_id: str, change: ConnectorChange) -> ConnectorSchema:
        response = self._send("PATCH", f"/connectors/{connector_id}", json=change.wishes())
        return ConnectorSchema.model_validate_json(response.content)

    def sync_connector(self, connector_id: str, *, confirm_deletions: bool) -> ConnectorSchema:
        body = {"confirm_deletions": confirm_deletions}
        response = self._send("POST", f"/connectors/{connector_id}/sync", json=body)
        return ConnectorSchema.model_validate_json(response.content)

    def remove_connector(self, connector_id: str, *, with_documents: bool) -> None:
        choice = "delete" if with_documents else "keep"
        self._send("DELETE", f"/connectors/{connector_id}", params={"documents": choice})

    def search(self, request: SearchRequest) -> SearchResponse:
        response = self._send("POST", "/search", json=request.model_dump(mode="json"))
        return SearchResponse.model_validate_json(response.content)

    def ask(self, request: AnswerRequest, on_delta: Callable[[str], None]) -> AnswerResponse:
        answer = _AnswerAssembly(request.question)
        headers = {"Accept": "text/event-stream"}
        body = request.model_dump(mode="json")
        try:
            with self._http.stream("POST", "/answers", json=body, headers=headers) as response:
                if response.is_error:
                    response.read()
                    raise _error(response)
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        answer.take(line.removeprefix("data:"), on_delta)
        except httpx.HTTPError as error:
            raise UnavailableError(f"The connection to the server broke: {error}") from error
        return answer.finished()

    def _pages(self, path: str, collection: str | None, kind: type[Listed]) -> Iterator[Listed]:
        parameters: dict[str, Any] = {"limit": PAGE} | ({"collection": collection} if collection else {})
        while True:
            response = self._send("GET", path, params=parameters)
            page = Page[kind].model_validate_json(response.content)
            yield from page.data
            if not page.has_more:
                return
            parameters["cursor"] = page.next_cursor

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401  # httpx's own
        try:
            response = self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise UnavailableError(f"The server at {self._http.base_url} does not answer: {error}") from error
        if response.is_error:
            raise _error(response)
        return response


class _AnswerAssembly:
    """Collects the events of one answer."""

    def __init__(self, question: str) -> None:
        self._question = question
        self._model = ""
        self._text: list[str] = []
        self._read: list[SourceSchema] = []
        self._citations: list[CitationSchema] = []
        self._end: MessageEnd | None = None

    def take(self, data: str, on_delta: Callable[[str], None]) -> None:
        event = _EVENT.validate_json(data)
        match event:
            case MessageStart(model=model):
                self._model = model
            case SearchResults(sources=sources):
                self._read = sources
            case AnswerDeltaEvent(delta=delta):
                self._text.append(delta)
                on_delta(delta)
            case CitationEvent():
                self._citations.append(CitationSchema.model_validate(event))
            case MessageEnd():
                self._end = event
            case ErrorEvent(problem=problem):
                raise SourcebookError(problem.detail)
            case _:
                pass

    def finished(self) -> AnswerResponse:
        end = self._end
        if end is None:
            raise UnavailableError("The server stopped before the answer was complete.")
        cited = {source.source_id for source in end.cited}
        return AnswerResponse(
            question=self._question,
            answer="".join(self._text),
            answerable=end.finish_reason != FinishReason.NO_EVIDENCE,
            finish_reason=end.finish_reason,
            model=self._model,
            citations=self._citations,
            sentences=end.sentences,
            sources=end.cited + [source for source in self._read if source.source_id not in cited],
            usage=end.usage,
            timings_ms=end.timings_ms,
        )


def _error(response: httpx.Response) -> SourcebookError:
    try:
        detail = Problem.model_validate_json(response.content).detail
    except ValidationError:
        detail = f"The server answered {response.status_code}."
    if response.status_code == HTTPStatus.NOT_FOUND:
        return NotFoundError(detail)
    return SourcebookError(detail)
