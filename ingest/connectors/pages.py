"""What a web page says to a crawler: its links, its one true address, and whether it wants to be read."""

import hashlib
import posixpath
from dataclasses import dataclass
from urllib.parse import unquote

import httpx
from selectolax.lexbor import LexborHTMLParser

MAX_ADDRESS_CHARS = 2000
MAX_LINKS = 1000
"""Links taken from one page, so that a page of a million links fills no memory."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = ("utm_", "gclid", "fbclid", "mc_cid", "mc_eid")

SUFFIXES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
}
"""The kinds of content that become documents, and how their files are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    links: tuple[str, ...]
    """Absolute addresses, each once, without those that the page asks not to follow."""
    canonical: str | None
    """The address that the page names as its own, if it does."""
    is_wanted: bool
    """False when the page asks not to be indexed."""


def read_page(html: bytes, address: str) -> PageFacts:
    tree = LexborHTMLParser(html)
    base = _attribute(tree, "base[href]", "href")
    start = (plain_address(base, address) if base else None) or address
    wishes = _wishes(tree)
    canonical = _attribute(tree, "link[rel~=canonical][href]", "href")
    return PageFacts(
        links=() if wishes & {"nofollow", "none"} else _links(tree, start),
        canonical=plain_address(canonical, start) if canonical else None,
        is_wanted=not wishes & {"noindex", "none"},
    )


def plain_address(address: str, base: str = "") -> str | None:
    """One spelling for every way to write the same address; `None` for what a crawler does not visit."""
    try:
        url = httpx.URL(base).join(address.strip()) if base else httpx.URL(address.strip())
        host = url.host
    except (httpx.InvalidURL, ValueError):
        return None
    if url.scheme not in _DEFAULT_PORTS or not host or url.userinfo or any(odd in host for odd in "%[]\\"):
        return None
    kept = [(name, value) for name, value in url.params.multi_items() if not name.startswith(_TRACKING)]
    query = str(httpx.QueryParams(tuple(kept))).encode() if kept else None
    path = _without_dots(url.raw_path.partition(b"?")[0].decode())
    plain = url.copy_with(fragment=None, raw_path=path.encode() + (b"?" + query if query else b""))
    text = str(plain)
    return text if len(text) <= MAX_ADDRESS_CHARS else None


def folder_of(address: str) -> str:
    """The path of the folder that an address lies in, from `/` to `/`."""
    return httpx.URL(address).raw_path.partition(b"?")[0].decode().rpartition("/")[0] + "/"


def path_of(address: str, folder: str, media_type: str) -> str:
    """Where a page below `folder` goes in the collection: its own path, with a name and suffix that fit."""
    url = httpx.URL(address)
    path = url.raw_path.partition(b"?")[0].decode().removeprefix(folder)
    path = unquote(path, errors="replace").lstrip("/")
    suffix = SUFFIXES[media_type]
    if not path or path.endswith("/"):
        path += "index"
    stem, _, ending = path.rpartition(".")
    is_named = bool(stem) and f".{ending.lower()}" in (suffix, ".htm" if suffix == ".html" else suffix)
    stem = stem if is_named else path
    if url.query:
        stem += "~" + hashlib.sha256(url.query).hexdigest()[:8]
    return stem + (f".{ending}" if is_named else suffix)


def _links(tree: LexborHTMLParser, base: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for node in tree.css("a[href], area[href]"):
        if "nofollow" in (node.attributes.get("rel") or "").lower().split():
            continue
        address = plain_address(node.attributes.get("href") or "", base)
        if address:
            found[address] = None
        if len(found) >= MAX_LINKS:
            break
    return tuple(found)


def _wishes(tree: LexborHTMLParser) -> set[str]:
    """The words of the page's robots meta tags."""
    words: set[str] = set()
    for node in tree.css("meta[name]"):
        if (node.attributes.get("name") or "").lower() in ("robots", "sourcebook"):
            words |= {word.strip() for word in (node.attributes.get("content") or "").lower().split(",")}
    return words


def _attribute(tree: LexborHTMLParser, selector: str, name: str) -> str | None:
    node = tree.css_first(selector)
    return node.attributes.get(name) if node else None


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path or "/"
    ends_in_folder = path.endswith(("/", "/.", "/.."))
    plain = posixpath.normpath(path)
    return "/" + plain.lstrip("/") + ("/" if ends_in_folder and plain != "/" else "")
