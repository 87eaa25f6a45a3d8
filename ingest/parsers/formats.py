"""Which parser reads which kind of file. Runs in the parsing sandbox's children, nowhere else."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ingest import sniffing
from ingest.archives import ARCHIVES, check_archive
from ingest.errors import ArchiveRefusedError, EncryptedDocumentError, UnsupportedFormatError
from ingest.parsed import ParsedDocument
from ingest.parsers.asciidoc import parse_asciidoc
from ingest.parsers.csv_tables import parse_csv
from ingest.parsers.doc import parse_doc
from ingest.parsers.eml import parse_eml, parse_mbox
from ingest.parsers.epub import parse_epub
from ingest.parsers.html import parse_html
from ingest.parsers.json_documents import parse_json
from ingest.parsers.language import detect_language
from ingest.parsers.markdown import parse_markdown
from ingest.parsers.mhtml import parse_mhtml
from ingest.parsers.msg import parse_msg
from ingest.parsers.ocr.engine import LONGEST_SIDE_PIXELS, Recognizer, fitted
from ingest.parsers.ocr.readings import PageReading, encode_readings, load_readings
from ingest.parsers.opendocument import parse_odp, parse_ods, parse_odt
from ingest.parsers.pdf.document import parse_pdf, pictures_for_reading
from ingest.parsers.pictures import parse_picture, pictures_of
from ingest.parsers.ppt import parse_ppt
from ingest.parsers.pptx import parse_pptx
from ingest.parsers.restructured_text import parse_restructured_text
from ingest.parsers.rtf import parse_rtf
from ingest.parsers.source_code import parse_source_code
from ingest.parsers.subtitles import parse_subtitles
from ingest.parsers.text import parse_text
from ingest.parsers.xberg_reader import parse_docx, parse_hwp, parse_org
from ingest.parsers.xls import parse_xls
from ingest.parsers.xlsb import parse_xlsb
from ingest.parsers.xlsx import parse_xlsx
from ingest.parsers.xml_documents import parse_xml_document

Parse = Callable[[Path, str], ParsedDocument]

PARSERS: dict[str, Parse] = {
    sniffing.DOCX: parse_docx,
    sniffing.PPTX: parse_pptx,
    sniffing.XLSX: parse_xlsx,
    sniffing.DOC: parse_doc,
    sniffing.PPT: parse_ppt,
    sniffing.XLS: parse_xls,
    sniffing.XLSB: parse_xlsb,
    sniffing.ODT: parse_odt,
    sniffing.ODP: parse_odp,
    sniffing.ODS: parse_ods,
    sniffing.RTF: parse_rtf,
    sniffing.HWP: parse_hwp,
    sniffing.EPUB: parse_epub,
    sniffing.CSV: parse_csv,
    sniffing.JSON: parse_json,
    sniffing.JSON_LINES: parse_json,
    sniffing.XML: parse_xml_document,
    sniffing.HTML: parse_html,
    sniffing.MHTML: parse_mhtml,
    sniffing.MARKDOWN: parse_markdown,
    sniffing.ASCIIDOC: parse_asciidoc,
    sniffing.RESTRUCTURED_TEXT: parse_restructured_text,
    sniffing.ORG: parse_org,
    sniffing.TEXT: parse_text,
    sniffing.SOURCE_CODE: parse_source_code,
    sniffing.SUBTITLES: parse_subtitles,
    sniffing.EML: parse_eml,
    sniffing.MBOX: parse_mbox,
    sniffing.MSG: parse_msg,
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
    if media_type in ARCHIVES:
        # Archives are unpacked before parsing; only what could not be unpacked comes here.
        check_archive(path, name)
        raise ArchiveRefusedError(f"'{name}' lies too deep in other archives.")
    if media_type == sniffing.ENCRYPTED_OFFICE:
        raise EncryptedDocumentError(f"'{name}' is protected by a password.")
    kind = sniffing.KINDS.get(media_type, f"a file of type {media_type}")
    raise UnsupportedFormatError(f"'{name}' is {kind}, which cannot be read.")


def read_pages(path: Path, media_type: str, pages: Sequence[int]) -> bytes:
    """What text recognition reads on these pages, encoded; the process must not be forked afterwards."""
    pictures = (
        pictures_for_reading(path, pages)
        if media_type == sniffing.PDF
        else pictures_of(path, pages, longest_side=LONGEST_SIDE_PIXELS)
    )
    recognizer = Recognizer()
    return encode_readings(recognizer.read(fitted(picture), number) for number, picture in pictures)


def warm_up() -> None:
    """Loads, before the first document, what every document needs: the language model."""
    detect_language("The quick brown fox jumps over the lazy dog.")
