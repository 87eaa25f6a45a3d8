"""EML: who wrote what to whom and when, then the message itself."""

from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from email.message import EmailMessage
from pathlib import Path

from ingest.errors import CorruptDocumentError, EncryptedDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode, decode_html
from ingest.parsers.finishing import finish
from ingest.parsers.html import add_html
from ingest.parsers.text import add_paragraphs
from ingest.sniffing import looks_utf16

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def parse_eml(path: Path, name: str) -> ParsedDocument:
    """Raises `EncryptedDocumentError`, `CorruptDocumentError` or `EmptyDocumentError`."""
    try:
        return _parse(path.read_bytes(), name)
    except (MessageError, RecursionError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be read as an e-mail.") from error


def _parse(data: bytes, name: str) -> ParsedDocument:
    if data.startswith(_UTF_16_MARKS) or looks_utf16(data):
        data = decode(data).encode()
    message = message_from_bytes(data.lstrip(), policy=policy.default)
    if message.get_content_type() in _ENCRYPTED and message.get_param("smime-type") != "signed-data":
        raise EncryptedDocumentError(f"'{name}' is an encrypted e-mail.")
    builder = ParsedDocumentBuilder()
    headers = {header: value for header in _HEADERS if (value := _header(message, header))}
    builder.block(BlockKind.PARAGRAPH, "\n".join(f"{header}: {value}" for header, value in headers.items()))
    _add_body(builder, message)
    warnings = _add_attachments(builder, message)
    return finish(builder, name=name, title=headers.get("Subject"), warnings=warnings)


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = message[name]
    except (ValueError, IndexError, AttributeError, TypeError):
        # The standard library trips over malformed addresses and dates; the raw header still has the words.
        raw = next((text for key, text in message.raw_items() if key.lower() == name.lower()), "")
        parts = decode_header(str(raw))
        value = "".join(part if isinstance(part, str) else decode(part, charset) for part, charset in parts)
    return " ".join(str(value).split()) if value else ""


def _add_body(builder: ParsedDocumentBuilder, message: EmailMessage) -> None:
    body = message.get_body(preferencelist=("plain", "html"))
    if isinstance(body, EmailMessage):
        _add_text(builder, body)


def _add_text(builder: ParsedDocumentBuilder, part: EmailMessage) -> None:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset()
    if part.get_content_type() == "text/html":
        add_html(builder, decode(data, charset) if charset else decode_html(data))
    else:
        add_paragraphs(builder, decode(data, charset))


def _add_attachments(builder: ParsedDocumentBuilder, message: EmailMessage) -> list[str]:
    """Adds attached text under the attachment's name; returns a warning about each other attachment."""
    warnings: list[str] = []
    for part in message.iter_attachments() if message.is_multipart() else ():
        name = part.get_filename()
        if name and part.get_content_maintype() == "text":
            builder.heading(f"Attachment: {name}", 2)
            _add_text(builder, part)
        elif name:
            warnings.append(f"The attachment '{name}' was not read.")
    return warnings
