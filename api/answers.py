"""Answers over HTTP: a stream of events, or one JSON document."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, get_args

import anyio
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from api.access import Opened, readable_collections
from api.answer_schemas import EventWriter, answer_response
from api.errors import problem_of
from api.schemas import AnswerRequest, AnswerResponse, ErrorEvent, StreamEvent
from api.wiring import Sourcebook
from corpus.documents import CollectionId
from corpus.errors import InvalidInputError
from generation.answers import Answer, AnswerDone

PING_SECONDS = 15
EVENT_STREAM = "text/event-stream"
EVENT_REFERENCES = [{"$ref": f"#/components/schemas/{event.__name__}"} for event in get_args(StreamEvent)]

router = APIRouter(tags=["answers"])


@router.post(
    "/answers",
    operation_id="answers_create",
    response_model=AnswerResponse,
    responses={200: {"content": {EVENT_STREAM: {"schema": {"oneOf": EVENT_REFERENCES}}}}},
)
async def create_answer(
    body: AnswerRequest, request: Request, sourcebook: Opened
) -> StreamingResponse | AnswerResponse:
    """Answers from the documents with citations. `Accept: text/event-stream` streams; else one document.

    Leaving early (closing the connection) stops the work.
    """
    collections = await asyncio.to_thread(readable_collections, sourcebook, body.collections)
    if EVENT_STREAM not in request.headers.get("accept", ""):
        return answer_response(body.question, await finished_answer(sourcebook, body.question, collections))
    events = _stream(sourcebook, body.question, collections, request)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(_with_pings(events), media_type=EVENT_STREAM, headers=headers)


async def finished_answer(
    sourcebook: Sourcebook, question: str, collections: frozenset[CollectionId]
) -> Answer:
    async with aclosing(sourcebook.answerer.answer(question, collections)) as events:
        async for event in events:
            if isinstance(event, AnswerDone):
                return event.answer
    raise InvalidInputError("The question got no answer.")


async def _stream(
    sourcebook: Sourcebook, question: str, collections: frozenset[CollectionId], request: Request
) -> AsyncGenerator[bytes]:
    writer = EventWriter(sourcebook.answerer.model)
    yield _encoded(writer.start())
    try:
        async with aclosing(sourcebook.answerer.answer(question, collections)) as events:
            async for event in events:
                yield _encoded(writer.write(event))
    except Exception as error:  # noqa: BLE001  # the edge: the stream must end with a terminal event
        problem = problem_of(error, request.url.path, request.state.request_id)
        yield _encoded(ErrorEvent(seq=writer.next_seq(), problem=problem))


def _encoded(event: StreamEvent) -> bytes:
    return format_sse_event(data_str=event.model_dump_json(), event=event.type, id=str(event.seq))


async def _with_pings(events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    """Sends a comment in every long silence, so that no proxy takes the stream for dead."""
    pending: asyncio.Task[Any] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({pending}, timeout=PING_SECONDS)
            if not done:
                yield b": ping\n\n"
                continue
            try:
                event = pending.result()
            except StopAsyncIteration:
                return
            pending = None
            yield event
    finally:
        # The reader may be gone, and we cancelled with it: the work behind the events must stop all the same.
        with anyio.CancelScope(shield=True):
            if pending is not None:
                pending.cancel()
                await asyncio.wait({pending})
            await events.aclose()
