"""Keeps the index fast: rebuilds its graph once a rush of documents is over."""

import logging
import threading
from typing import Protocol

from corpus.errors import UnavailableError

PAUSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Work(Protocol):
    @property
    def is_idle(self) -> bool: ...


class Optimizable(Protocol):
    def optimize(self) -> None: ...


class Upkeep:
    """A thread that optimizes the index whenever the worker has nothing to do."""

    def __init__(self, index: Optimizable, work: Work) -> None:
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
        while not self._stopped.wait(PAUSE_SECONDS):
            if self._work.is_idle:
                try:
                    self._index.optimize()
                except UnavailableError:
                    log.exception("optimizing the index failed; trying again later")
