"""One document version from bytes to answers: prepare, embed, publish. Every step may run twice."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from corpus.blobs import BlobStore
from corpus.catalog import Catalog
from corpus.documents import Chunk, CollectionId, Document, DocumentId, Reason
from corpus.errors import SourcebookError
from corpus.versions import VersionFacts, Versions
from ingest.chunking import Chunker
from ingest.errors import EmptyDocumentError, IngestError, TooManyAttemptsError
from ingest.parsed import ParsedDocument
from retrieval.index import Index

MAX_ATTEMPTS = 5
EMBED_BATCH = 256
"""Chunks a step embeds and stores: what a crash can cost at most."""

log = logging.getLogger(__name__)


class DocumentParser(Protocol):
    def parse(self, path: Path, name: str, media_type: str) -> ParsedDocument:
        """Raises an `IngestError` that says why the file cannot be read."""
        ...


class ChunkIndexer(Protocol):
    def index(self, chunks: list[Chunk], *, collection_id: CollectionId, title: str) -> None: ...


class Pipeline:
    def __init__(
        self,
        catalog: Catalog,
        versions: Versions,
        blobs: BlobStore,
        parser: DocumentParser,
        chunker: Chunker,
        indexer: ChunkIndexer,
        index: Index,
    ) -> None:
        self._catalog = catalog
        self._versions = versions
        self._blobs = blobs
        self._parser = parser
        self._chunker = chunker
        self._indexer = indexer
        self._index = index

    def prepare(self, document_id: DocumentId, version: int) -> int:
        """Parses and chunks; returns the number of chunks, 0 when there is nothing more to do."""
        document = self._versions.claim(document_id, version)
        if document is None:
            return 0
        try:
            if document.attempts > MAX_ATTEMPTS:
                raise TooManyAttemptsError
            return self._parse_and_chunk(document)
        except IngestError as error:
            self._versions.fail(
                document_id, version, reason_of(error, stage="parsing", attempt=document.attempts)
            )
            return 0

    def embed(self, document_id: DocumentId, version: int, first: int) -> None:
        """Embeds and stores up to `EMBED_BATCH` chunks from number `first` on."""
        if not self._versions.is_wanted(document_id, version):
            return
        document = self._catalog.document(document_id)
        chunks = self._versions.chunks(document_id, version, first=first, limit=EMBED_BATCH)
        title = self._versions.version_title(document_id, version)
        self._indexer.index(chunks, collection_id=document.collection_id, title=title)

    def publish(self, document_id: DocumentId, version: int) -> None:
        """Flips the document to this version, then removes what the flip made obsolete."""
        if self._versions.publish(document_id, version):
            if version > 1:
                self._index.delete(document_id, except_version=version)
                self._versions.drop_other_versions(document_id, version)
        elif not self._versions.is_active(document_id, version):
            self._index.delete(document_id, version=version)

    def give_up(self, document_id: DocumentId, version: int, error: Exception) -> None:
        """Ends a version whose steps failed for a reason that is not the document's."""
        log.error("ingesting %s version %d failed", document_id, version, exc_info=error)
        self._versions.fail(document_id, version, reason_of(error, stage="embedding", attempt=1))
        self._index.delete(document_id, version=version)

    def purge(self, document_id: DocumentId) -> None:
        """Removes every derived copy of a deleted document; its rows go last, so that it can be repeated."""
        self._index.delete(document_id)
        self._versions.purge(document_id, self._blobs.delete)

    def _parse_and_chunk(self, document: Document) -> int:
        path = self._blobs.path(document.sha256)
        parsed = self._parser.parse(path, document.path, document.media_type)
        chunks = self._chunker.split(parsed, document.id, document.version)
        if not chunks:
            raise EmptyDocumentError(f"'{document.path}' holds no text.")
        facts = VersionFacts(
            title=parsed.title,
            language=parsed.language,
            pages=parsed.pages,
            text=parsed.text,
            blocks=parsed.blocks,
            warnings=parsed.warnings,
        )
        stored = self._versions.store_version(document.id, document.version, facts, chunks)
        return len(chunks) if stored else 0


def reason_of(error: Exception, *, stage: str, attempt: int) -> Reason:
    """An error in words for the uploader; what was not written for them stays in the log."""
    kind = type(error) if isinstance(error, IngestError) else IngestError
    told = isinstance(error, SourcebookError)
    return Reason(
        code=kind.code,
        title=kind.title,
        detail=str(error) if told else "An internal error stopped the ingestion; the server's log has it.",
        action=kind.action,
        retryable=kind.retryable,
        stage=stage,
        attempt=attempt,
        at=datetime.now(UTC),
    )
