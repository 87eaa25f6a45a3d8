"""Tells the record how far documents in work have come, and the log which ones have stopped moving."""

import logging
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from corpus.errors import UnavailableError
from ingest.pipeline import Pipeline

PROGRESS_SECONDS = 1.0
STALLS_SECONDS = 60.0

log = logging.getLogger(__name__)


class Reporter:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        stalls_due = time.monotonic() + STALLS_SECONDS
        while not self._stopped.wait(PROGRESS_SECONDS):
            try:
                self._pipeline.record_progress()
                if time.monotonic() >= stalls_due:
                    stalls_due = time.monotonic() + STALLS_SECONDS
                    self._pipeline.report_stalls()
            except (SQLAlchemyError, UnavailableError):
                # The database is away or full: what was not written now is overtaken by the next report.
                log.exception("reporting progress failed")
