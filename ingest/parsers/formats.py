"""Which parser reads which kind of file. Runs in the parsing sandbox's children, nowhere else."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ingest import sniffing
from ingest.archives import check_archive
from ingest.errors import ArchiveRefusedError, EncryptedDocumentError, UnsupportedFormatError
from ingest.parsed import ParsedDocument
from ingest.parsers.csv_tables import parse_csv
from ingest.parsers.docx import parse_docx
from ingest.parsers.eml import parse_eml
from ingest.parsers.html import parse_html
from ingest.parsers.language import detect_language
from ingest.parsers.markdown import parse_markdown
from ingest.parsers.ocr.engine import Recognizer, fitted
from ingest.parsers.ocr.readings import PageReading, encode_readings, load_readings
from ingest.parsers.pdf.document import parse_pdf, pictures_for_reading
from ingest.parsers.pictures import parse_picture, pictures_of
from ingest.parsers.pptx import parse_pptx
from ingest.parsers.text import parse_text
from ingest.parsers.xlsx import parse_xlsx

Parse = Callable[[Path, str], ParsedDocument]

PARSERS: dict[str, Parse] = {
    sniffing.DOCX: parse_docx,
    sniffing.PPTX: parse_pptx,
    sniffing.XLSX: parse_xlsx,
    sniffing.CSV: parse_csv,
    sniffing.HTML: parse_html,
    sniffing.MARKDOWN: parse_markdown,
    sniffing.TEXT: parse_text,
    sniffing.EML: parse_eml,
}


PICTURED: dict[str, Callable[[Path, str, Mapping[int, PageReading] | None], ParsedDocument]] = {
    sniffing.PDF: parse_pdf,
    **dict.fromkeys(sniffing.PICTURES, parse_picture),
}
"""Parsers of what may hold pictures of text."""


def parse(path: Path, name: str, media_type: str, readings: Path | None = None) -> ParsedDocument:
    """Reads the file at `path`, which its uploader calls `name`; raises an `IngestError`.

    `readings` is the file of what text recognition read on the pages named by an earlier call.
    """
    if media_type in PICTURED:
        return PICTURED[media_type](path, name, load_readings(readings) if readings else None)
    parser = PARSERS.get(media_type)
    if parser is not None:
        return parser(path, name)
    if media_type == sniffing.ZIP:
        # Archives are unpacked before parsing; only what could not be unpacked comes here.
        check_archive(path, name)
        raise ArchiveRefusedError(f"'{name}' lies too deep in other archives.")
    if media_type == sniffing.ENCRYPTED_OFFICE:
        raise EncryptedDocumentError(f"'{name}' is protected by a password.")
    kind = sniffing.KINDS.get(media_type, f"a file of type {media_type}")
    raise UnsupportedFormatError(f"'{name}' is {kind}, which cannot be read.")


def read_pages(path: Path, media_type: str, pages: Sequence[int]) -> bytes:
    """What text recognition reads on these pages, encoded; the process must not be forked afterwards."""
    pictures = pictures_for_reading if media_type == sniffing.PDF else pictures_of
    recognizer = Recognizer()
    return encode_readings(
        recognizer.read(fitted(picture), number) for number, picture in pictures(path, pages)
    )


def warm_up() -> None:
    """Loads, before the first document, what every document needs: the language model."""
    detect_language("The quick brown fox jumps over the lazy dog.")
