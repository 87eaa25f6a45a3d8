"""Visiting a website as a polite guest: robots.txt, pauses, few redirects, and nothing twice."""

import base64
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO

import httpx
from protego import Protego

from ingest.connectors.errors import ItemError, OriginError
from ingest.connectors.guard import USER_AGENT
from ingest.connectors.http import BUSY, Patience, Pause, copy_body, pieces
from ingest.connectors.pages import plain_address

MAX_REDIRECTS = 3
MAX_ROBOTS_BYTES = 512 << 10
AGENT = USER_AGENT.partition("/")[0]


class NotThereError(ItemError):
    """There is no page any more."""


class NotOursError(ItemError):
    """The page lies outside of what the connector follows, or robots.txt asks not to read it."""


class SilentError(ItemError):
    """The website does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A name and password for one host, and for no other that a redirect leads to (HTTP Basic, RFC 7617)."""

    start: str
    username: str
    password: str

    def headers(self, address: str) -> dict[str, str]:
        at, home = httpx.URL(address), httpx.URL(self.start)
        if (at.scheme, at.host, at.port) != (home.scheme, home.host, home.port):
            return {}
        told = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {told}"}

    def __repr__(self) -> str:
        return f"Login({self.start!r}, {self.username!r})"


class Visits:
    """Requests to one website. `is_ours` judges every address, also each one that a redirect leads to."""

    def __init__(
        self,
        http: httpx.Client,
        is_ours: Callable[[str], bool],
        *,
        pause_seconds: float,
        pause: Pause = time.sleep,
        login: Login | None = None,
    ) -> None:
        self._http = http
        self._is_ours = is_ours
        self._pause_seconds = pause_seconds
        self._pause = pause
        self._patience = Patience(pause)
        self._login = login
        self._robots: dict[str, Protego] = {}
        self._last_request: float | None = None

    @contextmanager
    def opened(
        self, address: str, headers: Callable[[str], dict[str, str]] = lambda _address: {}
    ) -> Generator[tuple[str, httpx.Response]]:
        """The answer at an address, after at most three redirects, and the address that gave it.

        `headers` gives what to send to each address on the way. Raises an `ItemError`.
        """
        at = plain_address(address)
        if at is None:
            raise NotOursError
        for _ in range(MAX_REDIRECTS + 1):
            if not self._is_ours(at) or not self._allows(at):
                raise NotOursError
            with self._request(at, headers(at)) as response:
                if not response.has_redirect_location:
                    yield at, response
                    return
                at = plain_address(response.headers["location"], at)
            if at is None:
                raise NotOursError
        raise ItemError(f"It redirects more than {MAX_REDIRECTS} times.")

    def copy(self, response: httpx.Response, target: BinaryIO, max_bytes: int) -> None:
        """Copies the body of an answer. Raises an `ItemError` that says what else came instead of one."""
        status = HTTPStatus(response.status_code)
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise NotThereError
        if status in BUSY:
            raise SilentError(f"The website is busy: it answered {status.value} {status.phrase}.")
        if status != HTTPStatus.OK:
            raise ItemError(f"The website answered {status.value} {status.phrase}.")
        try:
            copy_body(response, target, max_bytes)
        except httpx.HTTPError as error:
            raise SilentError(f"The website broke off: {error or type(error).__name__}.") from error

    def _allows(self, address: str) -> bool:
        return self._rules(address).can_fetch(address, AGENT)

    def _rules(self, address: str) -> Protego:
        """robots.txt of the address's host. One that cannot be had forbids everything (RFC 9309)."""
        url = httpx.URL(address)
        place = f"{url.scheme}://{url.netloc.decode()}/robots.txt"
        if place not in self._robots:
            try:
                self._robots[place] = Protego.parse(self._robots_text(place))
            except ItemError as error:
                raise OriginError(f"{place}: {error}") from error
            delay = self._robots[place].crawl_delay(AGENT)
            self._pause_seconds = max(self._pause_seconds, float(delay or 0))
        return self._robots[place]

    def _robots_text(self, place: str) -> str:
        at: str | None = place
        for _ in range(MAX_REDIRECTS + 1):
            if at is None:
                break
            with self._request(at, {}) as response:
                if response.has_redirect_location:
                    at = plain_address(response.headers["location"], at)
                    continue
                if response.is_client_error:
                    return ""
                if response.status_code != HTTPStatus.OK:
                    raise OriginError(
                        f"{at} answers {response.status_code}: the website may not be read now."
                    )
                return b"".join(pieces(response, MAX_ROBOTS_BYTES)).decode(errors="replace")
        raise OriginError(f"{place} redirects too often.")

    @contextmanager
    def _request(self, address: str, headers: dict[str, str]) -> Generator[httpx.Response]:
        headers = headers | (self._login.headers(address) if self._login else {})
        try:
            with self._patience.opened(self._http, address, headers=headers, before=self._wait) as response:
                yield response
        except httpx.HTTPError as error:
            raise SilentError(f"The website does not answer: {error or type(error).__name__}.") from error

    def _wait(self) -> None:
        now = time.monotonic()
        if self._last_request is not None and now < self._last_request + self._pause_seconds:
            self._pause(self._last_request + self._pause_seconds - now)
        self._last_request = time.monotonic()
