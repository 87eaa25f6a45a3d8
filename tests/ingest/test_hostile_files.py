"""Files built to leak, exhaust or crash end with a typed reason, or as the harmless words that they hold."""

import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from ingest.errors import CorruptDocumentError, EmptyDocumentError, IngestError, LimitExceededError
from ingest.parsed import ParsedDocument
from ingest.parsers.formats import parse as parse_here
from ingest.sniffing import sniff

CompoundFile = Callable[[dict[str, bytes]], bytes]
ParseBytes = Callable[[str, bytes], ParsedDocument]


@pytest.fixture
def parse_bytes(parse: Callable[[Path], ParsedDocument], tmp_path: Path) -> ParseBytes:
    def parse_bytes(name: str, content: bytes) -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(content)
        return parse(path)

    return parse_bytes


def outcome_of(parsing: Callable[[], ParsedDocument]) -> ParsedDocument | IngestError:
    try:
        return parsing()
    except IngestError as error:
        return error


def package(parts: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3cr3t")
    return path


def doctype(secret: Path) -> bytes:
    return f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{secret}"><!ENTITY y "inner">]>'.encode()


def test_no_entity_of_an_xml_file_is_resolved(parse_bytes: ParseBytes, secret: Path) -> None:
    document = parse_bytes("a.xml", doctype(secret) + b"<r><p>before &x; &y; after</p></r>")
    assert document.text == "before &x; &y; after"
    assert document.warnings[0] == "&x; stands as it is written: entities are not resolved."


def test_no_entity_of_an_opendocument_is_resolved(parse_bytes: ParseBytes, secret: Path) -> None:
    content = (
        doctype(secret) + b'<o:document-content xmlns:o="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        b'xmlns:t="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><o:body><o:text><t:p>words &x;</t:p>'
        b"</o:text></o:body></o:document-content>"
    )
    media_type = b"application/vnd.oasis.opendocument.text"
    text = parse_bytes("a.odt", package({"mimetype": media_type, "content.xml": content})).text
    assert "words" in text
    assert "s3cr3t" not in text


def test_an_entity_bomb_stays_small(parse_bytes: ParseBytes) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 20))
    bomb = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e0 "ha">{entities}]><r>&e19;</r>'
    outcome = outcome_of(lambda: parse_bytes("bomb.xml", bomb.encode()))
    assert isinstance(outcome, CorruptDocumentError) or (
        isinstance(outcome, ParsedDocument) and outcome.text == "&e19;"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.xml", b"<a>" * 100_000),
        ("deep.json", b"[" * 200_000 + b"]" * 200_000),
        ("deep.rtf", b"{\\rtf1 " + b"{" * 200_000 + b"needle" + b"}" * 200_000),
        ("deep.html", b"<html><body>" + b"<div>" * 10_000 + b"needle"),
        ("deep.rst", b"".join(b" " * n + b".. note::\n" for n in range(2000))),
        ("deep.adoc", b"*" * 100_000 + b" needle"),
        (
            "deep.eml",
            b"From: a@b.c\nSubject: x\n" + b"Content-Type: multipart/mixed; boundary=a\n\n--a\n" * 3000,
        ),
    ],
)
def test_deep_nesting_ends(parse_bytes: ParseBytes, name: str, content: bytes) -> None:
    outcome = outcome_of(lambda: parse_bytes(name, content))
    if b"needle" in content:
        assert isinstance(outcome, ParsedDocument)
        assert "needle" in outcome.text
    elif not isinstance(outcome, ParsedDocument):
        assert isinstance(outcome, CorruptDocumentError | LimitExceededError | EmptyDocumentError)
        assert name in str(outcome)


def test_a_package_that_unpacks_to_more_than_memory_is_refused(parse_bytes: ParseBytes) -> None:
    content = package(
        {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": bytes(300 << 20)}
    )
    with pytest.raises(LimitExceededError, match=r"'bomb\.odt' unpacks to more than 256 MB"):
        parse_bytes("bomb.odt", content)


def test_a_lying_charset_does_not_spoil_the_words(parse_bytes: ParseBytes) -> None:
    page = '<html><head><meta charset="utf-16"></head><body><p>Größe</p></body></html>'
    assert parse_bytes("a.html", page.encode()).text == "Größe"


def test_a_compound_file_with_a_loop_ends(parse_bytes: ParseBytes, compound_file: CompoundFile) -> None:
    content = bytearray(compound_file({"WordDocument": bytes(2048)}))
    content[512 + 4 * 2 : 512 + 4 * 3] = (2).to_bytes(4, "little")
    with pytest.raises(IngestError, match=r"'loop\.doc'"):
        parse_bytes("loop.doc", bytes(content))


REAL = Path(__file__).parents[3] / "shared" / "data" / "files"
MUTATED = (
    "legacy_sample.doc",
    "legacy_sample.ppt",
    "testEXCEL.xls",
    "testEXCEL.xlsb",
    "testMSG_att_msg.msg",
    "testRTFVarious.rtf",
    "odf_presentation_01.odp",
    "testEPUB.epub",
)


@pytest.mark.skipif(not REAL.exists(), reason="the shared files are not beside the repository")
@pytest.mark.parametrize("file", MUTATED)
def test_damage_anywhere_ends_with_a_typed_reason(tmp_path: Path, file: str) -> None:
    original = (REAL / file).read_bytes()
    media_type = sniff(REAL / file, file)
    path = tmp_path / file
    dice = random.Random(file)
    for _ in range(12):
        content = bytearray(original)
        place = dice.randrange(len(content))
        if dice.random() < 0.3:
            del content[place:]
        else:
            content[place : place + 64] = bytes(dice.choice((0, 255)) for _ in content[place : place + 64])
        path.write_bytes(content)
        outcome = outcome_of(lambda: parse_here(path, file, media_type))
        assert outcome.text if isinstance(outcome, ParsedDocument) else file in str(outcome)
