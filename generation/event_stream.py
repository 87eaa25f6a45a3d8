"""Reads a stream of server-sent events (WHATWG HTML, section 9.2), as language-model servers send them."""

from collections.abc import AsyncGenerator, AsyncIterator

from generation.errors import LanguageModelReplyError


async def event_data(chunks: AsyncIterator[bytes], *, max_bytes: int) -> AsyncGenerator[str, None]:
    """The data of each event, however the bytes were cut.

    Comments and fields other than `data` are passed over; bytes that are not UTF-8 become U+FFFD; a last
    event without its blank line counts. Raises `LanguageModelReplyError` for an event above `max_bytes`.
    """
    data: list[bytes] = []
    async for line in _lines(chunks, max_bytes=max_bytes):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
            if sum(map(len, data)) > max_bytes:
                raise LanguageModelReplyError
        elif not line and data:
            yield b"\n".join(data).decode("utf-8", errors="replace")
            data = []
    if data:
        yield b"\n".join(data).decode("utf-8", errors="replace")


async def _lines(chunks: AsyncIterator[bytes], *, max_bytes: int) -> AsyncIterator[bytes]:
    rest = bytearray()
    async for chunk in chunks:
        *whole, begun = chunk.split(b"\n")
        for line in whole:
            rest += line
            yield bytes(rest.removesuffix(b"\r"))
            rest.clear()
        rest += begun
        if len(rest) > max_bytes:
            raise LanguageModelReplyError
    yield bytes(rest)
