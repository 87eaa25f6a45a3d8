"""Why a document cannot be ingested. Each class carries what its uploader is told.

IngestError
├── UnsupportedFormatError   unsupported_format
├── EmptyDocumentError       empty
├── EncryptedDocumentError   password_required
├── RecognitionMissingError  recognition_missing
├── NothingRecognizedError   nothing_recognized
├── CorruptDocumentError     corrupt
├── ArchiveRefusedError      archive_refused
├── LimitExceededError       limit_exceeded      memory, time or size
├── ParserCrashedError       parser_crashed
├── FileMissingError         file_missing
├── EmbeddingFailedError     embedding_failed
└── TooManyAttemptsError     crashed_repeatedly
"""

from typing import ClassVar

from corpus.documents import UNSUPPORTED_FORMAT
from corpus.errors import SourcebookError


class IngestError(SourcebookError):
    """The document could not be ingested."""

    code: ClassVar[str] = "ingest_failed"
    title: ClassVar[str] = "Could not be ingested"
    action: ClassVar[str] = "Try again; if it fails again, tell your administrator."
    retryable: ClassVar[bool] = True


class UnsupportedFormatError(IngestError):
    """This kind of file cannot be read."""

    code = UNSUPPORTED_FORMAT
    title = "File type not supported"
    action = "Save it as PDF, DOCX, PPTX, XLSX, ODT, HTML, Markdown or TXT and upload that."
    retryable = False


class EmptyDocumentError(IngestError):
    """The file holds no text."""

    code = "empty"
    title = "No text found"
    action = "Check that it is the right file."
    retryable = False


class EncryptedDocumentError(IngestError):
    """The file is protected by a password."""

    code = "password_required"
    title = "Protected by a password"
    action = "Remove the password and upload the file again."
    retryable = False


class RecognitionMissingError(IngestError):
    """The file holds pictures of text, and nothing that reads them is installed."""

    code = "recognition_missing"
    title = "Text recognition is not installed"
    action = "Install it (pip install 'sourcebook[ocr]'), then try again."
    retryable = True


class NothingRecognizedError(IngestError):
    """The file holds pictures in which the installed recognition reads nothing."""

    code = "nothing_recognized"
    title = "No text recognised"
    action = (
        "If it shows writing other than Latin, Chinese or Japanese, have Tesseract with its language "
        "installed (for Arabic: tesseract-ocr-ara), then try again."
    )
    retryable = True


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


class FileMissingError(IngestError):
    """The uploaded file is no longer in the file store."""

    code = "file_missing"
    title = "File is missing"
    action = "Upload the file again."
    retryable = False


class EmbeddingFailedError(IngestError):
    """The embedding model gave no usable vectors."""

    code = "embedding_failed"
    title = "Could not be embedded"
    action = "Tell your administrator to check the embedding model, then try again."
    retryable = True


class TooManyAttemptsError(IngestError):
    """Ingestion was interrupted again and again at this document."""

    code = "crashed_repeatedly"
    title = "Gave up after repeated crashes"
    action = "Tell your administrator; the server's log has the cause."
    retryable = True
