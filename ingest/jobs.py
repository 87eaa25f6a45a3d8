"""Durable jobs on DBOS: every accepted version is ingested, every deletion carried out, whatever crashes.

This module, its queue and its sweeper are the only ones that know DBOS. Jobs live in the same database as the
record, so that a document's row and its job are committed together. Recipe: docs/adr/0006-jobs-on-dbos.md.
"""

import logging
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Protocol, TypeVar

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from dbos import error as dbos_error

from corpus.database import Database, outage_of
from corpus.documents import DocumentId
from corpus.errors import DatabaseAwayError, StorageFullError, UnavailableError
from ingest.job_queue import APPLICATION, DELETE, INGEST, REBUILD, SYNC, WORKFLOW_VERSION, JobQueue
from ingest.pipeline import EMBED_BATCH, Pipeline
from ingest.reporter import Reporter
from ingest.sweeper import Sweeper

SUSPECT_ATTEMPTS = 2
"""After so many crashes it may well be the document that caused them."""

STOP_SECONDS = 30
"""How long a stopping worker waits for its steps in progress; a crash is no worse than giving up on them."""

RECORD_AWAY = (DatabaseAwayError, StorageFullError)
"""While these last nothing can be written down, not even that a document failed."""

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class _LeftPendingError(BaseException):
    """Leaves a workflow pending, for the sweeper or the next start: DBOS records only an `Exception`.

    DBOS's own signals (cancelled, taken over by another worker) are no `Exception` either.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsSettings:
    concurrency: int = 8
    """Documents in work at a time: enough that the embedder never waits for the next one."""
    poll_seconds: float = 0.1
    delete_poll_seconds: float = 0.5
    lease_seconds: float = 30.0
    grace_seconds: float = 20.0
    stall_seconds: float = 900.0
    """Without a step for so long, a document that is not at its end is shown and logged as stalled."""
    step_attempts: int = 8
    """Tries of a step while the index is away, with doubling pauses from one second: two minutes in all."""
    outage_seconds: float = 1.0
    """Pause between tries while the database is away or the disk is full, for as long as that lasts."""


class RebuildWork(Protocol):
    """What a job of the rebuild queue does; `Jobs` gives it the durable steps to do it in."""

    def run(self, number: int, steps: "Jobs") -> None: ...


class SyncWork(Protocol):
    """What a job of the sync queue does; `Jobs` gives it the durable steps to do it in."""

    def run(self, connector_id: str, number: int, steps: "Jobs") -> None: ...


class Jobs(JobQueue):
    """The queue and, between `open` and `stop`, its worker. One per process: DBOS is a singleton."""

    def __init__(self, database: Database, pipeline: Pipeline, settings: JobsSettings | None = None) -> None:
        super().__init__(database)
        self._pipeline = pipeline
        self._settings = settings or JobsSettings()
        self._running: set[str] = set()
        self._suspects = Lock()
        self._stopping = False
        self._sweeper: Sweeper | None = None
        self._reporter: Reporter | None = None
        self._syncing: SyncWork | None = None
        self._sync_concurrency = 1
        self._rebuilding: RebuildWork | None = None

    def use(self, syncing: SyncWork, *, concurrency: int) -> None:
        """Names, before `open`, who does the jobs of the sync queue, and how many at a time."""
        self._syncing, self._sync_concurrency = syncing, concurrency

    def use_rebuilding(self, rebuilding: RebuildWork) -> None:
        """Names, before `open`, who does the jobs of the rebuild queue."""
        self._rebuilding = rebuilding

    def open(self, *, worker: bool, only_owner: bool) -> None:
        """Opens the queue, and with `worker` works on it.

        `only_owner`: nobody else works on this database, so what a dead process left is taken over at once.
        """
        self._stopping = False
        if worker:
            self._start_worker(only_owner=only_owner)
        else:
            DBOS.migrate(self._database.url)
        self.connect()

    def _start_worker(self, *, only_owner: bool) -> None:
        settings = self._settings
        worker = f"worker-{uuid.uuid4().hex[:12]}"
        config = DBOSConfig(
            name=APPLICATION,
            system_database_url=self._database.url,
            application_version=WORKFLOW_VERSION,
            executor_id=worker,
            serializer=DBOSPortableJSONSerializer(),
            log_level="WARNING",
            console_log_level="WARNING",
            enable_otlp=False,
        )
        DBOS(config=config)
        self._register_workflows()
        DBOS.launch()
        # Nobody waits for a deletion's clean-up, and asking for jobs costs as much as doing them.
        for queue, poll_seconds in ((INGEST, settings.poll_seconds), (DELETE, settings.delete_poll_seconds)):
            DBOS.register_queue(
                queue,
                worker_concurrency=settings.concurrency,
                partition_concurrency=settings.concurrency,
                polling_interval_sec=poll_seconds,
                on_conflict="always_update",
            )
        DBOS.register_queue(
            SYNC,
            worker_concurrency=self._sync_concurrency,
            partition_concurrency=1,
            polling_interval_sec=settings.poll_seconds,
            on_conflict="always_update",
        )
        DBOS.register_queue(
            REBUILD,
            concurrency=2,  # one that builds, and one that removes what was cancelled
            polling_interval_sec=settings.delete_poll_seconds,
            on_conflict="always_update",
        )
        self._sweeper = Sweeper(
            self._database,
            worker,
            lambda: frozenset(self._running),
            lease_seconds=settings.lease_seconds,
            grace_seconds=settings.grace_seconds,
        )
        if only_owner:
            self._sweeper.forget_other_workers()
            self._sweeper.sweep(grace_seconds=0)
        self._sweeper.start()
        self._reporter = Reporter(self._pipeline)
        self._reporter.start()

    def stop(self) -> None:
        """Stops after the steps in progress; what is unfinished goes on at the next start."""
        self._stopping = True
        deadline = time.monotonic() + STOP_SECONDS
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        for thread in (self._sweeper, self._reporter):
            if thread:
                thread.stop()
        self.disconnect()
        DBOS.destroy(destroy_registry=True)

    @property
    def is_idle(self) -> bool:
        """Whether no document is in work; a sync that waits for a slow website does not count."""
        return all(job.startswith(f"{SYNC}:") for job in list(self._running))

    # Workflows: what DBOS runs, and after a crash runs again from the last finished step.

    def _register_workflows(self) -> None:
        # DBOS marks the functions it is given, which bound methods do not allow.
        def ingest(document_id: str, version: int) -> None:
            self._ingest(document_id, version)

        def delete(document_id: str) -> None:
            self._delete(document_id)

        def sync(connector_id: str, number: int) -> None:
            self._sync(connector_id, number)

        def rebuild(number: int) -> None:
            self._rebuild(number)

        DBOS.workflow(name=INGEST)(ingest)
        DBOS.workflow(name=DELETE)(delete)
        DBOS.workflow(name=SYNC)(sync)
        DBOS.workflow(name=REBUILD)(rebuild)

    def _ingest(self, document_id: str, version: int) -> None:
        document = DocumentId(document_id)
        with self._marked_running(), self._attempt(document, version):
            try:
                while not self._ingest_once(document, version):
                    """The index generation was replaced meanwhile."""
            except Exception as error:  # noqa: BLE001  # the worker's edge: the document must end
                reason = error
                self.step("give_up", lambda: self._pipeline.give_up(document, version, reason))
                self.step(
                    "clean_up",
                    lambda: self._pipeline.clean_up(document, version),
                    waits_for=UnavailableError,
                )

    def _ingest_once(self, document_id: DocumentId, version: int) -> bool:
        """Whether the version is at its end: published, failed, or no longer wanted."""
        generation, chunks = self.step("prepare", lambda: self._prepare(document_id, version))
        if chunks:
            # No step: those are not done again after a crash, and it is the crashes that count.
            self._waiting(lambda: self._pipeline.go_on(document_id, version), RECORD_AWAY)
        last = max(0, chunks - 1) // EMBED_BATCH * EMBED_BATCH
        for first in range(0, last, EMBED_BATCH):
            self.step(
                f"embed:{first}",
                lambda first=first: self._pipeline.embed(document_id, version, generation, first),
            )
        # One step, not two: most documents have a single batch, and each step is a commit.
        return not chunks or self.step("finish", lambda: self._finish(document_id, version, generation, last))

    def _prepare(self, document_id: DocumentId, version: int) -> list[int]:
        prepared = self._pipeline.prepare(document_id, version)
        return [prepared.generation, prepared.chunks]

    def _finish(self, document_id: DocumentId, version: int, generation: int, last: int) -> bool:
        self._pipeline.embed(document_id, version, generation, last)
        return self._pipeline.publish(document_id, version, generation)

    def _delete(self, document_id: str) -> None:
        document = DocumentId(document_id)
        with self._marked_running():
            # A step of its own: after a crash the number is still the one before anything was removed.
            vectors = self.step(
                "count", lambda: self._pipeline.vectors_of(document), waits_for=UnavailableError
            )
            self.step("purge", lambda: self._pipeline.purge(document, vectors), waits_for=UnavailableError)

    def _sync(self, connector_id: str, number: int) -> None:
        with self._marked_running():
            if self._syncing:
                self._syncing.run(connector_id, number, self)

    def _rebuild(self, number: int) -> None:
        with self._marked_running():
            if self._rebuilding:
                self._rebuilding.run(number, self)

    def pause_point(self) -> None:
        """Leaves the job when the worker stops: for long steps that may run twice."""
        if self._stopping:
            raise _LeftPendingError

    def step(
        self,
        name: str,
        work: Callable[[], Result],
        *,
        waits_for: type[UnavailableError] | tuple[type[UnavailableError], ...] = RECORD_AWAY,
    ) -> Result:
        """Runs a step of the present job, or gives its result if it ran before a crash.

        It waits without end for what raises `waits_for`: that says nothing about the document.
        """
        self.pause_point()
        try:
            return DBOS.run_step(
                {
                    "name": name,
                    "retries_allowed": True,
                    "max_attempts": self._settings.step_attempts,
                    "should_retry": lambda error: isinstance(error, UnavailableError),
                },
                lambda: self._waiting(work, waits_for),
            )
        except dbos_error.DBOSMaxStepRetriesExceeded as error:
            raise error.errors[-1] from error
        except Exception as error:
            if outage_of(error):
                # DBOS could not write down what the step did: the sweeper brings the job back.
                raise _LeftPendingError from error
            raise

    def _waiting(
        self,
        work: Callable[[], Result],
        waits_for: type[UnavailableError] | tuple[type[UnavailableError], ...],
    ) -> Result:
        while True:
            try:
                return work()
            except waits_for as error:
                log.warning("a step waits: %s", error)
            time.sleep(self._settings.outage_seconds)
            self.pause_point()

    @contextmanager
    def _attempt(self, document_id: DocumentId, version: int) -> Generator[None]:
        """An attempt at a version; those at versions that saw several crashes come one at a time.

        Otherwise what is in work beside a document that kills the process would be suspected with it.
        """
        attempts = self._waiting(lambda: self._pipeline.attempts(document_id, version), RECORD_AWAY)
        with self._suspects if attempts >= SUSPECT_ATTEMPTS else nullcontext():
            is_at_end = True
            try:
                yield
            except _LeftPendingError:
                is_at_end = False
                raise
            finally:
                # While the record is away, the next attempt here is still this one.
                with suppress(UnavailableError):
                    self._pipeline.leave(document_id, version, is_at_end=is_at_end)

    @contextmanager
    def _marked_running(self) -> Generator[None]:
        job = DBOS.workflow_id or ""
        self._running.add(job)
        try:
            yield
        finally:
            self._running.discard(job)
