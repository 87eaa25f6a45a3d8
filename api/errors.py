"""The only table from error types to HTTP: every failure leaves as RFC 9457 problem details."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.schemas import Problem
from corpus.documents import new_id
from corpus.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SourcebookError,
    StorageFullError,
    UnavailableError,
    is_full_disk,
)
from generation.errors import LanguageModelReplyError
from ingest.connectors.errors import OriginError
from ingest.errors import IngestError

STATUS_OF: dict[type[SourcebookError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    IngestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    OriginError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    ConfigurationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    LanguageModelReplyError: HTTPStatus.BAD_GATEWAY,
}
PROBLEM_MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


def status_of(error: SourcebookError) -> HTTPStatus:
    for kind in type(error).__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem_of(error: Exception, path: str, request_id: str) -> Problem:
    """What a caller may know of an error: nothing, unless it was written for them."""
    if is_full_disk(error):
        error = StorageFullError()
    if isinstance(error, SourcebookError):
        return _problem(status_of(error), str(error), path, request_id)
    detail = "Something went wrong on our side. The server's log has it under this request id."
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, path, request_id)


def _problem(
    status: HTTPStatus,
    detail: str,
    path: str,
    request_id: str,
    errors: list[dict[str, Any]] | None = None,
) -> Problem:
    slug = status.phrase.lower().replace(" ", "-")
    return Problem(
        type=f"/problems/{slug}",
        title=status.phrase,
        status=status,
        detail=detail,
        instance=path,
        request_id=request_id,
        errors=errors,
    )


def add_error_handling(app: FastAPI) -> None:
    @app.middleware("http")
    async def with_request_id(  # pyright: ignore[reportUnusedFunction]
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        request.state.request_id = new_id("req")
        response = await call_next(request)
        response.headers["X-Request-Id"] = request.state.request_id
        return response

    app.add_exception_handler(SourcebookError, _on_error)
    app.add_exception_handler(Exception, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_error(request: Request, error: Exception) -> Response:
    request_id: str = getattr(request.state, "request_id", "")
    problem = problem_of(error, request.url.path, request_id)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s %s failed (%s)", request.method, request.url.path, request_id, exc_info=error)
    return _response(problem)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    errors = [
        {"pointer": "#/" + "/".join(str(part) for part in fault["loc"][1:]), "detail": fault["msg"]}
        for fault in faults
    ]
    detail = "; ".join(f"{fault['pointer']}: {fault['detail']}" for fault in errors) or "Not valid."
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return _response(_problem(status, detail, request.url.path, request.state.request_id, errors))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    detail = "There is nothing here." if status == HTTPStatus.NOT_FOUND else status.description
    request_id: str = getattr(request.state, "request_id", "")
    return _response(_problem(status, detail or status.phrase, request.url.path, request_id))


def _response(problem: Problem) -> JSONResponse:
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=problem.status, media_type=PROBLEM_MEDIA_TYPE
    )
