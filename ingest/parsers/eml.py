"""EML and MBOX: who wrote what to whom and when, then the message itself; attachments are handed on."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from ingest.errors import CorruptDocumentError, EncryptedDocumentError, LimitExceededError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode, decode_html
from ingest.parsers.finishing import file_stem, finish
from ingest.parsers.html import add_html
from ingest.parsers.text import add_paragraphs
from ingest.sniffing import looks_utf16

MAX_MESSAGES = 20_000
"""Messages in one mailbox."""
_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_SIGNATURES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ENVELOPE = re.compile(rb"(?:\A|(?<=\n\n))From [^\n]*\n")
_QUOTED_ENVELOPE = re.compile(rb"^>(>*From )", re.MULTILINE)


def parse_eml(path: Path, name: str) -> ParsedDocument:
    """Raises `EncryptedDocumentError`, `CorruptDocumentError` or `EmptyDocumentError`."""
    try:
        message = read_message(path.read_bytes())
        if _is_encrypted(message):
            raise EncryptedDocumentError(f"'{name}' is an encrypted e-mail.")
        builder = ParsedDocumentBuilder()
        add_message(builder, message, level=2)
    except (MessageError, RecursionError) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be read as an e-mail.") from error
    return finish(builder, name=name, title=header(message, "Subject"))


def parse_mbox(path: Path, name: str) -> ParsedDocument:
    """Each message is a section under its subject (RFC 4155, with `>From` quoting undone).

    Raises `CorruptDocumentError`, `EmptyDocumentError`, or `LimitExceededError` above `MAX_MESSAGES`.
    """
    data = path.read_bytes().replace(b"\r\n", b"\n").lstrip()
    starts = [match.end() for match in _ENVELOPE.finditer(data)]
    ends = [*(match.start() for match in _ENVELOPE.finditer(data)), len(data)][1:]
    if len(starts) > MAX_MESSAGES:
        raise LimitExceededError(f"'{name}' holds more than {MAX_MESSAGES:,} messages.")
    builder = ParsedDocumentBuilder()
    warnings: list[str] = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        try:
            message = read_message(_QUOTED_ENVELOPE.sub(rb"\1", data[start:end]))
            subject = header(message, "Subject") or f"Message {number}"
            if _is_encrypted(message):
                warnings.append(f"The message '{subject}' is encrypted and was not read.")
                continue
            builder.heading(subject, 1)
            add_message(builder, message, level=2)
        except (MessageError, RecursionError):
            warnings.append(f"Message {number} is damaged and was not read whole.")
    return finish(builder, name=name, title=file_stem(name), warnings=warnings)


def read_message(data: bytes) -> EmailMessage:
    """The message in `data`, UTF-16 too. Raises `MessageError` or `RecursionError`."""
    if data.startswith(_UTF_16_MARKS) or looks_utf16(data):
        data = decode(data).encode()
    return message_from_bytes(data.lstrip(), policy=policy.default)


def add_message(builder: ParsedDocumentBuilder, message: EmailMessage, *, level: int) -> None:
    """Adds headers and body, and attaches what is attached, to stand under headings of `level`."""
    headers = {name: value for name in _HEADERS if (value := header(message, name))}
    builder.block(BlockKind.PARAGRAPH, "\n".join(f"{name}: {value}" for name, value in headers.items()))
    body = message.get_body(preferencelist=("plain", "html"))
    if isinstance(body, EmailMessage):
        add_text(builder, body)
    if message.is_multipart():
        for part in message.iter_attachments():
            _add_part(builder, part, level)


def header(message: EmailMessage, name: str) -> str:
    """The header's words on one line, decoded."""
    try:
        value = message[name]
    except (ValueError, IndexError, AttributeError, TypeError):
        # The standard library trips over malformed addresses and dates; the raw header still has the words.
        raw = next((text for key, text in message.raw_items() if key.lower() == name.lower()), "")
        parts = decode_header(str(raw))
        value = "".join(part if isinstance(part, str) else decode(part, charset) for part, charset in parts)
    return " ".join(str(value).split()) if value else ""


def add_text(builder: ParsedDocumentBuilder, part: EmailMessage) -> None:
    """Adds a part that is plain text or HTML."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset()
    if part.get_content_type() == "text/html":
        add_html(builder, decode(data, charset) if charset else decode_html(data))
    else:
        add_paragraphs(builder, decode(data, charset))


def _is_encrypted(message: EmailMessage) -> bool:
    return message.get_content_type() in _ENCRYPTED and message.get_param("smime-type") != "signed-data"


def _add_part(builder: ParsedDocumentBuilder, part: EmailMessage, level: int) -> None:
    kind = part.get_content_type()
    name = part.get_filename()
    if kind == "message/rfc822":
        inner: Any = part.get_payload(0)
        if isinstance(inner, EmailMessage):
            attached = cast("EmailMessage", inner)
            subject = header(attached, "Subject") or "message"
            builder.attach(name or f"{subject}.eml", attached.as_bytes(), level=level)
    elif name and kind not in _SIGNATURES:
        payload = part.get_payload(decode=True)
        builder.attach(name, payload if isinstance(payload, bytes) else b"", level=level)
    elif part.get_content_maintype() == "text":
        # Text without a name goes on with the body: mailing lists add their footers so.
        add_text(builder, part)
    elif part.is_multipart():
        for inner in cast("Iterator[EmailMessage]", part.iter_parts()):
            _add_part(builder, inner, level)
