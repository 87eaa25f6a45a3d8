"""Bytes to text, whatever the encoding."""

import codecs
import re

from charset_normalizer import from_bytes

from ingest.sniffing import looks_utf16

_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w:.-]{2,40})""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,100}encoding\s*=\s*["']([\w:.-]{2,40})""")
_ISO_2022 = re.compile(rb"\x1b(?:\$[@BC)]|\([BJ])")
_TAG = re.compile(rb"<[^>]*>")
_GUESS_BYTES = 1 << 16


def decode(data: bytes, declared: str | None = None) -> str:
    """Text of `data`: byte order mark, strict UTF-8, the declared encoding, then a guess.

    Strict UTF-8 goes before what the file declares, because declarations are often wrong and text in
    another encoding is hardly ever valid UTF-8 by chance. Never fails: bytes that no encoding explains
    become U+FFFD. NUL characters are dropped and line ends become `\\n`.
    """
    return _normalized(_decode(data, declared, sample=data[:_GUESS_BYTES]))


def _normalized(text: str) -> str:
    text = text.replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode_html(data: bytes) -> str:
    """Like `decode`, with the encoding that the page itself declares."""
    found = _META_CHARSET.search(data[:4096]) or _XML_ENCODING.match(data[:200])
    declared = found[1].decode("ascii", "replace") if found else None
    return _normalized(_decode(data, declared, sample=_TAG.sub(b" ", data[: 4 * _GUESS_BYTES])))


def _decode(data: bytes, declared: str | None, *, sample: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if unmarked := looks_utf16(data):
        return data.decode(unmarked, "replace")
    # ISO-2022 text is plain ASCII to the eye of UTF-8; its escapes say otherwise.
    escaped = ("iso2022_jp", "iso2022_kr") if _ISO_2022.search(data) else ()
    for encoding in (*escaped, "utf-8", declared):
        if encoding is not None and (text := _decode_strictly(data, encoding)) is not None:
            return text
    guess = from_bytes(sample).best()
    return data.decode(guess.encoding if guess else "cp1252", "replace")


def _decode_strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
