"""Keeps the index on disk every few seconds and its graph rebuilt after each rush; and memory small."""

import ctypes
import logging
import threading
from typing import Protocol

from corpus.errors import UnavailableError

PAUSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Work(Protocol):
    @property
    def is_idle(self) -> bool: ...


class Kept(Protocol):
    def flush(self) -> None: ...

    def optimize(self) -> None: ...


class Upkeep:
    """A thread that flushes the index regularly, and optimizes it whenever the worker has nothing to do.

    It also gives back to the system what the process has freed: glibc's heap keeps that, up to 300 MB while
    documents of all sizes pass through (20 ms, in which threads that allocate wait).

    The index survives the death of the process by its own log; flushing is against a power loss. Not at
    every document: it takes 75 ms during which nothing else in the process runs.
    """

    def __init__(self, index: Kept, work: Work) -> None:
        self._index = index
        self._work = work
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for an optimization in progress: it must not find the index closed."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        while not self._stopped.wait(PAUSE_SECONDS):
            if trim:
                trim(0)
            try:
                self._index.flush()
                if self._work.is_idle:
                    self._index.optimize()
            except (UnavailableError, OSError):
                log.exception("upkeep of the index failed; trying again later")
