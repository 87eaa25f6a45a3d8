"""What kind of file this is, by its content; the name only decides between kinds of plain text."""

import json
import re
import struct
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from ingest.errors import ArchiveRefusedError
from ingest.programming_languages import language_of
from ingest.zip_files import open_zip

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP = "application/zip"
HTML = "text/html"
MARKDOWN = "text/markdown"
CSV = "text/csv"
TEXT = "text/plain"
EML = "message/rfc822"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
XLS = "application/vnd.ms-excel"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
MSG = "application/vnd.ms-outlook"
HWP = "application/x-hwp"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
RTF = "application/rtf"
EPUB = "application/epub+zip"
XML = "application/xml"
JSON = "application/json"
JSON_LINES = "application/jsonl"
ASCIIDOC = "text/asciidoc"
RESTRUCTURED_TEXT = "text/x-rst"
ORG = "text/org"
SOURCE_CODE = "text/x-source-code"
SUBTITLES = "text/vtt"
MBOX = "application/mbox"
MHTML = "multipart/related"
TAR = "application/x-tar"
GZIP = "application/gzip"
ENCRYPTED_OFFICE = "application/x-encrypted-office"
BINARY = "application/octet-stream"

KINDS: dict[str, str] = {
    PDF: "a PDF file",
    DOCX: "a Word document",
    PPTX: "a PowerPoint presentation",
    XLSX: "an Excel workbook",
    ZIP: "a ZIP archive",
    HTML: "a web page",
    MARKDOWN: "a Markdown file",
    CSV: "a table in CSV",
    TEXT: "a text file",
    EML: "an e-mail",
    ENCRYPTED_OFFICE: "an encrypted Office file",
    DOC: "a Word 97-2003 document",
    XLS: "an Excel 97-2003 workbook",
    PPT: "a PowerPoint 97-2003 presentation",
    MSG: "an Outlook message",
    XLSB: "a binary Excel workbook",
    "application/x-ole-storage": "an old Office file of unknown kind",
    HWP: "a Hangul document",
    ODT: "an OpenDocument text",
    ODS: "an OpenDocument spreadsheet",
    ODP: "an OpenDocument presentation",
    EPUB: "an EPUB book",
    "application/vnd.apple.iwork": "an Apple iWork document",
    RTF: "an RTF document",
    XML: "an XML file",
    MBOX: "a mailbox",
    MHTML: "a saved web page (MHTML)",
    JSON: "a JSON file",
    JSON_LINES: "a file of JSON lines",
    ASCIIDOC: "an AsciiDoc file",
    RESTRUCTURED_TEXT: "a reStructuredText file",
    ORG: "an Org file",
    SOURCE_CODE: "source code",
    SUBTITLES: "a file of subtitles",
    GZIP: "a gzip archive",
    "application/x-7z-compressed": "a 7-Zip archive",
    "application/vnd.rar": "a RAR archive",
    TAR: "a TAR archive",
    "application/x-executable": "a program",
    "image/png": "a PNG picture",
    "image/jpeg": "a JPEG picture",
    "image/gif": "a GIF picture",
    "image/tiff": "a TIFF picture",
    "image/webp": "a WebP picture",
    "image/bmp": "a bitmap picture",
    "image/heic": "a HEIC picture",
    "audio/mpeg": "a sound file",
    "video/mp4": "a video",
    BINARY: "a binary file of unknown kind",
}
"""How to name each kind in a sentence for the uploader."""

_HEAD_BYTES = 1 << 16
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"{\\rtf", RTF),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1f\x8b", GZIP),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", TAR),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ\x90\0", "application/x-executable"),
)
_BITMAP = re.compile(rb"BM.{8}[\x1a\x36\x8a]\0\0\0", re.DOTALL)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS: tuple[tuple[str, str], ...] = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("__properties_version1.0", MSG),
    ("HwpSummaryInformation", HWP),
    ("WordDocument", DOC),
    ("PowerPoint Document", PPT),
    ("Workbook", XLS),
    ("Book", XLS),
)
_NAMES: dict[str, str] = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".csv": CSV,
    ".tsv": CSV,
    ".adoc": ASCIIDOC,
    ".asciidoc": ASCIIDOC,
    ".rst": RESTRUCTURED_TEXT,
    ".org": ORG,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".eml": EML,
    ".xml": XML,
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
}
_NAME_DECIDES = frozenset({MARKDOWN, CSV, ASCIIDOC, RESTRUCTURED_TEXT, ORG, SOURCE_CODE})
"""Kinds of plain text that may quote any other kind."""
_MAIL_HEADERS = re.compile(rb"(?:[\w-]+:[ \t]?[^\n]*\n(?:[ \t][^\n]*\n)*){2,}")
_MAIL_HEADER = re.compile(
    rb"^(from|to|subject|received|mime-version|date|message-id|return-path|delivered-to):", re.I | re.M
)
_SAVED_PAGE = re.compile(rb"^(snapshot-content-location:|from: *<saved by )", re.I | re.M)
_SUBRIP = re.compile(rb"\d+[ \t]*\r?\n\d+:\d\d:\d\d[,.]\d{3} *-->")
_JSON_START = re.compile(rb'\{\s*(?:"|\})|\[\s*(?:["\[\]{\d-]|true|false|null)')
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
_LARGEST_MIMETYPE_BYTES = 200


def sniff(path: Path, name: str) -> str:
    """The media type of the file at `path`, which its uploader calls `name`.

    Never raises for a strange file: whatever it is, `KINDS` has words for the answer.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(path)
    if head.startswith(_OLE):
        return _sniff_ole(path, head)
    for offset, magic, media_type in _MAGIC:
        if head.startswith(magic, offset):
            return media_type
    if _BITMAP.match(head):
        return "image/bmp"
    return _sniff_text(head, name) if _is_text(head) else BINARY


def _sniff_zip(path: Path) -> str:
    try:
        with open_zip(path) as archive:
            return _sniff_members(archive)
    except (BadZipFile, ArchiveRefusedError):
        return ZIP


def _sniff_members(archive: ZipFile) -> str:
    names = set(archive.namelist())
    if "mimetype" in names and (declared := _declared_media_type(archive)) in KINDS:
        return declared
    if "xl/workbook.bin" in names:
        return XLSB
    if "[Content_Types].xml" in names:
        for folder, media_type in (("word/", DOCX), ("xl/", XLSX), ("ppt/", PPTX)):
            if any(name.startswith(folder) for name in names):
                return media_type
    if any(name.startswith("Index/") and name.endswith(".iwa") for name in names) or "Index.zip" in names:
        return "application/vnd.apple.iwork"
    return ZIP


def _declared_media_type(archive: ZipFile) -> str:
    """OpenDocument and EPUB say what they are in a first member of their own."""
    if archive.getinfo("mimetype").file_size > _LARGEST_MIMETYPE_BYTES:
        return ""
    try:
        return archive.read("mimetype").decode("ascii", "replace").strip()
    except (RuntimeError, NotImplementedError):
        return ""


def _sniff_ole(path: Path, head: bytes) -> str:
    """Looks for telling stream names where the directory of an OLE file usually lies ([MS-CFB] 2.2)."""
    sector_bytes = 1 << min(struct.unpack_from("<H", head.ljust(64, b"\0"), 30)[0], 12)
    (sector,) = struct.unpack_from("<I", head.ljust(64, b"\0"), 48)
    with path.open("rb") as file:
        file.seek(min((sector + 1) * sector_bytes, path.stat().st_size))
        directory = file.read(_HEAD_BYTES)
    for place in (directory, head):
        for stream, media_type in _OLE_STREAMS:
            if stream.encode("utf-16-le") in place:
                return media_type
    return "application/x-ole-storage"


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or looks_utf16(head):
        return True
    sample = head[:8192]
    return len(sample.translate(None, _CONTROL)) >= 0.97 * len(sample)


def looks_utf16(data: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` where Latin text in UTF-16 stands without a byte order mark."""
    sample = data[:2048]
    half = len(sample) // 2
    if half < 8:
        return None
    if sample[1::2].count(0) > 0.7 * half and sample[::2].count(0) < 0.05 * half:
        return "utf-16-le"
    if sample[::2].count(0) > 0.7 * half and sample[1::2].count(0) < 0.05 * half:
        return "utf-16-be"
    return None


def _sniff_text(head: bytes, name: str) -> str:
    plain = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    by_name = _kind_by_name(name, plain)
    if by_name in _NAME_DECIDES:
        return by_name
    if mail := _sniff_mail(plain, name):
        return mail
    lowered = plain[:4096].lower()
    if lowered.startswith(b"webvtt") or _SUBRIP.match(plain):
        return SUBTITLES
    if lowered.startswith((b"<!doctype html", b"<html")) or b"<html" in lowered or b"<body" in lowered:
        return HTML
    if lowered.startswith(b"<?xml"):
        return HTML if by_name == HTML else XML
    if _JSON_START.match(plain):
        return by_name if by_name in (JSON, JSON_LINES) else _sniff_json(head)
    # What only claims to be one of these is read as the text that it is.
    return TEXT if by_name in (EML, JSON, JSON_LINES) else by_name


def _kind_by_name(name: str, plain: bytes) -> str:
    by_name = _NAMES.get(PurePosixPath(name).suffix.lower())
    if by_name is None and language_of(name, plain[:200].decode("ascii", "replace")):
        return SOURCE_CODE
    return by_name or TEXT


def _sniff_mail(plain: bytes, name: str) -> str | None:
    suffix = PurePosixPath(name).suffix.lower()
    if plain[:5].lower() == b"from " and _MAIL_HEADER.search(plain[:4096]):
        # One message may carry the envelope line of the mailbox it was taken from.
        return EML if suffix == ".eml" else MBOX
    if _MAIL_HEADERS.match(plain.replace(b"\r\n", b"\n")) and _MAIL_HEADER.search(plain[:8192]):
        is_page = suffix in (".mht", ".mhtml") or _SAVED_PAGE.search(plain[:4096])
        return MHTML if is_page else EML
    return None


def _sniff_json(head: bytes) -> str:
    """A text that begins like JSON is JSON if it is, as far as can be seen at its beginning."""
    if len(head) == _HEAD_BYTES:
        return JSON
    try:
        json.loads(head)
    except (ValueError, RecursionError):
        return TEXT
    return JSON
