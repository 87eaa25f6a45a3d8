"""Reading over HTTP with limits on size and time, in the words of an item's or an origin's errors."""

import time
from collections.abc import Iterator
from typing import IO

import httpx

from ingest.connectors.errors import ItemError

BODY_SECONDS = 120.0
"""For one body: a server that drips bytes must not hold a sync for ever."""


class TooLargeError(ItemError):
    """It is larger than a connector may fetch."""


def copy_body(response: httpx.Response, target: IO[bytes], max_bytes: int) -> int:
    """Copies a body as it is sent; returns its size. Raises `ItemError` when it is too large or too slow."""
    size = 0
    for piece in pieces(response, max_bytes):
        size += len(piece)
        target.write(piece)
    return size


def pieces(response: httpx.Response, max_bytes: int) -> Iterator[bytes]:
    """The body as it is sent. Raises `ItemError` when it is compressed, too large or too slow."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ItemError("The server sends it compressed, although it was asked not to.")
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise TooLargeError(f"It is larger than the {max_bytes >> 20} MB allowed.")
    size, deadline = 0, time.monotonic() + BODY_SECONDS
    for piece in response.iter_raw():
        size += len(piece)
        if size > max_bytes:
            raise TooLargeError(f"It is larger than the {max_bytes >> 20} MB allowed.")
        if time.monotonic() > deadline:
            raise ItemError(f"It did not arrive within {BODY_SECONDS:.0f} seconds.")
        yield piece
