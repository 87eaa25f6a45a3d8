"""Why a document cannot be ingested. Each class carries what its uploader is told.

IngestError
├── UnsupportedFormatError   unsupported_format
├── EmptyDocumentError       empty
├── EncryptedDocumentError   password_required
├── CorruptDocumentError     corrupt
├── ArchiveRefusedError      archive_refused
├── LimitExceededError       limit_exceeded      memory, time or size
├── ParserCrashedError       parser_crashed
└── TooManyAttemptsError     crashed_repeatedly
"""

from typing import ClassVar

from corpus.errors import SourcebookError


class IngestError(SourcebookError):
    """The document could not be ingested."""

    code: ClassVar[str] = "ingest_failed"
    title: ClassVar[str] = "Could not be ingested"
    action: ClassVar[str] = "Try again; if it fails again, tell your administrator."
    retryable: ClassVar[bool] = True


class UnsupportedFormatError(IngestError):
    """This kind of file cannot be read."""

    code = "unsupported_format"
    title = "File type not supported"
    action = "Save it as PDF, DOCX, PPTX, XLSX, ODT, HTML, Markdown or TXT and upload that."
    retryable = False


class EmptyDocumentError(IngestError):
    """The file holds no text."""

    code = "empty"
    title = "No text found"
    action = "If it is a scan, run text recognition (OCR) on it first; else check that it is the right file."
    retryable = False


class EncryptedDocumentError(IngestError):
    """The file is protected by a password."""

    code = "password_required"
    title = "Protected by a password"
    action = "Remove the password and upload the file again."
    retryable = False


class CorruptDocumentError(IngestError):
    """The file is damaged and cannot be opened."""

    code = "corrupt"
    title = "File is damaged"
    action = "Open it in the program that made it, save it anew, and upload that."
    retryable = False


class ArchiveRefusedError(IngestError):
    """The archive is too large, too deep, or built to exhaust memory."""

    code = "archive_refused"
    title = "Archive refused"
    action = "Unpack it and upload the files themselves."
    retryable = False


class LimitExceededError(IngestError):
    """Reading the file took more time or memory than one document may use."""

    code = "limit_exceeded"
    title = "Too large or too complex"
    action = "Split the file and upload the parts."
    retryable = False


class ParserCrashedError(IngestError):
    """The file made its reader crash; no other document was affected."""

    code = "parser_crashed"
    title = "Could not be read"
    action = "Save it anew, or as PDF, and upload that."
    retryable = True


class TooManyAttemptsError(IngestError):
    """Ingestion was interrupted again and again at this document."""

    code = "crashed_repeatedly"
    title = "Gave up after repeated crashes"
    action = "Tell your administrator; the server's log has the cause."
    retryable = True
