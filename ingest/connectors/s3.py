"""A bucket of an S3-compatible store: one listing call and one reading call of the wire protocol.

The signature comes from httpx-auth; the requests go through the same guard as every other connector's.
"""

import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import IO
from urllib.parse import quote, unquote_plus
from xml.etree.ElementTree import Element

import httpx
from httpx_auth import AWS4Auth

from ingest.connectors.errors import ItemError, OriginError, OriginRefusedError
from ingest.connectors.http import Patience, Pause, copy_body
from ingest.connectors.options import S3Options
from ingest.connectors.origin import Cursor, Item, Problem, Selection, fault_of_path
from ingest.connectors.pages import plain_address
from ingest.connectors.xml import local_name, parse_xml, text_of

MAX_LISTING_BYTES = 16 << 20
"""Of one page of at most 1000 keys."""
_SPOOL_BYTES = 1 << 20


class S3Origin:
    def __init__(
        self,
        options: S3Options,
        secrets: dict[str, str],
        http: httpx.Client,
        *,
        max_item_bytes: int,
        pause: Pause = time.sleep,
    ) -> None:
        self._options = options
        self._http = http
        self._patience = Patience(pause)
        self._max_item_bytes = max_item_bytes
        self._selection = Selection(include=options.include, exclude=options.exclude)
        self._bucket = f"{endpoint_of(options)}/{options.bucket}"
        self._signature = _signature(options, secrets)

    def list(self, cursor: Cursor | None) -> Iterator[Item | Problem]:  # noqa: ARG002  # a listing is complete
        paths: set[str] = set()
        token = ""
        while True:
            page = self._page(token)
            for child in page:
                if local_name(child) == "Contents":
                    yield from self._listed(
                        _key(child, page), text_of(child, "ETag"), text_of(child, "Size"), paths
                    )
            token = text_of(page, "NextContinuationToken")
            if text_of(page, "IsTruncated").lower() != "true":
                return
            if not token:
                raise OriginError("The store's listing breaks off without saying how it goes on.")

    def cursor(self) -> Cursor | None:
        return None

    @contextmanager
    def fetch(self, item: Item) -> Generator[IO[bytes]]:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as file:
            url = f"{self._bucket}/{quote(item.key, safe='/~')}"
            with self._answer(url) as response:
                if response.status_code == HTTPStatus.NOT_FOUND:
                    raise ItemError("It was deleted while the bucket was read.")
                if response.status_code != HTTPStatus.OK:
                    raise ItemError(f"The store answered {response.status_code}.")
                copy_body(response, file, self._max_item_bytes)
            file.seek(0)
            yield file

    def _page(self, token: str) -> Element:
        query = {"list-type": "2", "encoding-type": "url", "prefix": self._options.prefix}
        if token:
            query["continuation-token"] = token
        # Encoded here: the signature is made over exactly these characters.
        asked = "&".join(f"{name}={quote(value, safe='~')}" for name, value in sorted(query.items()))
        with self._answer(f"{self._bucket}?{asked}") as response, tempfile.TemporaryFile() as file:
            try:
                copy_body(response, file, MAX_LISTING_BYTES)
            except ItemError as error:
                raise OriginError(f"The store's listing: {error}") from error
            file.seek(0)
            content = file.read()
        if response.status_code != HTTPStatus.OK:
            raise OriginError(_complaint(response.status_code, content))
        page = parse_xml(content)
        if local_name(page) != "ListBucketResult":
            raise OriginError("The answer is no listing of a bucket. Is this the address of an S3 store?")
        return page

    def _listed(self, key: str, etag: str, size: str, paths: set[str]) -> Iterator[Item | Problem]:
        path = key.removeprefix(self._options.prefix).lstrip("/")
        if key.endswith("/") or not path:
            return  # what consoles make to show an empty folder
        fault = fault_of_path(path) or fault_of_path(key.lstrip("/"))
        if "//" in path or "/./" in f"/{path}/" or path in paths:
            fault = fault or "Its name reads like that of another object once it is a path."
        if fault:
            yield Problem(key=key.encode(errors="replace").decode(), detail=fault)
            return
        if not self._selection.wants(path):
            return
        paths.add(path)
        size_bytes = int(size) if size.isdecimal() else None
        yield Item(key=key, path=path, revision=f"{etag} {size}", size_bytes=size_bytes)

    @contextmanager
    def _answer(self, url: str) -> Generator[httpx.Response]:
        try:
            with self._patience.opened(self._http, url, auth=self._signature) as response:
                yield response
        except httpx.HTTPError as error:
            raise OriginError(f"The store does not answer: {error or type(error).__name__}.") from error


def endpoint_of(options: S3Options) -> str:
    """The store's address, without a slash at its end. Raises `OriginRefusedError`."""
    endpoint = options.endpoint.rstrip("/") or f"https://s3.{options.region}.amazonaws.com"
    if plain_address(endpoint) is None:
        raise OriginRefusedError("A store's address reads https://host, without a password in it.")
    return endpoint


def _key(entry: Element, page: Element) -> str:
    key = text_of(entry, "Key")
    is_encoded = text_of(page, "EncodingType") == "url"
    return unquote_plus(key, errors="surrogateescape") if is_encoded else key


def _signature(options: S3Options, secrets: dict[str, str]) -> httpx.Auth | None:
    """`None` reads a public bucket."""
    access, secret = secrets.get("access_key"), secrets.get("secret_key")
    if not access and not secret:
        return None
    if not access or not secret:
        raise OriginRefusedError("A bucket needs both secrets, access_key and secret_key, or neither.")
    session = {"security_token": secrets["session_token"]} if secrets.get("session_token") else {}
    return AWS4Auth(access, secret, options.region, "s3", **session)


def _complaint(status: int, content: bytes) -> str:
    try:
        answer = parse_xml(content)
    except OriginError:
        return f"The store answered {status}."
    code, message = text_of(answer, "Code"), text_of(answer, "Message")
    return f"The store answered {status} {code}: {message}"[:300]
