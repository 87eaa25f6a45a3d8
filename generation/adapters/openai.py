"""Language models behind an OpenAI-style HTTP API: vLLM, llama.cpp, Ollama and hosted services alike."""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import asdict
from email.utils import parsedate_to_datetime
from typing import Literal, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

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
from generation.event_stream import event_data
from generation.language_model import Finished, Message, ReplyEvent, TextDelta
from generation.settings import LanguageModelSettings

_log = logging.getLogger(__name__)
_MAX_EVENT_BYTES = 1 << 20
_MAX_ERROR_BYTES = 1 << 16
_FIRST_WAIT_SECONDS = 0.25

T = TypeVar("T")


class _Delta(BaseModel):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None

    @property
    def is_sign_of_life(self) -> bool:
        """A model that thinks aloud is at work, though nothing of it is shown."""
        return bool(self.content or self.reasoning or self.reasoning_content)


class _Choice(BaseModel):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Chunk(BaseModel):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: object = None


class _ModelName(BaseModel):
    id: str


class _ModelList(BaseModel):
    data: list[_ModelName] = []


class _Patience:
    """Until when to wait: for the first word, then for each next word, and never longer than in all."""

    def __init__(self, settings: LanguageModelSettings) -> None:
        self._clock = asyncio.get_running_loop().time
        self._end = self._clock() + settings.total_timeout_seconds
        self._silence = settings.token_timeout_seconds
        self._until = min(self._end, self._clock() + settings.first_token_timeout_seconds)

    @property
    def left(self) -> float:
        return self._until - self._clock()

    def heard(self) -> None:
        self._until = min(self._end, self._clock() + self._silence)

    async def wait(self, what: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout_at(self._until):
                return await what
        except TimeoutError:
            raise LanguageModelTimeoutError from None


class OpenAILanguageModel:
    """Streams chat completions. Each reply has its own connection; closing that is what stops a server."""

    def __init__(self, settings: LanguageModelSettings) -> None:
        """Raises `LanguageModelConfigurationError` when the address is none."""
        self._settings = settings
        self._found_model = ""
        try:
            url = httpx.URL(settings.base_url.rstrip("/") + "/")
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise LanguageModelConfigurationError(
                "The language model's address must begin with http:// or https:// and name a host."
            )
        self._url = url
        # Reading the system's certificates is slow: once is enough, and plain HTTP needs none.
        self._tls = ssl.create_default_context() if url.scheme == "https" else False

    @property
    def model(self) -> str:
        return self._settings.model or self._found_model or "language model"

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[ReplyEvent, None]:
        patience = _Patience(self._settings)
        async with self._client() as client:
            name = self._settings.model or await self._first_model(client, patience)
            request = client.build_request("POST", "chat/completions", json=self._body(name, messages))
            response = await self._send(client, request, patience)
            try:
                async with aclosing(_reply(response, patience)) as events:
                    async for event in events:
                        yield event
            finally:
                await response.aclose()

    def _client(self) -> httpx.AsyncClient:
        key = self._settings.api_key
        return httpx.AsyncClient(
            base_url=self._url,
            # Compression would hold words back until a block is full.
            headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx.Timeout(None, connect=self._settings.connect_timeout_seconds),
            trust_env=False,
            verify=self._tls,
        )

    def _body(self, name: str, messages: Sequence[Message]) -> dict[str, object]:
        return {
            "model": name,
            "messages": [asdict(message) for message in messages],
            "temperature": self._settings.temperature,
            "max_tokens": self._settings.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def _first_model(self, client: httpx.AsyncClient, patience: _Patience) -> str:
        if not self._found_model:
            response = await self._send(client, client.build_request("GET", "models"), patience)
            try:
                listed = _ModelList.model_validate_json(
                    await patience.wait(_beginning(response, _MAX_EVENT_BYTES))
                )
            except ValidationError:
                raise LanguageModelReplyError from None
            finally:
                await response.aclose()
            if not listed.data:
                raise LanguageModelConfigurationError("The language model's server has no model loaded.")
            self._found_model = listed.data[0].id
        return self._found_model

    async def _send(
        self, client: httpx.AsyncClient, request: httpx.Request, patience: _Patience
    ) -> httpx.Response:
        """The response with status 200, its body unread. Repeats a request that was turned away."""
        wait = _FIRST_WAIT_SECONDS
        for attempt in range(self._settings.max_retries + 1):
            try:
                response = await patience.wait(client.send(request, stream=True))
            except httpx.ConnectError as error:
                _log.warning("language model: %s", error)
                refusal, asked = LanguageModelUnavailableError(), None
            except httpx.TimeoutException:
                raise LanguageModelTimeoutError from None
            except httpx.HTTPError as error:
                raise LanguageModelUnavailableError from error
            else:
                if response.status_code == 200:
                    return response
                refusal, asked = await self._refusal(response, patience), _retry_after(response)
                if not isinstance(refusal, LanguageModelBusyError):
                    raise refusal
            wait = wait * 2 if asked is None else asked
            if wait > min(self._settings.max_retry_wait_seconds, patience.left) or (
                attempt == self._settings.max_retries
            ):
                raise refusal
            await asyncio.sleep(wait)
        raise LanguageModelUnavailableError

    async def _refusal(self, response: httpx.Response, patience: _Patience) -> Exception:
        """What a status other than 200 means; closes the response."""
        try:
            body = (await patience.wait(_beginning(response, _MAX_ERROR_BYTES))).decode(errors="replace")
        except httpx.HTTPError:
            body = ""
        finally:
            await response.aclose()
        status = response.status_code
        if status in (401, 403):
            return LanguageModelConfigurationError("The language model's server refuses the key.")
        key = self._settings.api_key
        _log.warning("language model: status %d: %.300r", status, body.replace(key, "***") if key else body)
        if status == 404:
            self._found_model = ""
            return LanguageModelConfigurationError(
                "The language model's server knows no such address or model."
            )
        if status in (429, 503):
            return LanguageModelBusyError()
        if status >= 500:
            return LanguageModelUnavailableError()
        if status in (400, 413) and any(
            hint in body for hint in ("context length", "too long", "max_model_len")
        ):
            return PromptTooLongError()
        return LanguageModelConfigurationError()


async def _reply(response: httpx.Response, patience: _Patience) -> AsyncGenerator[ReplyEvent, None]:
    finish_reason, usage, has_text = None, _Usage(), False
    async with aclosing(event_data(response.aiter_bytes(), max_bytes=_MAX_EVENT_BYTES)) as events:
        while (data := await _next(events, patience, is_whole=finish_reason is not None)) not in (
            None,
            "[DONE]",
        ):
            chunk = _chunk(data, has_text=has_text)
            usage = chunk.usage or usage
            for choice in chunk.choices[:1]:
                finish_reason = choice.finish_reason or finish_reason
                if choice.delta and choice.delta.is_sign_of_life:
                    patience.heard()
                if choice.delta and choice.delta.content:
                    has_text = True
                    yield TextDelta(text=choice.delta.content)
    if data is None and finish_reason is None:
        raise LanguageModelInterruptedError
    if finish_reason == "content_filter":
        raise LanguageModelRefusedError
    if not has_text:
        raise LanguageModelReplyError("The language model gave an empty answer.")
    yield Finished(
        finish_reason=_finish_reason(finish_reason),
        usage=Usage(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens),
    )


async def _next(events: AsyncGenerator[str, None], patience: _Patience, *, is_whole: bool) -> str | None:
    """The next event's data, or None at the end. What breaks after the last word breaks nothing."""
    try:
        return await patience.wait(anext(events, None))
    except LanguageModelTimeoutError:
        if is_whole:
            return None
        raise
    except httpx.HTTPError as error:
        if is_whole:
            return None
        raise LanguageModelInterruptedError from error


def _chunk(data: str, *, has_text: bool) -> _Chunk:
    try:
        chunk = _Chunk.model_validate_json(data)
    except ValidationError:
        _log.warning("language model: unreadable event: %.300r", data)
        raise LanguageModelReplyError from None
    if chunk.error is not None:
        _log.warning("language model: error in its stream: %.300r", chunk.error)
        raise LanguageModelInterruptedError if has_text else LanguageModelUnavailableError
    return chunk


def _finish_reason(given: str | None) -> Literal[FinishReason.STOP, FinishReason.LENGTH]:
    return FinishReason.LENGTH if given == "length" else FinishReason.STOP


async def _beginning(response: httpx.Response, max_bytes: int) -> bytes:
    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) > max_bytes:
            break
    return bytes(read[:max_bytes])


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds the server asks to wait (RFC 9110, section 10.2.3), or None when it does not say."""
    given = response.headers.get("Retry-After", "")
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(given)
        now = parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (at - now).total_seconds())
    except (ValueError, TypeError):
        return None
