"""The HTTP application over one opened `Sourcebook`."""

from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.middleware.base import RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api import (
    answers,
    collections,
    connectors,
    document_events,
    documents,
    health,
    jobs,
    reindexing,
    search,
    uploads,
)
from api.errors import add_error_handling
from api.schemas import StreamEvent
from api.wiring import Sourcebook

STATIC = Path(__file__).parent / "static"
LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def create_app(sourcebook: Sourcebook) -> FastAPI:
    app = FastAPI(
        title="Sourcebook",
        version="0.1.0",
        summary="Answers from your documents, each statement with its proof.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.sourcebook = sourcebook
    # Streams without an end of their own look at this, or they would hold up the server's end.
    app.state.is_stopping = False
    add_error_handling(app)
    app.middleware("http")(_with_security_headers)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    # No accounts yet: whoever reaches the port may do everything. So only this machine's own pages may:
    # a foreign site that resolves to 127.0.0.1 (DNS rebinding) fails here, its forms fail below.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOCAL_HOSTS)
    rooms = (collections, document_events, documents, jobs, reindexing, uploads, connectors, search, answers)
    for room in rooms:
        app.include_router(room.router, prefix="/api/v1")
    app.include_router(health.router)
    app.openapi = partial(_openapi, app)
    if (STATIC / "index.html").exists():
        app.frontend("/", directory=STATIC, fallback="index.html")
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's own schema, and the shapes of the answer stream's events, which it cannot see."""
    schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    events: list[tuple[type[BaseModel], Literal["serialization"]]] = [
        (event, "serialization") for event in get_args(StreamEvent)
    ]
    _, shapes = models_json_schema(events, ref_template="#/components/schemas/{model}")
    schema["components"]["schemas"].update(shapes["$defs"])
    return schema


async def _with_security_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    if request.method not in ("GET", "HEAD", "OPTIONS") and not _is_own_page(request):
        return Response("This request comes from another site.", status_code=403)
    response = await call_next(request)
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.url.path.startswith("/assets/"):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _is_own_page(request: Request) -> bool:
    """Programs send no `Origin`; a browser's page must be ours."""
    origin = request.headers.get("origin")
    return origin is None or origin == f"{request.url.scheme}://{request.headers.get('host', '')}"
