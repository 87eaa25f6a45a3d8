"""Durable jobs on DBOS: every accepted version is ingested, every deletion carried out, whatever crashes.

This module and the sweeper are the only ones that know DBOS. Jobs live in the same database as the record, so
that a document's row and its job are committed together. Recipe and reasons: docs/adr/0006-jobs-on-dbos.md.
"""

import logging
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock
from typing import Protocol, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions
from dbos import error as dbos_error

from corpus.database import Database, Transaction, outage_of
from corpus.documents import CollectionId, Document, DocumentId
from corpus.errors import DatabaseAwayError, StorageFullError, UnavailableError
from ingest.pipeline import EMBED_BATCH, Pipeline
from ingest.reporter import Reporter
from ingest.sweeper import Sweeper

WORKFLOW_VERSION = "1"
"""Pinned by hand: DBOS's own default, a hash of the source, would strand jobs at every edit."""

APPLICATION = "sourcebook"
INGEST, DELETE, SYNC, REBUILD = "ingest", "delete", "sync", "rebuild"
PAUSED = "paused"
"""A queue that no worker listens to: jobs of paused collections wait in it."""

MOVED_AT_ONCE = 500

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


class Priority(IntEnum):
    """Within a collection, the lower number goes first; collections take turns whatever their jobs are."""

    INTERACTIVE = 1
    """Somebody waits for it: a few files, or another try."""
    BULK = 2


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


class Jobs:
    """The queue and, between `open` and `stop`, its worker. One per process: DBOS is a singleton."""

    def __init__(self, database: Database, pipeline: Pipeline, settings: JobsSettings | None = None) -> None:
        self._database = database
        self._pipeline = pipeline
        self._settings = settings or JobsSettings()
        self._running: set[str] = set()
        self._suspects = Lock()
        self._stopping = False
        self._client: DBOSClient | None = None
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
        self._client = DBOSClient(
            system_database_url=self._database.url,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
        )

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
        if self._client:
            self._client.destroy()
        DBOS.destroy(destroy_registry=True)

    @property
    def is_idle(self) -> bool:
        """Whether no document is in work; a sync that waits for a slow website does not count."""
        return all(job.startswith(f"{SYNC}:") for job in list(self._running))

    def enqueue_ingest(
        self,
        transaction: Transaction,
        document: Document,
        priority: Priority = Priority.INTERACTIVE,
        *,
        is_paused: bool = False,
    ) -> None:
        """The job exists if and only if the transaction commits; the same version twice is one job."""
        options = EnqueueOptions(
            workflow_name=INGEST,
            queue_name=PAUSED if is_paused else INGEST,
            workflow_id=ingest_job(document.id, document.version),
            app_version=WORKFLOW_VERSION,
            queue_partition_key=document.collection_id,
            priority=priority,
        )
        self._opened.enqueue_in_transaction(transaction, options, document.id, document.version)

    def enqueue_delete(
        self, transaction: Transaction, document_id: DocumentId, collection_id: CollectionId, run: str = ""
    ) -> None:
        """`run` tells a repeated removal from the first, which would otherwise be the same job."""
        options = EnqueueOptions(
            workflow_name=DELETE,
            queue_name=DELETE,
            workflow_id=f"delete:{document_id}{run and ':' + run}",
            app_version=WORKFLOW_VERSION,
            queue_partition_key=collection_id,
        )
        self._opened.enqueue_in_transaction(transaction, options, document_id)

    def enqueue_sync(self, transaction: Transaction, connector_id: str, number: int) -> None:
        options = EnqueueOptions(
            workflow_name=SYNC,
            queue_name=SYNC,
            workflow_id=f"{SYNC}:{connector_id}:{number}",
            app_version=WORKFLOW_VERSION,
            queue_partition_key=connector_id,
        )
        self._opened.enqueue_in_transaction(transaction, options, connector_id, number)

    def enqueue_rebuild(self, transaction: Transaction, number: int, run: int) -> None:
        options = EnqueueOptions(
            workflow_name=REBUILD,
            queue_name=REBUILD,
            workflow_id=f"{REBUILD}:{number}:{run}",
            app_version=WORKFLOW_VERSION,
        )
        self._opened.enqueue_in_transaction(transaction, options, number)

    def pause(self, collection_id: CollectionId) -> None:
        """Jobs of the collection that wait will go on waiting; those in work go on to their end."""
        self._move(collection_id, INGEST, PAUSED)

    def resume(self, collection_id: CollectionId) -> None:
        self._move(collection_id, PAUSED, INGEST)

    def unfinished(self, job_ids: Sequence[str]) -> dict[str, str]:
        """The queue of each job that waits or is in work: the others are done, or were never made."""
        found = self._opened.list_workflows(
            workflow_ids=list(job_ids),
            status=["ENQUEUED", "PENDING", "DELAYED"],
            load_input=False,
            load_output=False,
        )
        return {job.workflow_id: job.queue_name or "" for job in found}

    def unfinished_deletions(self) -> frozenset[str]:
        """Ids of documents whose removal is queued or in work."""
        found = self._opened.list_workflows(
            name=DELETE, status=["ENQUEUED", "PENDING"], load_input=False, load_output=False
        )
        return frozenset(job.workflow_id.split(":")[1] for job in found)

    def _move(self, collection_id: CollectionId, source: str, target: str) -> None:
        waiting = self._opened.list_workflows(
            queue_name=source, status="ENQUEUED", load_input=False, load_output=False
        )
        ids = [job.workflow_id for job in waiting if job.queue_partition_key == collection_id]
        for start in range(0, len(ids), MOVED_AT_ONCE):
            self._opened.resume_workflows(ids[start : start + MOVED_AT_ONCE], queue_name=target)

    @property
    def _opened(self) -> DBOSClient:
        if self._client is None:
            raise UnavailableError("The job queue is not open.")
        return self._client

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


def ingest_job(document_id: DocumentId, version: int) -> str:
    """Id of the job that ingests a version."""
    return f"ingest:{document_id}:{version}"
