"""What kind of file this is, by its content; the name only decides between kinds of plain text."""

import re
import struct
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from ingest.errors import ArchiveRefusedError
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
    "application/msword": "a Word 97-2003 document",
    "application/vnd.ms-excel": "an Excel 97-2003 workbook",
    "application/vnd.ms-powerpoint": "a PowerPoint 97-2003 presentation",
    "application/vnd.ms-outlook": "an Outlook message",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12": "a binary Excel workbook",
    "application/x-ole-storage": "an old Office file of unknown kind",
    "application/x-hwp": "a Hangul document",
    "application/vnd.oasis.opendocument.text": "an OpenDocument text",
    "application/vnd.oasis.opendocument.spreadsheet": "an OpenDocument spreadsheet",
    "application/vnd.oasis.opendocument.presentation": "an OpenDocument presentation",
    "application/epub+zip": "an EPUB book",
    "application/vnd.apple.iwork": "an Apple iWork document",
    "application/rtf": "an RTF document",
    "application/xml": "an XML file",
    "application/mbox": "a mailbox",
    "application/gzip": "a gzip archive",
    "application/x-7z-compressed": "a 7-Zip archive",
    "application/vnd.rar": "a RAR archive",
    "application/x-tar": "a TAR archive",
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

PICTURES = ("image/png", "image/jpeg", "image/tiff", "image/webp", "image/gif", "image/bmp")
"""Pictures whose text can be recognised."""

_HEAD_BYTES = 1 << 16
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"{\\rtf", "application/rtf"),
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
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ\x90\0", "application/x-executable"),
)
_BITMAP = re.compile(rb"BM.{8}[\x1a\x36\x8a]\0\0\0", re.DOTALL)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS: tuple[tuple[str, str], ...] = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
    ("HwpSummaryInformation", "application/x-hwp"),
    ("WordDocument", "application/msword"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
)
_NAMES: dict[str, str] = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".csv": CSV,
    ".tsv": CSV,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".eml": EML,
}
_MAIL_HEADERS = re.compile(rb"(?:[\w-]+:[ \t]?[^\n]*\n(?:[ \t][^\n]*\n)*){2,}")
_MAIL_HEADER = re.compile(
    rb"^(from|to|subject|received|mime-version|date|message-id|return-path|delivered-to):", re.I | re.M
)
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
        return "application/vnd.ms-excel.sheet.binary.macroenabled.12"
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
    lowered = plain[:4096].lower()
    if lowered.startswith(b"from ") and _MAIL_HEADER.search(plain[:4096]):
        # One message may carry the envelope line of the mailbox it was taken from.
        return EML if name.lower().endswith(".eml") else "application/mbox"
    if _MAIL_HEADERS.match(plain.replace(b"\r\n", b"\n")) and _MAIL_HEADER.search(plain[:8192]):
        return EML
    by_name = _NAMES.get(PurePosixPath(name).suffix.lower(), TEXT)
    if by_name in (MARKDOWN, CSV):
        return by_name
    if lowered.startswith((b"<!doctype html", b"<html")) or b"<html" in lowered or b"<body" in lowered:
        return HTML
    if lowered.startswith(b"<?xml"):
        return HTML if by_name == HTML else "application/xml"
    if by_name == EML and not _MAIL_HEADER.search(plain[:8192]):
        return TEXT
    return by_name
