"""Which parser reads which kind of file. Runs in the parsing sandbox's children, nowhere else."""

from collections.abc import Callable
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
from ingest.parsers.pdf.document import parse_pdf
from ingest.parsers.pptx import parse_pptx
from ingest.parsers.text import parse_text
from ingest.parsers.xlsx import parse_xlsx

Parse = Callable[[Path, str], ParsedDocument]

PARSERS: dict[str, Parse] = {
    sniffing.PDF: parse_pdf,
    sniffing.DOCX: parse_docx,
    sniffing.PPTX: parse_pptx,
    sniffing.XLSX: parse_xlsx,
    sniffing.CSV: parse_csv,
    sniffing.HTML: parse_html,
    sniffing.MARKDOWN: parse_markdown,
    sniffing.TEXT: parse_text,
    sniffing.EML: parse_eml,
}


def parse(path: Path, name: str, media_type: str) -> ParsedDocument:
    """Reads the file at `path`, which its uploader calls `name`; raises an `IngestError`."""
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


def warm_up() -> None:
    """Loads, before the first document, what every document needs: the language model."""
    detect_language("The quick brown fox jumps over the lazy dog.")
