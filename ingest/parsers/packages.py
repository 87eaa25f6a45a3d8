"""Reading the parts of a document that is a ZIP file: OpenDocument, EPUB. Nothing is ever written."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from ingest.errors import ArchiveRefusedError, CorruptDocumentError, LimitExceededError
from ingest.packing import DAMAGE
from ingest.zip_files import open_zip

MAX_BYTES = 256 << 20
"""What all parts of one package may unpack to."""
_etree: Any = import_module("lxml.etree")  # it has no types


class Package:
    """An opened package; `kind` says in errors what it should be."""

    def __init__(self, archive: ZipFile, name: str, kind: str) -> None:
        self._archive = archive
        self._name = name
        self._kind = kind
        self._left = MAX_BYTES
        self._parts = set(archive.namelist())

    def __contains__(self, part: str) -> bool:
        return part in self._parts

    def read(self, part: str) -> bytes:
        """Raises `CorruptDocumentError`, or `LimitExceededError` above `MAX_BYTES` in all."""
        try:
            with self._archive.open(part) as source:
                data = source.read(self._left + 1)
        except (KeyError, *DAMAGE) as error:
            raise self.damaged() from error
        self._left -= len(data)
        if self._left < 0:
            raise LimitExceededError(f"'{self._name}' unpacks to more than {MAX_BYTES >> 20} MB.")
        return data

    def xml(self, part: str) -> Any:
        """The root element of an XML part."""
        try:
            return parse_xml(self.read(part))
        except SyntaxError as error:
            raise self.damaged() from error

    def damaged(self) -> CorruptDocumentError:
        return CorruptDocumentError(f"'{self._name}' is damaged and cannot be opened as {self._kind}.")


@contextmanager
def open_package(path: Path, name: str, kind: str) -> Generator[Package]:
    """Raises `CorruptDocumentError`."""
    try:
        archive = open_zip(path)
    except (BadZipFile, ArchiveRefusedError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as {kind}.") from error
    with archive:
        yield Package(archive, name, kind)


def parse_xml(data: bytes) -> Any:
    """The root element. No entity is resolved and nothing is loaded: references stay nodes of their own.

    Raises `SyntaxError` for what is not well-formed, or nested deeper than 256 elements.
    """
    parser = _etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    root = _etree.fromstring(data, parser)
    if root is None:
        raise SyntaxError("no root element")
    return root


def local_name(element: Any) -> str:
    """The tag without its namespace; empty for an entity reference."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
