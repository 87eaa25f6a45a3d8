"""Mails of every kind, with what is attached to them, are one document each."""

import gzip
import struct
from collections.abc import Callable
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from docx import Document

from ingest.errors import CorruptDocumentError
from ingest.parsed import ParsedDocument

Shape = list[tuple[str, str]]
CompoundFile = Callable[[dict[str, bytes]], bytes]
ParseBytes = Callable[[str, bytes], ParsedDocument]


def shape(document: ParsedDocument) -> Shape:
    return [(block.kind.value, document.text[block.start : block.end]) for block in document.blocks]


@pytest.fixture
def parse_bytes(parse: Callable[[Path], ParsedDocument], tmp_path: Path) -> ParseBytes:
    def parse_bytes(name: str, content: bytes) -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(content)
        return parse(path)

    return parse_bytes


def mail(subject: str, body: str, **attachments: bytes) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "ann@example.com"
    message.set_content(body)
    for name, content in attachments.items():
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name.replace("_", ".")
        )
    return message


def word_file() -> bytes:
    written = Document()
    written.add_heading("Costs", 1)
    table = written.add_table(rows=2, cols=2)
    for index, text in enumerate(("A", "B", "1", "2")):
        table.cell(index // 2, index % 2).text = text
    buffer = BytesIO()
    written.save(buffer)
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_an_attachment_is_read_by_its_own_parser(parse_bytes: ParseBytes) -> None:
    document = parse_bytes("mail.eml", mail("Hello", "Body.", plan_docx=word_file()).as_bytes())
    assert shape(document)[1:] == [
        ("paragraph", "Body."),
        ("heading", "Attachment: plan.docx"),
        ("heading", "Costs"),
        ("table", "A | B\n1 | 2"),
    ]
    assert document.blocks[-1].heading_path == ("Attachment: plan.docx", "Costs")
    assert [document.text[slice(*row)] for row in document.blocks[-1].rows] == ["A | B", "1 | 2"]


def test_an_attached_archive_and_an_attached_mail_are_opened(parse_bytes: ParseBytes) -> None:
    inner = mail("Inner", "Inner body.", note_md=b"# Note")
    outer = mail(
        "Outer", "Outer body.", pack_zip=zipped({"a.csv": b"x,y\n1,2"}), log_gz=gzip.compress(b"logged")
    )
    outer.add_attachment(inner)
    texts = [text for _, text in shape(parse_bytes("mail.eml", outer.as_bytes()))]
    assert texts[1:] == [
        "Outer body.",
        "Attachment: pack.zip/a.csv",
        "x | y\n1 | 2",
        "Attachment: log.gz/log",
        "logged",
        "Attachment: Inner.eml",
        "Subject: Inner\nFrom: ann@example.com",
        "Inner body.",
        "Attachment: note.md",
        "Note",
    ]


def test_an_unreadable_attachment_is_named_and_the_mail_read(parse_bytes: ParseBytes) -> None:
    document = parse_bytes("mail.eml", mail("Hello", "Body.", a_pdf=b"%PDF-1.4 broken", b_txt=b"").as_bytes())
    assert "Body." in document.text
    assert "a.pdf" not in document.text
    assert document.warnings == (
        "An attachment was not read: 'a.pdf' is damaged and cannot be opened as a PDF.",
    )


def test_mails_attached_to_mails_without_end_are_not_followed(parse_bytes: ParseBytes) -> None:
    message = mail("Innermost", "needle")
    for level in range(8):
        outer = mail(f"Level {level}", "Body.")
        outer.add_attachment(message)
        message = outer
    document = parse_bytes("mail.eml", message.as_bytes())
    assert "needle" not in document.text
    assert any("too deep" in warning for warning in document.warnings)


def test_a_mailbox_has_a_section_per_message(parse_bytes: ParseBytes) -> None:
    messages = [mail("First", "One.\n\nFrom here on.", a_md=b"- item"), mail("Second", "Two.")]
    box = b"".join(
        b"From ann@example.com Mon Jan  1 00:00:00 2024\n%s\n" % one.as_bytes().replace(b"\nFrom", b"\n>From")
        for one in messages
    )
    document = parse_bytes("box.mbox", box)
    assert document.title == "box"
    assert [(kind, text) for kind, text in shape(document) if not text.startswith("Subject")] == [
        ("heading", "First"),
        ("paragraph", "One."),
        ("paragraph", "From here on."),
        ("heading", "Attachment: a.md"),
        ("list_item", "item"),
        ("heading", "Second"),
        ("paragraph", "Two."),
    ]
    assert document.blocks[5].heading_path == ("First", "Attachment: a.md")


def test_a_saved_page_is_read_as_the_page_it_is(parse_bytes: ParseBytes) -> None:
    message = EmailMessage()
    message["From"] = "<Saved by Blink>"
    message["Subject"] = "The page"
    message["MIME-Version"] = "1.0"
    message.set_content(
        "<html><body><h1>Größe</h1><p>Words</p></body></html>", subtype="html", charset="utf-8"
    )
    message.make_related()
    message.add_related(b"GIF89a", maintype="image", subtype="gif")
    document = parse_bytes("page.mhtml", message.as_bytes())
    assert document.title == "The page"
    assert shape(document) == [("heading", "Größe"), ("paragraph", "Words")]


def properties(header_bytes: int, **numbers: int) -> bytes:
    tags = {"sent": (0x40, 0x0039), "code_page": (3, 0x3FFD)}
    entries = (struct.pack("<HHIQ", *tags[name], 6, value) for name, value in numbers.items())
    return bytes(header_bytes) + b"".join(entries)


def message_streams(folder: str, subject: str, body: str) -> dict[str, bytes]:
    header = 24 if folder else 32
    return {
        f"{folder}__properties_version1.0": properties(header, sent=133_485_408_000_000_000),
        f"{folder}__substg1.0_0037001F": subject.encode("utf-16-le"),
        f"{folder}__substg1.0_1000001F": body.encode("utf-16-le"),
        f"{folder}__substg1.0_0C1A001F": "Ann Größe".encode("utf-16-le"),
    }


def test_an_outlook_message_gives_headers_body_and_attachments(
    parse_bytes: ParseBytes, compound_file: CompoundFile
) -> None:
    first, second = "__attach_version1.0_#00000000/", "__attach_version1.0_#00000001/"
    content = compound_file(
        message_streams("", "Plans", "Body.\r\n\r\nMore.")
        | {
            f"{first}__properties_version1.0": bytes(8),
            f"{first}__substg1.0_3707001F": "note.md".encode("utf-16-le"),
            f"{first}__substg1.0_37010102": b"# Note\n\n- item",
            f"{second}__properties_version1.0": bytes(8),
        }
        | message_streams(f"{second}__substg1.0_3701000D/", "Older", "Older body.")
    )
    document = parse_bytes("plans.msg", content)
    assert document.title == "Plans"
    assert shape(document) == [
        ("paragraph", "Subject: Plans\nFrom: Ann Größe\nDate: 2024-01-01 00:00:00 UTC"),
        ("paragraph", "Body."),
        ("paragraph", "More."),
        ("heading", "Attachment: note.md"),
        ("heading", "Note"),
        ("list_item", "item"),
        ("heading", "Attachment: Older"),
        ("paragraph", "Subject: Older\nFrom: Ann Größe\nDate: 2024-01-01 00:00:00 UTC"),
        ("paragraph", "Older body."),
    ]


def test_an_outlook_message_in_an_old_code_page(parse_bytes: ParseBytes, compound_file: CompoundFile) -> None:
    text = "Заседание состоится в понедельник."
    content = compound_file(
        {
            "__properties_version1.0": properties(32, code_page=1251),
            "__substg1.0_0037001E": b"Subject",
            "__substg1.0_1000001E": text.encode("cp1251"),
        }
    )
    assert text in parse_bytes("old.msg", content).text


def test_a_damaged_outlook_message_says_so(parse_bytes: ParseBytes, compound_file: CompoundFile) -> None:
    content = compound_file(message_streams("", "Plans", "Body."))
    with pytest.raises(CorruptDocumentError, match=r"'plans\.msg' is damaged"):
        parse_bytes("plans.msg", content[:1600])
