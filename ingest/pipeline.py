"""One document version from bytes to answers: prepare, embed, publish. Every step may run twice."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from corpus.blobs import BlobStore
from corpus.catalog import Catalog
from corpus.crash_points import reach
from corpus.documents import Chunk, Document, DocumentId, DocumentStatus, Reason
from corpus.errors import SourcebookError, UnavailableError
from corpus.generations import FIRST
from corpus.versions import Standing, VersionFacts, Versions
from ingest.errors import (
    EmbeddingFailedError,
    EmptyDocumentError,
    FileMissingError,
    IngestError,
    TooManyAttemptsError,
)
from ingest.generations import OpenGeneration
from ingest.parsed import ParsedDocument
from ingest.progress import ProgressBoard
from retrieval.embedding import embedded_chunk_text
from retrieval.indexing import BadVectorsError

MAX_ATTEMPTS = 5
EMBED_BATCH = 256
"""Chunks a step embeds and stores: what a crash can cost at most."""

log = logging.getLogger(__name__)


class DocumentParser(Protocol):
    def parse(
        self, path: Path, name: str, media_type: str, *, on_ocr: Callable[[int, int], None] | None = None
    ) -> ParsedDocument:
        """Raises an `IngestError` that says why the file cannot be read.

        `on_ocr` hears how many of how many pictured pages have been read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What the next steps of a version need; `chunks` is 0 when there is nothing more to do."""

    generation: int
    chunks: int


NOTHING_TO_DO = Prepared(generation=FIRST, chunks=0)


class IndexGenerations(Protocol):
    """Ways to chunk and embed, each with its index."""

    def active(self) -> OpenGeneration:
        """The one that answers."""
        ...

    def opened(self, number: int) -> OpenGeneration | None:
        """`None` when it has been replaced."""
        ...

    def all(self) -> list[OpenGeneration]:
        """Also the one that is being built."""
        ...


class Pipeline:
    def __init__(
        self,
        catalog: Catalog,
        versions: Versions,
        blobs: BlobStore,
        parser: DocumentParser,
        generations: IndexGenerations,
    ) -> None:
        self._catalog = catalog
        self._versions = versions
        self._blobs = blobs
        self._parser = parser
        self._generations = generations
        self._board = ProgressBoard()
        self._begun: set[tuple[DocumentId, int]] = set()
        self._told_stalled: frozenset[DocumentId] = frozenset()

    def prepare(self, document_id: DocumentId, version: int) -> Prepared:
        """Parses and chunks."""
        is_begun = (document_id, version) in self._begun
        document = self._versions.claim(document_id, version, is_new_attempt=not is_begun)
        if document is None:
            self.clean_up(document_id, version)
            return NOTHING_TO_DO
        self._begun.add((document_id, version))
        reach("version.claimed")
        try:
            _check_attempts(document.attempts)
            return self._parse_and_chunk(document)
        except IngestError as error:
            stage = self._board.stage(document_id, version)
            self._versions.fail(document_id, version, reason_of(error, stage=stage))
            # An attempt that crashed later on may have left something.
            self.clean_up(document_id, version)
            return NOTHING_TO_DO

    def attempts(self, document_id: DocumentId, version: int) -> int:
        """How many times work on a version has begun without coming to an end."""
        return self._versions.attempts(document_id, version)

    def go_on(self, document_id: DocumentId, version: int) -> None:
        """Counts an attempt at a version that another process prepared, and did not live to finish.

        Raises `TooManyAttemptsError`.
        """
        if (document_id, version) not in self._begun:
            attempts = self._versions.begin_again(document_id, version)
            self._begun.add((document_id, version))
            _check_attempts(attempts)

    def embed(self, document_id: DocumentId, version: int, number: int, first: int) -> None:
        """Embeds and stores up to `EMBED_BATCH` chunks from number `first` on, in that generation."""
        generation = self._generations.opened(number)
        if generation is None or self._versions.standing(document_id, version) is not Standing.WANTED:
            return
        document = self._catalog.document(document_id)
        chunks = self._versions.chunks(
            document_id, version, generation=number, first=first, limit=EMBED_BATCH
        )
        title = self._versions.version_title(document_id, version)
        reach("vectors.embedding")
        self._store(generation, document, chunks, title)
        reach("vectors.stored")
        self._board.advance(document_id, version, first + len(chunks))
        # It may have been deleted, or replaced, while we embedded: then nobody else removes these.
        self.clean_up(document_id, version)

    def publish(self, document_id: DocumentId, version: int, generation: int) -> bool:
        """Flips the document to this version, then removes what the flip made obsolete.

        Interrupted between the two, the second time only removes. False when another generation answers by
        now: the version is still wanted, and must be prepared for that one. Raises `UnavailableError` when
        the index does not hold every vector of the version.
        """
        self._board.enter(document_id, version, DocumentStatus.INDEXING)
        self._complete_vectors(document_id, version, generation)
        reach("version.publishing")
        published = self._versions.publish(document_id, version, generation=generation)
        reach("version.published")
        standing = Standing.ACTIVE if published else self._versions.standing(document_id, version)
        if standing is Standing.WANTED:
            return False
        self._remove_obsolete(document_id, version, standing)
        reach("version.cleaned")
        return True

    def give_up(self, document_id: DocumentId, version: int, error: Exception) -> None:
        """Ends a version whose steps failed for a reason that is not the document's; `clean_up` follows."""
        log.error("ingesting %s version %d failed", document_id, version, exc_info=error)
        stage = self._board.stage(document_id, version)
        self._versions.fail(document_id, version, reason_of(error, stage=stage))

    def clean_up(self, document_id: DocumentId, version: int) -> None:
        """Removes what a version's end made obsolete. Raises `UnavailableError` while the index is away."""
        self._remove_obsolete(document_id, version, self._versions.standing(document_id, version))

    def leave(self, document_id: DocumentId, version: int, *, is_at_end: bool) -> None:
        """The worker has ended with this version. Left before its end, it was no attempt: we were stopped."""
        self._board.leave(document_id, version)
        if not is_at_end and (document_id, version) in self._begun:
            self._versions.take_attempt_back(document_id, version)
        self._begun.discard((document_id, version))

    def vectors_of(self, document_id: DocumentId) -> int:
        """How many vectors a deleted document still has."""
        vectors = self._count_vectors(document_id)
        reach("delete.counted")
        return vectors

    def purge(self, document_id: DocumentId, vectors: int) -> None:
        """Removes every derived copy of a deleted document and counts that none is left.

        Its rows go last, so that it can be repeated; `vectors` is what there was at first.
        """
        self._delete_vectors(document_id)
        if left := self._count_vectors(document_id):
            raise UnavailableError(f"The index still holds {left} vectors of {document_id}.")
        reach("delete.unindexed")
        self._versions.deletions.purge(document_id, self._blobs.delete, vectors=vectors)
        reach("delete.purged")

    def record_progress(self) -> None:
        """Writes to the record what has moved since the last time, in one transaction."""
        self._versions.record_steps(self._board.take_changes())

    def report_stalls(self) -> None:
        """Logs documents that make no more steps, each once."""
        stalled = frozenset(self._catalog.stalled_documents())
        for document_id in sorted(stalled - self._told_stalled):
            log.error("document %s is stalled: no step for a long time", document_id)
        self._told_stalled = stalled

    def _count_vectors(self, document_id: DocumentId) -> int:
        return sum(each.index.count(document_id) for each in self._generations.all())

    def _delete_vectors(
        self, document_id: DocumentId, *, version: int | None = None, before_version: int | None = None
    ) -> None:
        for each in self._generations.all():
            each.index.delete(document_id, version=version, before_version=before_version)

    def _store(self, generation: OpenGeneration, document: Document, chunks: list[Chunk], title: str) -> None:
        before = self._embedded_before(document, chunks, generation.number)
        try:
            generation.indexer.index(
                chunks, collection_id=document.collection_id, title=title, embedded=before
            )
        except BadVectorsError as error:
            raise EmbeddingFailedError(str(error)) from error
        except MemoryError as error:
            raise EmbeddingFailedError("The embedding model ran out of memory.") from error

    def _complete_vectors(self, document_id: DocumentId, version: int, number: int) -> None:
        """Counts what the index holds of the version, and stores again what it did not keep."""
        generation = self._generations.opened(number)
        if generation is None or self._versions.standing(document_id, version) is not Standing.WANTED:
            return
        document = self._catalog.document(document_id)
        wanted = document.progress.chunks_total
        if generation.index.count(document_id, version=version) == wanted:
            return
        chunks = self._versions.chunks(document_id, version, generation=number)
        title = self._versions.version_title(document_id, version)
        for start in range(0, len(chunks), EMBED_BATCH):
            batch = chunks[start : start + EMBED_BATCH]
            there = generation.index.vectors([chunk.point_id for chunk in batch])
            missing = [chunk for chunk in batch if chunk.point_id not in there]
            if missing:
                log.error("the index lost %d vectors of %s: storing them again", len(missing), document_id)
                self._store(generation, document, missing, title)
        stored = generation.index.count(document_id, version=version)
        if stored != wanted:
            raise UnavailableError(f"The index holds {stored} of the document's {wanted} vectors.")

    def _embedded_before(self, document: Document, chunks: list[Chunk], generation: int) -> dict[str, str]:
        """Points of the version that answers now, by what was embedded for them."""
        active = document.active_version
        if active is None:
            return {}
        title = self._versions.version_title(document.id, active)
        texts = (chunk.text for chunk in chunks)
        same = self._versions.chunks_saying(document.id, active, texts, generation=generation)
        return {embedded_chunk_text(chunk, title): chunk.point_id for chunk in same}

    def _remove_obsolete(self, document_id: DocumentId, version: int, standing: Standing) -> None:
        """The version itself when it is gone; those before it when it answers."""
        if standing is Standing.GONE:
            self._delete_vectors(document_id, version=version)
            self._versions.deletions.drop_version(document_id, version)
        elif standing is Standing.ACTIVE and version > 1:
            self._delete_vectors(document_id, before_version=version)
            self._versions.deletions.drop_versions_before(document_id, version, self._blobs.delete)

    def _parse_and_chunk(self, document: Document) -> Prepared:
        try:
            path = self._blobs.path(document.sha256)
        except FileNotFoundError as error:
            raise FileMissingError(f"The file of '{document.path}' is missing.") from error

        def tell(_read: int, _pages: int) -> None:
            self._board.enter(document.id, document.version, DocumentStatus.OCR)

        parsed = self._parser.parse(path, document.path, document.media_type, on_ocr=tell)
        reach("version.parsed")
        self._board.enter(document.id, document.version, DocumentStatus.CHUNKING)
        generation = self._generations.active()
        chunks = generation.chunker.split(parsed, document.id, document.version, generation=generation.number)
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
        self._board.advance(document.id, document.version, 0)
        reach("version.stored")
        return Prepared(generation=generation.number, chunks=len(chunks)) if stored else NOTHING_TO_DO


def _check_attempts(attempts: int) -> None:
    if attempts > MAX_ATTEMPTS:
        raise TooManyAttemptsError


def reason_of(error: Exception, *, stage: str) -> Reason:
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
        attempt=1,
        at=datetime.now(UTC),
    )
