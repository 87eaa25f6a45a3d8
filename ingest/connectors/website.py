"""A website: its pages are found by links from a start, or in its sitemap.

A page's revision is a hash of its bytes, so that a server's careless ETags re-ingest nothing; the ETag and
the modification date only save downloads. Bytes that a crawl has read anyway are kept until they are fetched.
"""

import hashlib
import io
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from pathlib import Path
from typing import IO

import httpx
from pydantic import TypeAdapter

from ingest.connectors.errors import ItemError, OriginError, OriginRefusedError
from ingest.connectors.options import WebsiteOptions
from ingest.connectors.origin import Cursor, Item, Problem, fault_of_path
from ingest.connectors.pages import SUFFIXES, folder_of, path_of, read_page
from ingest.connectors.sitemaps import MAX_SITEMAP_BYTES, read_sitemap
from ingest.connectors.visits import NotOursError, NotThereError, SilentError, Visits

SILENCES = 5
"""Pages in a row that do not answer, after which the whole website counts as silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What is remembered of a page from one crawl to the next."""

    revision: str
    path: str
    """Empty for a page that is only read for its links."""
    size_bytes: int
    etag: str
    modified: str
    links: tuple[str, ...]


_PAGES = TypeAdapter(dict[str, _Page])
"""How pages lie in the cursor."""


class WebsiteOrigin:
    def __init__(
        self, options: WebsiteOptions, start: str, visits: Visits, folder: Path, *, max_item_bytes: int
    ) -> None:
        """`start` is the address in its plain form; `folder` is empty, and removed by its owner."""
        self._start_address = start
        self._options = options
        self._visits = visits
        self._folder = folder
        self._max_item_bytes = max_item_bytes
        self._before: dict[str, _Page] = {}
        self._pages: dict[str, _Page] = {}
        self._gone: set[str] = set()
        self._paths: dict[str, str] = {}
        self._is_whole = True
        self._silences = 0

    def list(self, cursor: Cursor | None) -> Iterator[Item | Problem]:
        self._before = _PAGES.validate_python((cursor or {}).get("pages", {}))
        known_paths = {page.path: address for address, page in self._before.items() if page.path}
        self._paths.update(known_paths)
        start = self._start_address
        depth, addresses = self._start(start)
        waiting = deque((address, depth) for address in addresses)
        queued = set(addresses)
        while waiting and len(self._pages) < self._options.max_pages:
            address, depth = waiting.popleft()
            yield from self._visited(address, is_start=address == start)
            page = self._pages.get(address)
            for link in page.links if page and depth < self._options.max_depth else ():
                if link not in queued and len(queued) < self._options.max_pages * 10:
                    queued.add(link)
                    waiting.append((link, depth + 1))
        if waiting:
            self._is_whole = False
            left_out = f"The limit of {self._options.max_pages} pages is reached; further ones are left out."
            yield Problem(key=f"{start}#limit", detail=left_out)
        if not self._is_whole:
            yield from self._unreached()

    def cursor(self) -> Cursor | None:
        return {"pages": _PAGES.dump_python(self._pages, mode="json")}

    @contextmanager
    def fetch(self, item: Item) -> Generator[IO[bytes]]:
        kept = self._kept(item.key)
        if not kept.exists():
            try:
                with self._visits.opened(item.key) as (_, response), kept.open("wb") as file:
                    self._visits.copy(response, file, self._max_item_bytes)
            except ItemError:
                kept.unlink(missing_ok=True)
                raise
        with kept.open("rb") as file:
            yield file

    def _start(self, start: str) -> tuple[int, Sequence[str]]:
        """Where to begin, and at which depth: the pages of a sitemap are as deep as a crawl may go."""
        if not self._options.is_sitemap:
            return 0, [start]
        named = read_sitemap(start, self._bytes, max_pages=self._options.max_pages + 1)
        return self._options.max_depth, named

    def _visited(self, address: str, *, is_start: bool) -> Iterator[Item | Problem]:
        try:
            final, page = self._read(address)
        except NotOursError as error:
            if is_start:
                raise OriginRefusedError(
                    f"{address} leads to another website, or its robots.txt asks not to read it."
                ) from error
            return
        except NotThereError as error:
            if is_start:
                raise OriginError(f"There is no page at {address}.") from error
            self._gone.add(address)
            return
        except ItemError as error:
            yield self._failed(address, error, is_start=is_start)
            return
        self._silences = 0
        if page is None or final in self._pages:
            return
        self._pages[final] = page
        if final != address:
            # The crawl goes on from where the redirect led.
            self._pages.setdefault(address, _link_only(page))
        if page.path:
            yield self._item(final, page)

    def _failed(self, address: str, error: ItemError, *, is_start: bool) -> Problem:
        self._is_whole = False
        self._silences = self._silences + 1 if isinstance(error, SilentError) else 0
        if is_start or self._silences >= SILENCES:
            raise OriginError(f"{address}: {error}") from error
        if address in self._before:
            self._pages[address] = self._before[address]
        return Problem(key=address, detail=str(error))

    def _unreached(self) -> Iterator[Item | Problem]:
        """What a crawl with gaps did not come to may be there still: it is listed as it was."""
        for address, page in self._before.items():
            if address not in self._pages and address not in self._gone:
                self._pages[address] = page
                if page.path:
                    yield self._item(address, page)

    def _item(self, address: str, page: _Page) -> Item | Problem:
        if fault := fault_of_path(page.path):
            return Problem(key=address, detail=fault)
        return Item(key=address, path=page.path, revision=page.revision, size_bytes=page.size_bytes)

    def _read(self, address: str) -> tuple[str, _Page | None]:
        """The page at an address, after redirects; `None` for a kind of content that is no document."""
        with self._visits.opened(address, self._conditions) as (final, response):
            known = self._before.get(final)
            if response.status_code == HTTPStatus.NOT_MODIFIED and known:
                return final, known
            media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.status_code == HTTPStatus.OK and media_type not in SUFFIXES:
                return final, None
            kept = self._kept(final)
            try:
                with kept.open("wb") as file:
                    self._visits.copy(response, file, self._max_item_bytes)
            except ItemError:
                kept.unlink(missing_ok=True)
                raise
        return final, self._page(final, media_type, response)

    def _page(self, address: str, media_type: str, response: httpx.Response) -> _Page:
        kept = self._kept(address)
        with kept.open("rb") as file:
            revision = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        links: tuple[str, ...] = ()
        is_wanted = True
        if SUFFIXES[media_type] == ".html":
            facts = read_page(kept.read_bytes(), address)
            links = tuple(link for link in facts.links if self._is_linked(link))
            if facts.canonical and facts.canonical != address and self._is_linked(facts.canonical):
                links, is_wanted = (facts.canonical, *links), False
            is_wanted = is_wanted and facts.is_wanted
        page = _Page(
            revision=revision,
            path=self._path(address, media_type) if is_wanted else "",
            size_bytes=kept.stat().st_size,
            etag=response.headers.get("etag", ""),
            modified=response.headers.get("last-modified", ""),
            links=links,
        )
        known = self._before.get(address)
        if not page.path or (known and known.revision == revision):
            kept.unlink()
        return page

    def _path(self, address: str, media_type: str) -> str:
        """Two pages whose addresses make the same path are told apart by a hash."""
        path = path_of(address, folder_of(self._start_address), media_type)
        if self._paths.setdefault(path, address) != address:
            stem, _, suffix = path.rpartition(".")
            path = f"{stem}~{_short_hash(address)}.{suffix}"
            self._paths[path] = address
        return path

    def _is_linked(self, address: str) -> bool:
        return is_below(address, self._start_address) and not any(
            fnmatchcase(address, pattern) for pattern in self._options.exclude
        )

    def _conditions(self, address: str) -> dict[str, str]:
        known = self._before.get(address)
        headers = {"If-None-Match": known.etag if known else ""}
        headers["If-Modified-Since"] = known.modified if known else ""
        return {name: value for name, value in headers.items() if value}

    def _bytes(self, address: str) -> bytes:
        file = io.BytesIO()
        try:
            with self._visits.opened(address) as (_, response):
                self._visits.copy(response, file, MAX_SITEMAP_BYTES)
        except ItemError as error:
            raise OriginError(f"The sitemap {address} cannot be read. {error}") from error
        return file.getvalue()

    def _kept(self, address: str) -> Path:
        return self._folder / hashlib.sha256(address.encode()).hexdigest()


def is_below(address: str, start: str) -> bool:
    """Whether an address is on the start's host, in its folder or deeper; the scheme does not matter."""
    url, root = httpx.URL(address), httpx.URL(start)
    is_inside = url.raw_path.decode().startswith(folder_of(start))
    return (url.host, url.port) == (root.host, root.port) and is_inside


def _link_only(page: _Page) -> _Page:
    return _Page(
        revision=page.revision, path="", size_bytes=page.size_bytes, etag="", modified="", links=page.links
    )


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
