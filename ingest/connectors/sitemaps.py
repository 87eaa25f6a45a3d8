"""Sitemaps (sitemaps.org): the addresses that a site wants to be read, also packed and in several files."""

import zlib
from collections.abc import Callable

from ingest.connectors.errors import OriginError
from ingest.connectors.pages import plain_address
from ingest.connectors.xml import local_name, parse_xml, text_of

MAX_SITEMAPS = 200
MAX_SITEMAP_BYTES = 50 << 20
"""The protocol's own limit, after unpacking."""

_GZIP = b"\x1f\x8b"
_WITH_GZIP_HEADER = 31


def read_sitemap(address: str, get: Callable[[str], bytes], *, max_pages: int) -> list[str]:
    """The pages named by a sitemap, or by the sitemaps that an index names, each once.

    `get` gives the bytes at an address. Raises `OriginError` when one of the files cannot be read.
    """
    waiting, seen, pages = [address], {address}, dict[str, None]()
    while waiting and len(pages) < max_pages:
        at = waiting.pop(0)
        root = parse_xml(_unpacked(get(at)))
        kind = local_name(root)
        if kind not in ("urlset", "sitemapindex"):
            raise OriginError(f"{at} is no sitemap.")
        for entry in root:
            place = plain_address(text_of(entry, "loc"), at)
            if place is None:
                continue
            if kind == "urlset":
                pages[place] = None
            elif place not in seen and len(seen) < MAX_SITEMAPS:
                seen.add(place)
                waiting.append(place)
    return list(pages)


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(_GZIP):
        return content
    unpacking = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        plain = unpacking.decompress(content, MAX_SITEMAP_BYTES)
    except zlib.error as error:
        raise OriginError("The packed sitemap is damaged.") from error
    if unpacking.unconsumed_tail:
        raise OriginError(f"The sitemap unpacks to more than the {MAX_SITEMAP_BYTES >> 20} MB allowed.")
    return plain
