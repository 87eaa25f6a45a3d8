"""XML from outside: without a document type there are no entities, so nothing expands or is fetched."""

from typing import NoReturn
from xml.etree import ElementTree as ET

from ingest.connectors.errors import OriginError


class _NoDoctype(ET.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:  # noqa: ARG002
        raise OriginError("The XML declares a document type, which is not read.")


def parse_xml(text: bytes) -> ET.Element:
    """Raises `OriginError` for what is no XML, or declares a document type (and with it entities)."""
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314  # the attacks need a document type
    try:
        parser.feed(text)
        return parser.close()
    except (ET.ParseError, LookupError, ValueError) as error:
        raise OriginError(f"The answer is no valid XML: {error}.") from error


def local_name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def text_of(element: ET.Element, name: str) -> str:
    """The text of the first child of that name, in whatever namespace; empty without one."""
    return next((child.text or "" for child in element if local_name(child) == name), "").strip()
