"""Search over HTTP."""

import time

from fastapi import APIRouter

from api.access import Opened, readable_collections
from api.schemas import PassageSchema, SearchRequest, SearchResponse
from api.wiring import Sourcebook
from retrieval.passages import Passage, Query

router = APIRouter(tags=["search"])


@router.post("/search", operation_id="search")
def search(request: SearchRequest, sourcebook: Opened) -> SearchResponse:
    """Passages for a question, best first, without an answer."""
    return run_search(request, sourcebook)


def run_search(request: SearchRequest, sourcebook: Sourcebook) -> SearchResponse:
    started = time.perf_counter()
    query = Query(
        text=request.query,
        collections=readable_collections(sourcebook, request.collections),
        limit=request.limit,
        mode=request.mode,
    )
    passages = [_schema(passage) for passage in sourcebook.retriever.retrieve(query)]
    took_ms = round((time.perf_counter() - started) * 1000, 2)
    return SearchResponse(query=request.query, mode=request.mode, took_ms=took_ms, passages=passages)


def _schema(passage: Passage) -> PassageSchema:
    chunk = passage.chunk
    return PassageSchema(
        rank=passage.rank,
        score=passage.score,
        document_id=chunk.document_id,
        title=passage.title,
        collection=passage.collection,
        page=chunk.page,
        heading_path=list(chunk.heading_path),
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
    )
