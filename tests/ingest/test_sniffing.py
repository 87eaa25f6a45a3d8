"""Content decides what a file is; its name only between kinds of plain text."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from ingest import sniffing
from ingest.sniffing import KINDS, sniff


def package(*names: str, mimetype: str | None = None) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        if mimetype is not None:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def compound(stream: str) -> bytes:
    """A compound file whose directory, in its first sector, names `stream`."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(22) + (9).to_bytes(2, "little") + bytes(480)
    return header + stream.encode("utf-16-le").ljust(512, b"\0")


MAIL = b"From: a@example.com\r\nSubject: Hello\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nHi"


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"%PDF-1.7\n", "report.docx", sniffing.PDF),
        (b"junk before" * 50 + b"%PDF-1.4", "x", sniffing.PDF),
        (package("[Content_Types].xml", "word/document.xml"), "x.zip", sniffing.DOCX),
        (package("[Content_Types].xml", "xl/workbook.xml"), "x", sniffing.XLSX),
        (package("[Content_Types].xml", "ppt/presentation.xml"), "x", sniffing.PPTX),
        (package("a.txt", "word/a.txt"), "x.docx", sniffing.ZIP),
        (package(mimetype="application/epub+zip"), "x", "application/epub+zip"),
        (b"PK\x03\x04 cut off", "x.docx", sniffing.ZIP),
        (compound("EncryptedPackage"), "x.docx", sniffing.ENCRYPTED_OFFICE),
        (compound("WordDocument"), "x.docx", "application/msword"),
        (b"{\\rtf1 hello}", "x.txt", "application/rtf"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "x.pdf", "image/png"),
        (b"<!DOCTYPE html><p>x", "x.txt", sniffing.HTML),
        (b"<p>a fragment</p>", "x.html", sniffing.HTML),
        (b"# Title\n", "x.MD", sniffing.MARKDOWN),
        (b"# <html> in Markdown\n", "x.md", sniffing.MARKDOWN),
        (b"a,b\n1,2\n", "x.csv", sniffing.CSV),
        (b"a,b\n1,2\n", "x", sniffing.TEXT),
        (MAIL, "x.txt", sniffing.EML),
        (MAIL.decode().encode("utf-16-le"), "x.eml", sniffing.EML),
        ("héllo".encode("utf-16"), "x.txt", sniffing.TEXT),
        ("\ufeffhéllo".encode(), "x.txt", sniffing.TEXT),
        ("naïve café".encode("cp1252"), "x.txt", sniffing.TEXT),
        (b"", "x.txt", sniffing.TEXT),
        (
            b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>",
            "x.xml",
            "application/xml",
        ),
        (b"ustar".rjust(262, b"\0").ljust(512, b"\0"), "x.txt", sniffing.TAR),
        (b"\x1f\x8b\x08\0", "x.txt", sniffing.GZIP),
        (b'{"a": 1}', "x", sniffing.JSON),
        (b"{not json}", "x.json", sniffing.TEXT),
        (b"[draft] a text", "x.txt", sniffing.TEXT),
        (b'{"a": 1}\n{"a": 2}', "x.jsonl", sniffing.JSON_LINES),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi", "x.txt", sniffing.SUBTITLES),
        (b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHi", "x.txt", sniffing.SUBTITLES),
        (b"name: x\ndate: 2024-01-01\n", "x.yaml", sniffing.SOURCE_CODE),
        (b"print('<html>')\n", "x.py", sniffing.SOURCE_CODE),
        (b"#!/bin/sh\nls\n", "x", sniffing.SOURCE_CODE),
        (b"From a@b.c Mon Jan  1 00:00:00 2024\n" + MAIL, "x", sniffing.MBOX),
        (MAIL.replace(b"From: a@", b"Snapshot-Content-Location: http://x/\r\nFrom: a@"), "x", sniffing.MHTML),
        (package(mimetype="application/vnd.oasis.opendocument.text"), "x.docx", sniffing.ODT),
        (package("[Content_Types].xml", "xl/workbook.bin"), "x.xlsx", sniffing.XLSB),
        (compound("__properties_version1.0"), "x.doc", sniffing.MSG),
        (bytes(range(256)) * 4, "x.txt", sniffing.BINARY),
    ],
)
def test_the_kind_of_file(tmp_path: Path, content: bytes, name: str, expected: str) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    assert sniff(path, name) == expected
    assert expected in KINDS
