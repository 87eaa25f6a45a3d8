"""What can be read, in one place: for those who refuse a file before its bytes are sent.

What a file really is, its content decides when it has arrived (`ingest.sniffing`); a name without a known
ending is therefore no reason to refuse it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ingest import sniffing
from ingest.programming_languages import LANGUAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableFormat:
    title: str
    """For people: `Word`."""
    extensions: tuple[str, ...]
    """In lower case, with the dot."""
    media_types: tuple[str, ...]
    """The first is what `sniffing.sniff` says; browsers may send any of them."""


def _format(title: str, extensions: str, *media_types: str) -> ReadableFormat:
    return ReadableFormat(title=title, extensions=tuple(extensions.split()), media_types=media_types)


_OFFICE_XML = "application/vnd.openxmlformats-officedocument"

READABLE: tuple[ReadableFormat, ...] = (
    _format("PDF", ".pdf", sniffing.PDF),
    _format(
        "Word",
        ".docx .docm .dotx .dotm",
        sniffing.DOCX,
        "application/vnd.ms-word.document.macroenabled.12",
        f"{_OFFICE_XML}.wordprocessingml.template",
    ),
    _format(
        "PowerPoint",
        ".pptx .pptm .ppsx .ppsm .potx",
        sniffing.PPTX,
        "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        f"{_OFFICE_XML}.presentationml.slideshow",
        f"{_OFFICE_XML}.presentationml.template",
    ),
    _format(
        "Excel",
        ".xlsx .xlsm .xltx .xltm",
        sniffing.XLSX,
        "application/vnd.ms-excel.sheet.macroenabled.12",
        f"{_OFFICE_XML}.spreadsheetml.template",
    ),
    _format("Excel, binary", ".xlsb", sniffing.XLSB),
    _format("Word 97-2003", ".doc .dot", sniffing.DOC),
    _format("PowerPoint 97-2003", ".ppt .pps .pot", sniffing.PPT),
    _format("Excel 97-2003", ".xls .xlt", sniffing.XLS),
    _format("OpenDocument text", ".odt .ott", sniffing.ODT),
    _format("OpenDocument spreadsheet", ".ods .ots", sniffing.ODS),
    _format("OpenDocument presentation", ".odp .otp", sniffing.ODP),
    _format("RTF", ".rtf", sniffing.RTF, "text/rtf"),
    _format("Hangul", ".hwp", sniffing.HWP),
    _format("EPUB", ".epub", sniffing.EPUB),
    _format("Web page", ".html .htm .xhtml", sniffing.HTML, "application/xhtml+xml"),
    _format("Saved web page", ".mhtml .mht", sniffing.MHTML, "message/rfc822"),
    _format("Markdown", ".md .markdown", sniffing.MARKDOWN),
    _format("AsciiDoc", ".adoc .asciidoc", sniffing.ASCIIDOC),
    _format("reStructuredText", ".rst", sniffing.RESTRUCTURED_TEXT, "text/prs.fallenstein.rst"),
    _format("Org", ".org", sniffing.ORG),
    _format("Text", ".txt .text .log", sniffing.TEXT),
    _format("CSV and TSV", ".csv .tsv", sniffing.CSV, "text/tab-separated-values"),
    _format("JSON", ".json", sniffing.JSON),
    _format("JSON lines", ".jsonl .ndjson", sniffing.JSON_LINES, "application/x-ndjson"),
    _format("XML", ".xml .fb2 .dita .tei .rss", sniffing.XML, "text/xml", "application/x-fictionbook+xml"),
    _format("Source code", " ".join(sorted(LANGUAGES)), sniffing.SOURCE_CODE),
    _format("Subtitles", ".vtt .srt", sniffing.SUBTITLES, "application/x-subrip"),
    _format("E-mail", ".eml", sniffing.EML),
    _format("Outlook message", ".msg", sniffing.MSG),
    _format("Mailbox", ".mbox", sniffing.MBOX),
    _format("PNG picture", ".png", "image/png"),
    _format("JPEG picture", ".jpg .jpeg", "image/jpeg"),
    _format("TIFF picture", ".tif .tiff", "image/tiff"),
    _format("WebP picture", ".webp", "image/webp"),
    _format("GIF picture", ".gif", "image/gif"),
    _format("BMP picture", ".bmp", "image/bmp"),
    _format("ZIP archive", ".zip", sniffing.ZIP, "application/x-zip-compressed"),
    _format("TAR archive", ".tar", sniffing.TAR),
    _format("gzip archive", ".gz .tgz", sniffing.GZIP, "application/x-gzip", "application/x-compressed-tar"),
)


def readable_extensions() -> tuple[str, ...]:
    """Every ending of a file name that stands for something readable."""
    return _once(extension for one in READABLE for extension in one.extensions)


def readable_media_types() -> tuple[str, ...]:
    """Every media type, sniffed or sent by a browser, that stands for something readable."""
    return _once(media_type for one in READABLE for media_type in one.media_types)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
