"""MHTML: a web page that a browser saved as a mail of parts (RFC 2557)."""

from email.errors import MessageError
from email.message import EmailMessage
from pathlib import Path

from ingest.errors import CorruptDocumentError
from ingest.parsed import ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.eml import add_text, header, read_message
from ingest.parsers.finishing import finish


def parse_mhtml(path: Path, name: str) -> ParsedDocument:
    """The page alone: frames and pictures stay out. Raises `CorruptDocumentError` or `EmptyDocumentError`."""
    builder = ParsedDocumentBuilder()
    try:
        message = read_message(path.read_bytes())
        page = next((part for part in message.walk() if part.get_content_type() == "text/html"), None)
        if not isinstance(page, EmailMessage):
            raise CorruptDocumentError(f"'{name}' is damaged: it holds no page.")
        add_text(builder, page)
    except (MessageError, RecursionError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be read as a saved page.") from error
    return finish(builder, name=name, title=header(message, "Subject"))
