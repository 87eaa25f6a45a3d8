"""Takes over work whose worker died: DBOS by itself leaves it pending for ever."""

import logging
import threading
import time
from collections.abc import Callable, Set
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from corpus.database import Database, Transaction
from corpus.errors import UnavailableError
from ingest.tables import WorkerLeaseRow

FORGET_AFTER_LEASES = 20
KEPT_SECONDS = 24 * 3600.0
"""How long a finished job is kept, for whoever looks into what happened."""
TIDIED_SECONDS = 600.0
FORGOTTEN_AT_ONCE = 500

log = logging.getLogger(__name__)


class Sweeper:
    """Keeps this worker's lease alive and resumes jobs of workers whose lease ran out.

    A false alarm is harmless: DBOS fences the former owner, and every step may run twice.
    """

    def __init__(
        self,
        database: Database,
        worker: str,
        running: Callable[[], Set[str]],
        *,
        lease_seconds: float,
        grace_seconds: float,
    ) -> None:
        self._database = database
        self._worker = worker
        self._running = running
        self._lease_seconds = lease_seconds
        self._grace_seconds = grace_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=10)

    def forget_other_workers(self) -> None:
        """For the only process that may own the data: whoever beat before is dead."""
        with self._database.write() as session:
            session.execute(sa.delete(WorkerLeaseRow).where(WorkerLeaseRow.worker != self._worker))

    def sweep(self, grace_seconds: float | None = None) -> list[str]:
        """Renews the lease and resumes stranded jobs; returns their ids."""
        grace = self._grace_seconds if grace_seconds is None else grace_seconds
        now, alive = self._beat()
        running = self._running()
        stranded = [
            job
            for job in DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
            if (job.updated_at or 0) / 1000 <= now - grace
            and (
                job.workflow_id not in running
                if job.executor_id == self._worker
                else job.executor_id not in alive
            )
        ]
        for queue in {job.queue_name for job in stranded}:
            # Back to its own queue, for its limits and its turn to hold as before.
            DBOS.resume_workflows(
                [job.workflow_id for job in stranded if job.queue_name == queue], queue_name=queue
            )
        if stranded:
            log.warning("resumed %d jobs whose worker had died", len(stranded))
        return [job.workflow_id for job in stranded]

    def forget_finished(self, kept_seconds: float = KEPT_SECONDS) -> int:
        """Removes what is stored of jobs that came to their end so long ago; how many they were.

        What became of their documents is in the record. Without this the tables would grow for ever.
        """
        oldest = datetime.now(UTC) - timedelta(seconds=kept_seconds)
        forgotten = 0
        while finished := DBOS.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED"],
            completed_before=oldest.isoformat(),
            limit=FORGOTTEN_AT_ONCE,
            load_input=False,
            load_output=False,
        ):
            DBOS.delete_workflows([job.workflow_id for job in finished])
            forgotten += len(finished)
        return forgotten

    def _beat(self) -> tuple[float, set[str]]:
        with self._database.write() as session:
            now = _database_clock(session)
            session.merge(WorkerLeaseRow(worker=self._worker, beat=now))
            oldest = now - self._lease_seconds * FORGET_AFTER_LEASES
            session.execute(sa.delete(WorkerLeaseRow).where(WorkerLeaseRow.beat < oldest))
            session.flush()
            alive = session.scalars(
                sa.select(WorkerLeaseRow.worker).where(WorkerLeaseRow.beat > now - self._lease_seconds)
            )
            return now, set(alive)

    def _run(self) -> None:
        tidied_at = time.monotonic()
        while not self._stopped.wait(self._lease_seconds / 5):
            try:
                self.sweep()
                if time.monotonic() - tidied_at > TIDIED_SECONDS:
                    tidied_at = time.monotonic()
                    self.forget_finished()
            except (SQLAlchemyError, UnavailableError):
                # The database is away or full: the next beat tries again, and the lease covers the gap.
                log.exception("sweeping failed")


def _database_clock(session: Transaction) -> float:
    if session.get_bind().dialect.name == "sqlite":
        clock = sa.text("select (julianday('now') - 2440587.5) * 86400.0")
    else:
        clock = sa.text("select extract(epoch from clock_timestamp())")
    return float(session.scalars(clock).one())
