"""MSG: a message as Outlook saves it ([MS-OXMSG]): headers, body, attachments, attached messages."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import compressed_rtf

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.compound_files import CompoundFile, open_compound_file
from ingest.parsers.decoding import decode, decode_html
from ingest.parsers.finishing import finish
from ingest.parsers.html import add_html
from ingest.parsers.rtf import add_rtf
from ingest.parsers.text import add_paragraphs
from ingest.sniffing import KINDS, MSG

_compressed_rtf: Any = compressed_rtf

_SUBJECT = 0x0037
_SENDER, _SENDER_ADDRESS = 0x0C1A, 0x0C1F
_SHOWN_TO, _SHOWN_CC = 0x0E04, 0x0E03
_SENT_AT, _DELIVERED_AT = 0x0039, 0x0E06
_BODY, _HTML, _RTF = 0x1000, 0x1013, 0x1009
_CODE_PAGE, _MESSAGE_CODE_PAGE = 0x3FDE, 0x3FFD
_LONG_NAME, _SHORT_NAME, _SHOWN_NAME, _DATA = 0x3707, 0x3704, 0x3001, 0x3701
_UNICODE, _BYTES, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_TOP_HEADER_BYTES, _EMBEDDED_HEADER_BYTES = 32, 24
_FIRST_DATE = datetime(1601, 1, 1, tzinfo=UTC)
_MOST_ATTACHMENTS = 1000
_MOST_NESTED = 5


def parse_msg(path: Path, name: str) -> ParsedDocument:
    """Raises `CorruptDocumentError` or `EmptyDocumentError`."""
    builder = ParsedDocumentBuilder()
    with open_compound_file(path, name, KINDS[MSG]) as file:
        message = _Message(file, "")
        message.add_to(builder, level=2)
        return finish(builder, name=name, title=message.text(_SUBJECT))


class _Message:
    """The message in one storage of the file; `folder` is empty for the outermost."""

    def __init__(self, file: CompoundFile, folder: str) -> None:
        self._file = file
        self._folder = folder
        self._numbers = self._fixed_properties()

    def add_to(self, builder: ParsedDocumentBuilder, *, level: int) -> None:
        self._add_headers(builder)
        self._add_body(builder)
        for number in range(_MOST_ATTACHMENTS):
            storage = f"{self._folder}__attach_version1.0_#{number:08X}/"
            if f"{storage}__properties_version1.0" not in self._file:
                return
            self._add_attachment(builder, storage, level)

    def text(self, tag: int, storage: str | None = None) -> str:
        """A text property, or nothing."""
        folder = self._folder if storage is None else storage
        if (place := f"{folder}__substg1.0_{tag:04X}{_UNICODE}") in self._file:
            return self._file.read(place).decode("utf-16-le", "replace").replace("\0", "")
        if (place := f"{folder}__substg1.0_{tag:04X}{_BYTES}") in self._file:
            return decode(self._file.read(place), self._charset())
        return ""

    def _add_headers(self, builder: ParsedDocumentBuilder) -> None:
        sender, address = self.text(_SENDER), self.text(_SENDER_ADDRESS)
        if "@" in address and address not in sender:
            sender = f"{sender} <{address}>".strip()
        headers = {
            "Subject": self.text(_SUBJECT),
            "From": sender,
            "To": self.text(_SHOWN_TO),
            "Cc": self.text(_SHOWN_CC),
            "Date": self._date(),
        }
        lines = [f"{name}: {' '.join(value.split())}" for name, value in headers.items() if value.strip()]
        builder.block(BlockKind.PARAGRAPH, "\n".join(lines))

    def _add_body(self, builder: ParsedDocumentBuilder) -> None:
        if body := self.text(_BODY).strip():
            add_paragraphs(builder, body.replace("\r\n", "\n"))
            return
        place = f"{self._folder}__substg1.0_{_HTML:04X}"
        if f"{place}{_BINARY}" in self._file:
            add_html(builder, decode_html(self._file.read(f"{place}{_BINARY}")))
        elif page := self.text(_HTML):
            add_html(builder, page)
        elif (rtf := f"{self._folder}__substg1.0_{_RTF:04X}{_BINARY}") in self._file:
            add_rtf(builder, _compressed_rtf.decompress(self._file.read(rtf)))

    def _add_attachment(self, builder: ParsedDocumentBuilder, storage: str, level: int) -> None:
        name = next(
            (name for tag in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME) if (name := self.text(tag, storage))), ""
        )
        data = f"{storage}__substg1.0_{_DATA:04X}"
        if f"{data}{_BINARY}" in self._file:
            builder.attach(name or "attachment", self._file.read(f"{data}{_BINARY}"), level=level)
        elif f"{data}{_OBJECT}/__properties_version1.0" in self._file and level <= _MOST_NESTED:
            # An attached message is no file of its own but a part of this one.
            inner = _Message(self._file, f"{data}{_OBJECT}/")
            builder.heading(f"Attachment: {inner.text(_SUBJECT) or name or 'message'}", level)
            inner.add_to(builder, level=level + 1)

    def _fixed_properties(self) -> dict[int, int]:
        """Numbers and dates, which have no stream of their own ([MS-OXMSG] 2.4)."""
        place = f"{self._folder}__properties_version1.0"
        if place not in self._file:
            return {}
        data = self._file.read(place)
        start = _EMBEDDED_HEADER_BYTES if self._folder else _TOP_HEADER_BYTES
        entries = struct.iter_unpack("<HHIQ", data[start : start + (len(data) - start) // 16 * 16])
        return {tag: value for _, tag, _, value in entries}

    def _charset(self) -> str | None:
        code_page = self._numbers.get(_CODE_PAGE) or self._numbers.get(_MESSAGE_CODE_PAGE)
        return {None: None, 65001: "utf-8"}.get(code_page, f"cp{code_page}")

    def _date(self) -> str:
        ticks = self._numbers.get(_SENT_AT) or self._numbers.get(_DELIVERED_AT)
        if not ticks:
            return ""
        try:
            return (_FIRST_DATE + timedelta(microseconds=ticks // 10)).strftime("%Y-%m-%d %H:%M:%S UTC")
        except OverflowError:
            return ""
