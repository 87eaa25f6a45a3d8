"""Reading over HTTP with limits on size and time, in the words of an item's or an origin's errors."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import count
from typing import IO

import httpx

from ingest.connectors.errors import ItemError, OriginBusyError

BODY_SECONDS = 120.0
"""For one body: a server that drips bytes must not hold a sync for ever."""


TRIES = 4
"""Requests for one thing, the first among them, while the host says that it is busy."""
LONGEST_WAIT_SECONDS = 60.0
"""A host that asks for more is left alone until the next sync."""
ALL_WAITS_SECONDS = 600.0
"""In one sync."""
LONGEST_REST_SECONDS = 86_400.0
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

Pause = Callable[[float], None]


class Patience:
    """Waits when a host is busy (429, 503), as long as its `Retry-After` says (RFC 9110, 10.2.3).

    Without one, twice as long each time, from a second on.
    """

    def __init__(self, pause: Pause = time.sleep) -> None:
        self._pause = pause
        self._waited = 0.0

    @contextmanager
    def opened(
        self,
        http: httpx.Client,
        address: str,
        *,
        headers: dict[str, str] | None = None,
        auth: httpx.Auth | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> Generator[httpx.Response]:
        """The answer at an address. `before` is called before each request.

        Raises `OriginBusyError` when the host wants to be left alone for longer than a sync waits.
        """
        for tries in count(1):
            before()
            with http.stream("GET", address, headers=headers, auth=auth) as response:
                seconds = self._wait_for(response, tries)
                if seconds is None:
                    yield response
                    return
            self._waited += seconds
            self._pause(seconds)

    def _wait_for(self, response: httpx.Response, tries: int) -> float | None:
        """How long to wait before asking again; `None` takes the answer as it is."""
        if response.status_code not in BUSY:
            return None
        wished = _retry_after(response)
        seconds = 2.0 ** (tries - 1) if wished is None else wished
        if seconds > LONGEST_WAIT_SECONDS or self._waited + seconds > ALL_WAITS_SECONDS:
            raise OriginBusyError(
                f"{response.url.host} answers {response.status_code}: it is busy, and wants to be left alone "
                f"for {seconds:.0f} seconds. A later sync tries again.",
                seconds=min(seconds, LONGEST_REST_SECONDS),
            )
        return seconds if tries < TRIES else None


def _retry_after(response: httpx.Response) -> float | None:
    """In seconds from now; `None` when the host says nothing that makes sense."""
    said = response.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


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
