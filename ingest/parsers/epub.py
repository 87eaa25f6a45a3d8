"""EPUB: the chapters in reading order, each an HTML page (EPUB 3.3, which also reads EPUB 2)."""

import posixpath
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ingest.errors import EncryptedDocumentError
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode_html
from ingest.parsers.finishing import finish
from ingest.parsers.html import add_html
from ingest.parsers.packages import Package, local_name, open_package
from ingest.sniffing import EPUB, KINDS

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONT_SCRAMBLING = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})


def parse_epub(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError`, `EncryptedDocumentError`, `EmptyDocumentError`, `LimitExceededError`."""
    with open_package(path, name, KINDS[EPUB]) as package:
        if _is_encrypted(package):
            raise EncryptedDocumentError(f"'{name}' is protected against copying.")
        place = _package_document(package)
        book = package.xml(place)
        builder = ParsedDocumentBuilder()
        warnings = [
            f"A chapter is missing: '{part}'."
            for part in _chapters(book, place)
            if not _add(builder, package, part)
        ]
        return finish(
            builder, name=name, title=_first(book, "title"), warnings=warnings, heading_as_title=True
        )


def _is_encrypted(package: Package) -> bool:
    """Scrambled fonts are no hindrance; scrambled chapters are."""
    if _ENCRYPTION not in package:
        return False
    encryption = package.read(_ENCRYPTION)
    methods = encryption.count(b"EncryptionMethod ")
    return methods > sum(encryption.count(method) for method in _FONT_SCRAMBLING)


def _package_document(package: Package) -> str:
    for node in package.xml(_CONTAINER).iter():
        if local_name(node) == "rootfile" and (place := node.get("full-path")):
            return place
    raise package.damaged()


def _chapters(book: Any, place: str) -> list[str]:
    """Parts of the package in reading order; a name that leads out of it names no part."""
    folder = posixpath.dirname(place)
    parts = {
        item.get("id"): posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in book.iter()
        if local_name(item) == "item" and item.get("media-type") in _PAGES
    }
    spine = [item.get("idref") for item in book.iter() if local_name(item) == "itemref"]
    return [parts[idref] for idref in spine if idref in parts]


def _add(builder: ParsedDocumentBuilder, package: Package, part: str) -> bool:
    if part not in package:
        return False
    add_html(builder, decode_html(package.read(part)), keep_navigation=False)
    return True


def _first(book: Any, tag: str) -> str | None:
    return next((node.text for node in book.iter() if local_name(node) == tag and node.text), None)
