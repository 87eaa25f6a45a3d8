"""The one place that names concrete classes: settings in, an opened knowledge base out."""

import ctypes
import logging
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar
from weakref import WeakValueDictionary

from api.generations import generation_opener, recipe
from api.ownership import owned
from api.settings import Settings
from corpus import crash_points
from corpus.blobs import LocalBlobs
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.deletions import Deletions
from corpus.generations import Generations
from corpus.versions import Versions
from generation.adapters.openai import OpenAILanguageModel
from generation.answering import Answerer
from generation.extraction import ExtractiveWriter
from generation.grounding import support_of
from generation.language_model_writer import LanguageModelWriter
from generation.writing import Writer
from ingest.connectors.changes import Changes
from ingest.connectors.document_paths import DocumentPaths
from ingest.connectors.items import ItemRecords
from ingest.connectors.keeping import Connectors
from ingest.connectors.opening import Origins
from ingest.connectors.records import ConnectorRecords
from ingest.connectors.scheduling import Scheduler
from ingest.connectors.sealing import KEY_FILE, Sealing
from ingest.connectors.stored_secrets import seal_all
from ingest.connectors.sync import Syncing
from ingest.connectors.updating import Updating
from ingest.control import IngestControl
from ingest.doctor import Doctor, StartCheck
from ingest.generations import OpenGenerations
from ingest.intake import Intake
from ingest.isolation import ParserSandbox
from ingest.jobs import Jobs
from ingest.pipeline import Pipeline
from ingest.rebuilding import Rebuilding, Reindexing
from ingest.upkeep import Upkeep
from ingest.uploads import ResumableUploads
from retrieval.adapters.sentence_transformers import MiniLmEmbedder, SentenceTransformersEmbedder
from retrieval.embedding import Embedder
from retrieval.retriever import CurrentRetriever, PassageSource
from retrieval.sections import SectionRetriever

log = logging.getLogger(__name__)

_M_ARENA_MAX = -8
"""Number of the option in glibc's malloc.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourcebook:
    """An opened knowledge base."""

    settings: Settings
    catalog: Catalog
    blobs: LocalBlobs
    sandbox: ParserSandbox
    intake: Intake
    uploads: ResumableUploads
    control: IngestControl
    deletions: Deletions
    doctor: Doctor
    generations: OpenGenerations
    reindexing: Reindexing
    connectors: Connectors
    retriever: PassageSource
    updating: Updating
    answerer: Answerer


@contextmanager
def open_sourcebook(settings: Settings, *, address: str = "", worker: bool = True) -> Generator[Sourcebook]:
    """Opens the data folder and, unless told not to, works on its jobs; closes both at the end.

    `address` is where this process will serve it. Raises `ConflictError` when another process owns it.
    """
    _keep_memory_together()
    crash_points.arm(settings.crash_at)
    with ExitStack() as stack:
        if settings.is_embedded:
            stack.enter_context(owned(settings.data, address))
        database = _opened(stack, Database(settings.database), Database.close)
        database.migrate()
        blobs = LocalBlobs(settings.data / "blobs", settings.reserve)
        catalog = Catalog(database, timedelta(seconds=settings.jobs.stall_seconds))
        versions = Versions(database)
        embedders = _Embedders()
        embedder = embedders.open(settings.embedder_folder)
        record, wanted = Generations(database), recipe(settings, embedder)
        answers = record.ensure(wanted.name, wanted.parts)
        if answers.name != wanted.name:
            log.warning(
                "the index %s answers, the settings ask for %s: `sourcebook reindex` builds it",
                answers.name,
                wanted.name,
            )
        generations = _opened(
            stack,
            OpenGenerations(record, generation_opener(settings, embedders.open)),
            OpenGenerations.close,
        )
        answering = generations.active()
        sandbox = stack.enter_context(ParserSandbox())
        pipeline = Pipeline(catalog, versions, blobs, sandbox, generations)
        jobs = _opened(stack, Jobs(database, pipeline, settings.jobs), Jobs.stop)
        intake = Intake(database, catalog, versions, blobs, jobs)
        connectors, updating, scheduler = _open_connectors(settings, database, catalog, intake, jobs)
        jobs.use_rebuilding(Rebuilding(catalog, versions, record, generations))
        jobs.open(worker=worker, only_owner=settings.is_embedded)
        control = IngestControl(database, catalog, jobs)
        doctor = Doctor(database, versions, blobs, generations, jobs)
        if worker:
            control.settle()
            sandbox.start()
            if settings.is_embedded:
                _opened(stack, StartCheck(doctor), StartCheck.stop).start()
            _opened(stack, Upkeep(generations, jobs), Upkeep.stop).start()
            _opened(stack, scheduler, Scheduler.stop).start()
        retriever = CurrentRetriever(generations.active, catalog)
        yield Sourcebook(
            settings=settings,
            catalog=catalog,
            blobs=blobs,
            sandbox=sandbox,
            intake=intake,
            connectors=connectors,
            updating=updating,
            uploads=ResumableUploads(
                settings.data / "uploads",
                intake,
                max_bytes=settings.max_upload_bytes,
                reserve=settings.reserve,
            ),
            control=control,
            deletions=versions.deletions,
            doctor=doctor,
            generations=generations,
            reindexing=Reindexing(database, record, jobs, wanted),
            retriever=retriever,
            answerer=Answerer(
                open_passages(settings, retriever, catalog),
                open_writer(settings, answering.embedder),
                settings.answering,
            ),
        )


def _open_connectors(
    settings: Settings, database: Database, catalog: Catalog, intake: Intake, jobs: Jobs
) -> tuple[Connectors, Updating, Scheduler]:
    """Connectors, how they change and, for a worker, their scheduler; `jobs` learns how to sync."""
    sealing = Sealing(settings.secret_key.get_secret_value(), settings.data / KEY_FILE)
    seal_all(database, sealing)
    origins = Origins(settings.connectors, settings.data)
    records, items = ConnectorRecords(database, sealing), ItemRecords(database)
    paths = DocumentPaths(database)
    syncing = Syncing(records, items, paths, intake, origins, settings.connectors)
    jobs.use(syncing, concurrency=settings.connectors.concurrency)
    connectors = Connectors(database, catalog, records, items, intake, origins, jobs)
    updating = Updating(connectors, records, Changes(database, sealing), items, paths, origins)
    return connectors, updating, Scheduler(connectors, origins, seconds=settings.connectors.watch_seconds)


def open_embedder(folder: str = "") -> Embedder:
    """The model in that folder; without one, the model that is installed with us."""
    return SentenceTransformersEmbedder(Path(folder)) if folder else MiniLmEmbedder()


class _Embedders:
    """Each model once, for as long as somebody uses it."""

    def __init__(self) -> None:
        self._opened = WeakValueDictionary[str, Embedder]()
        self._lock = Lock()

    def open(self, folder: str) -> Embedder:
        with self._lock:
            embedder = self._opened.get(folder) or open_embedder(folder)
            self._opened[folder] = embedder
        return embedder


def open_passages(settings: Settings, retriever: PassageSource, catalog: Catalog) -> PassageSource:
    """What the writer reads: a language model the passages' sections, the extractive writer passages only."""
    if settings.generation.base_url and settings.generation.section_tokens:
        return SectionRetriever(retriever, catalog, max_tokens=settings.generation.section_tokens)
    return retriever


def open_writer(settings: Settings, embedder: Embedder) -> Writer:
    """Who writes the answers: the language model if one is set, else the documents' own sentences."""
    if settings.generation.base_url:
        model = OpenAILanguageModel(settings.generation)
        return LanguageModelWriter(
            model,
            support_of=partial(support_of, embedder=embedder),
            max_prompt_tokens=settings.generation.max_prompt_tokens,
        )
    return ExtractiveWriter(embedder, settings.extraction)


def _keep_memory_together() -> None:
    """Two heaps instead of one per thread, glibc's default: each of them keeps its own peak for ever."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_ARENA_MAX, 2)


Resource = TypeVar("Resource")


def _opened(stack: ExitStack, resource: Resource, close: Callable[[Resource], None]) -> Resource:
    stack.callback(close, resource)
    return resource
