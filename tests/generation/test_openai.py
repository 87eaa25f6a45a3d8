"""The language model's adapter against a server that misbehaves in every way seen in the wild."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from generation.adapters.openai import OpenAILanguageModel
from generation.answers import FinishReason, Usage
from generation.errors import (
    LanguageModelBusyError,
    LanguageModelConfigurationError,
    LanguageModelInterruptedError,
    LanguageModelRefusedError,
    LanguageModelReplyError,
    LanguageModelTimeoutError,
    LanguageModelUnavailableError,
    PromptTooLongError,
)
from generation.language_model import Finished, Message, ReplyEvent, TextDelta
from generation.settings import LanguageModelSettings

QUESTION = [Message(role="system", content="rules"), Message(role="user", content="question?")]
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Plays one script per request, the last one for ever; counts who still holds a connection."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self.requests: list[dict[str, object]] = []
        self.heads: list[str] = []
        self.port = 0
        self.left = asyncio.Event()
        """Set when a client hung up."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (int(x[15:]) for x in head.lower().splitlines() if x.startswith("content-length:")), 0
            )
            body = await reader.readexactly(length)
            self.heads.append(head)
            self.requests.append(json.loads(body) if body else {})
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
            playing = asyncio.ensure_future(script(writer))
            gone = asyncio.ensure_future(reader.read())
            await asyncio.wait([playing, gone], return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self.left.set()
            for task in (playing, gone):
                task.cancel()
            await asyncio.gather(playing, gone, return_exceptions=True)
        finally:
            writer.close()


@asynccontextmanager
async def serving(*scripts: Script) -> AsyncGenerator[Server]:
    server = Server(*scripts)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def settings(server: Server | int) -> LanguageModelSettings:
    port = server if isinstance(server, int) else server.port
    return LanguageModelSettings(
        base_url=f"http://127.0.0.1:{port}/v1",
        model="m",
        api_key="sk-very-secret",
        first_token_timeout_seconds=20,
        token_timeout_seconds=20,
        total_timeout_seconds=60,
    )


def streaming(*events: bytes | str | dict[str, object], hang: bool = False) -> Script:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for event in events:
            text = json.dumps(event) if isinstance(event, dict) else event
            writer.write(text if isinstance(text, bytes) else f"data: {text}\n\n".encode())
        await writer.drain()
        if hang:
            await asyncio.Event().wait()

    return play


def answering(status: int, body: str = "", **headers: str) -> Script:
    async def play(writer: asyncio.StreamWriter) -> None:
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{''.join(lines)}\r\n"
        )
        writer.write((head + body).encode())
        await writer.drain()

    return play


def said(text: str | None, finish: str | None = None) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


USAGE: dict[str, object] = {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}}
GOOD = (said(""), said("Hel"), said("lo"), said(None, "stop"), USAGE, "[DONE]")


async def collect(model: OpenAILanguageModel, into: list[ReplyEvent] | None = None) -> list[ReplyEvent]:
    found: list[ReplyEvent] = [] if into is None else into
    async with asyncio.timeout(60):
        async for event in model.stream(QUESTION):
            found.append(event)
    return found


async def replies(*scripts: Script) -> list[ReplyEvent]:
    async with serving(*scripts) as server:
        return await collect(OpenAILanguageModel(settings(server)))


def text(events: list[ReplyEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_a_reply_streams_and_ends_with_its_usage() -> None:
    assert asyncio.run(replies(streaming(*GOOD))) == [
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
        Finished(finish_reason=FinishReason.STOP, usage=Usage(input_tokens=12, output_tokens=3)),
    ]


def test_the_request_is_what_servers_expect() -> None:
    async def run() -> Server:
        async with serving(streaming(*GOOD)) as server:
            await collect(OpenAILanguageModel(settings(server)))
            return server

    server = asyncio.run(run())
    assert server.requests[0]["messages"] == [
        {"role": "system", "content": "rules"},
        {"role": "user", "content": "question?"},
    ]
    assert server.requests[0]["stream"] is True
    assert server.requests[0]["temperature"] == 0
    assert server.heads[0].startswith("POST /v1/chat/completions ")
    assert "Authorization: Bearer sk-very-secret" in server.heads[0]


def test_without_a_name_the_first_listed_model_is_used_and_remembered() -> None:
    async def run() -> tuple[str, Server]:
        listing = answering(200, json.dumps({"data": [{"id": "first"}, {"id": "second"}]}))
        async with serving(listing, streaming(*GOOD)) as server:
            model = OpenAILanguageModel(replace(settings(server), model=""))
            await collect(model)
            await collect(model)
            return model.model, server

    name, server = asyncio.run(run())
    assert name == "first"
    assert [head.split()[1] for head in server.heads] == ["/v1/models", *["/v1/chat/completions"] * 2]
    assert server.requests[1]["model"] == "first"


@pytest.mark.parametrize("cut", range(1, 12))
def test_bytes_may_be_cut_anywhere(cut: int) -> None:
    whole = b"".join(
        (f"data: {json.dumps(e, ensure_ascii=False)}\r\n\r\n").encode()
        for e in (said("é中"), said("٣", "stop"))
    )

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for start in range(0, len(whole), cut):
            writer.write(whole[start : start + cut])
            await writer.drain()
            await asyncio.sleep(0)

    assert text(asyncio.run(replies(trickle))) == "é中٣"


@pytest.mark.parametrize(
    "events",
    [
        pytest.param((*GOOD[:-1],), id="no [DONE]"),
        pytest.param((*GOOD[:3], "[DONE]"), id="no finish_reason"),
        pytest.param(
            (b": ping\n\n", b"event: x\nid: 7\nretry: 1\n", b"garbage\n\n", *GOOD), id="comments, noise"
        ),
        pytest.param(
            (GOOD[0], '{"id":"?"}', '{"choices":[]}', '{"choices":[{}]}', *GOOD[1:]), id="missing fields"
        ),
        pytest.param((*GOOD[:4], b"data: [DONE]"), id="no blank line at the end"),
        pytest.param(
            (b"data:\ndata: " + json.dumps(said("Hello", "stop")).encode() + b"\n\n",), id="two lines"
        ),
        pytest.param(
            (said("Hel"), '{"choices":[{"delta":{"tool_calls":[{"id":1}]}}]}', *GOOD[2:]), id="tools"
        ),
    ],
)
def test_a_reply_survives_sloppy_servers(events: tuple[bytes | str | dict[str, object], ...]) -> None:
    found = asyncio.run(replies(streaming(*events)))
    assert text(found) == "Hello"
    assert isinstance(found[-1], Finished)


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    broken = b'data: {"choices":[{"delta":{"content":"a\xff\xfeb"}}]}\n\n'
    assert text(asyncio.run(replies(streaming(broken, said(None, "stop"))))) == "a\ufffd\ufffdb"


def test_a_reply_cut_by_its_length_says_so() -> None:
    found = asyncio.run(replies(streaming(said("Hel", "length"), "[DONE]")))
    assert found[-1] == Finished(finish_reason=FinishReason.LENGTH, usage=Usage())


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(streaming(said("Hel"), "{broken"), LanguageModelReplyError, id="broken JSON"),
        pytest.param(streaming(said("Hel"), "[1, 2]"), LanguageModelReplyError, id="other JSON"),
        pytest.param(
            streaming({"choices": [{"delta": {"content": {"a": 1}}}]}),
            LanguageModelReplyError,
            id="wrong type",
        ),
        pytest.param(
            streaming(said("Hel"), b"data: " + b"x" * 3_000_000), LanguageModelReplyError, id="huge line"
        ),
        pytest.param(
            streaming(*[b"data: " + b"x" * 500_000 + b"\n"] * 4), LanguageModelReplyError, id="huge event"
        ),
        pytest.param(
            streaming(said("Hel"), {"error": {"message": "died", "code": 500}}),
            LanguageModelInterruptedError,
            id="error in the stream",
        ),
        pytest.param(
            streaming({"error": "out of memory"}), LanguageModelUnavailableError, id="error before the text"
        ),
        pytest.param(streaming(said("Hel")), LanguageModelInterruptedError, id="hung up in the middle"),
        pytest.param(streaming(), LanguageModelInterruptedError, id="nothing"),
        pytest.param(streaming(said("", "stop"), "[DONE]"), LanguageModelReplyError, id="empty answer"),
        pytest.param(
            streaming(said("Hel"), said(None, "content_filter")), LanguageModelRefusedError, id="withheld"
        ),
        pytest.param(answering(500, "boom"), LanguageModelUnavailableError, id="500"),
        pytest.param(answering(401, "no"), LanguageModelConfigurationError, id="401"),
        pytest.param(answering(404, "no model"), LanguageModelConfigurationError, id="404"),
        pytest.param(
            answering(302, Location="http://127.0.0.1:1/"), LanguageModelConfigurationError, id="302"
        ),
        pytest.param(
            answering(400, "maximum context length is 4096 tokens"), PromptTooLongError, id="prompt too long"
        ),
        pytest.param(answering(429, Retry_After="3600"), LanguageModelBusyError, id="429 for an hour"),
    ],
)
def test_each_fault_has_its_error(script: Script, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        asyncio.run(replies(script))
    assert type(raised.value) is error
    assert str(raised.value).endswith(".")


def test_a_hang_up_before_the_status_line_is_unavailable() -> None:
    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    with pytest.raises(LanguageModelUnavailableError):
        asyncio.run(replies(hang_up))


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(status: int) -> None:
    busy = answering(status, Retry_After="0")
    assert text(asyncio.run(replies(busy, busy, streaming(*GOOD)))) == "Hello"


def test_a_server_that_stays_busy_is_given_up() -> None:
    async def run() -> int:
        async with serving(answering(503, Retry_After="0")) as server:
            with pytest.raises(LanguageModelBusyError):
                await collect(OpenAILanguageModel(settings(server)))
            return len(server.requests)

    assert asyncio.run(run()) == 3


def test_what_broke_after_the_first_word_is_not_asked_again() -> None:
    async def run() -> int:
        async with serving(streaming(said("Hel"))) as server:
            with pytest.raises(LanguageModelInterruptedError):
                await collect(OpenAILanguageModel(settings(server)))
            return len(server.requests)

    assert asyncio.run(run()) == 1


def test_nothing_listening_is_unavailable(unused_port: int) -> None:
    model = OpenAILanguageModel(replace(settings(unused_port), max_retries=1, max_retry_wait_seconds=0.5))
    with pytest.raises(LanguageModelUnavailableError):
        asyncio.run(collect(model))


@pytest.mark.parametrize(
    ("script", "timeouts", "seen"),
    [
        pytest.param(streaming(hang=True), {"first_token_timeout_seconds": 0.2}, "", id="slow first token"),
        pytest.param(
            streaming(*[said("")] * 5, hang=True), {"first_token_timeout_seconds": 0.2}, "", id="empty deltas"
        ),
        pytest.param(streaming(said("Hel"), hang=True), {"token_timeout_seconds": 0.2}, "Hel", id="stall"),
        pytest.param(streaming(said("Hel"), hang=True), {"total_timeout_seconds": 1.0}, "Hel", id="total"),
    ],
)
def test_silence_ends_in_a_timeout_that_frees_the_server(
    script: Script, timeouts: dict[str, float], seen: str
) -> None:
    async def run() -> list[ReplyEvent]:
        found: list[ReplyEvent] = []
        async with serving(script) as server:
            with pytest.raises(LanguageModelTimeoutError):
                await collect(OpenAILanguageModel(replace(settings(server), **timeouts)), into=found)
            await asyncio.wait_for(server.left.wait(), 20)
        return found

    assert text(asyncio.run(run())) == seen


def test_a_stall_after_the_last_word_does_not_spoil_the_answer() -> None:
    async def run() -> list[ReplyEvent]:
        async with serving(streaming(said("Hello", "stop"), hang=True)) as server:
            return await collect(OpenAILanguageModel(replace(settings(server), token_timeout_seconds=0.2)))

    found = asyncio.run(run())
    assert text(found) == "Hello"
    assert isinstance(found[-1], Finished)


def test_closing_the_stream_frees_the_server() -> None:
    async def run() -> None:
        async with serving(streaming(said("Hel"), hang=True)) as server:
            stream = OpenAILanguageModel(settings(server)).stream(QUESTION)
            assert await anext(stream) == TextDelta(text="Hel")
            await stream.aclose()
            await asyncio.wait_for(server.left.wait(), 20)

    asyncio.run(run())


def test_cancelling_the_reader_frees_the_server() -> None:
    async def run() -> None:
        async with serving(streaming(said("Hel"), hang=True)) as server:
            found: list[ReplyEvent] = []
            reading = asyncio.ensure_future(collect(OpenAILanguageModel(settings(server)), into=found))
            while not found:
                await asyncio.sleep(0.01)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await asyncio.wait_for(server.left.wait(), 20)

    asyncio.run(run())


def test_the_key_is_never_shown_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = answering(500, "you sent sk-very-secret")
    with pytest.raises(LanguageModelUnavailableError) as raised:
        asyncio.run(replies(echo))
    assert "sk-very-secret" not in caplog.text
    assert "sk-very-secret" not in str(raised.value) + repr(settings(1))


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1"])
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(LanguageModelConfigurationError):
        OpenAILanguageModel(LanguageModelSettings(base_url=address))


@pytest.fixture
def unused_port() -> int:
    async def find() -> int:
        async with serving(streaming()) as server:
            return server.port

    return asyncio.run(find())
