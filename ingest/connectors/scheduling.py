"""Starts syncs when they are due, and those of watched folders when something has changed."""

import hashlib
import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from corpus.errors import SourcebookError
from ingest.connectors.connectors import Connector, ConnectorId
from ingest.connectors.errors import OriginError
from ingest.connectors.keeping import Connectors
from ingest.connectors.opening import Origins

log = logging.getLogger(__name__)


class Scheduler:
    """A thread of every worker. That several ask for the same sync does no harm: it is one.

    Folders are watched by listing them: that sees changes on network drives as well, which the kernel's own
    notices do not, and costs a stat per file.
    """

    def __init__(self, connectors: Connectors, origins: Origins, *, seconds: float) -> None:
        self._connectors = connectors
        self._origins = origins
        self._seconds = seconds
        self._synced: dict[ConnectorId, str] = {}
        self._last: dict[ConnectorId, str] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def tick(self) -> None:
        """Asks for every sync that should begin now."""
        for connector_id in self._connectors.due():
            self._connectors.sync(connector_id)
        for connector_id in self._connectors.watched():
            if self._has_changed(self._connectors.connector(connector_id)):
                self._connectors.sync(connector_id)

    def _has_changed(self, connector: Connector) -> bool:
        """Whether a folder differs from when it was last synced, and has come to rest: two looks agree."""
        if not connector.last_sync.state.is_final:
            return False
        look = self._look(connector)
        is_at_rest = self._last.get(connector.id) == look
        self._last[connector.id] = look
        if not is_at_rest or self._synced.get(connector.id) == look:
            return False
        self._synced[connector.id] = look
        return True

    def _look(self, connector: Connector) -> str:
        """A hash of everything that the folder's listing says."""
        digest = hashlib.sha256()
        try:
            with self._origins.open(connector.id, connector.options, dict) as origin:
                for found in origin.list(None):
                    digest.update(repr(found).encode(errors="replace"))
        except OriginError as error:
            return str(error)  # the sync will say so, once
        return digest.hexdigest()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self.tick()
            except (SourcebookError, SQLAlchemyError):
                # The database is away, or a connector went meanwhile: the next tick looks again.
                log.exception("planning syncs failed")
