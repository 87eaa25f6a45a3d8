"""What an administrator does with connectors: add, look, sync now, remove."""

from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import DocumentId
from corpus.errors import DocumentNotFoundError, InvalidInputError
from ingest.connectors.connectors import Connector, ConnectorId, ItemProblem
from ingest.connectors.items import ItemRecords
from ingest.connectors.opening import Origins
from ingest.connectors.options import SECRETS, FolderOptions, Options, default_name
from ingest.connectors.origin import fault_of_path
from ingest.connectors.records import ConnectorRecords, NewConnector
from ingest.connectors.sync import Door
from ingest.job_queue import JobQueue

MIN_INTERVAL_SECONDS = 10


class Connectors:
    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        records: ConnectorRecords,
        items: ItemRecords,
        door: Door,
        origins: Origins,
        jobs: JobQueue,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._records = records
        self._items = items
        self._door = door
        self._origins = origins
        self._jobs = jobs

    def add(
        self,
        collection: str,
        options: Options,
        *,
        name: str = "",
        secrets: dict[str, str] | None = None,
        interval_seconds: int | None = None,
        is_watched: bool = False,
    ) -> Connector:
        """Makes a connector, and its collection when missing, and asks for its first sync.

        Raises `InvalidInputError` for what makes no sense, `OriginRefusedError` for what is not allowed.
        """
        name, secrets = name.strip() or default_name(options), secrets or {}
        check(name, options, set(secrets), interval_seconds, is_watched=is_watched)
        self._origins.check(options, secrets)
        connector_id = self._records.add(
            NewConnector(
                collection_id=self._catalog.ensure_collection(collection),
                name=name,
                options=options,
                secrets=secrets,
                interval_seconds=interval_seconds,
                is_watched=is_watched,
            )
        )
        return self.sync(connector_id)

    def connectors(self, collection: str | None = None) -> list[Connector]:
        if collection is None:
            return self._records.connectors()
        (collection_id,) = self._catalog.collection_ids([collection])
        return self._records.connectors(collection_id)

    def connector(self, connector_id: ConnectorId) -> Connector:
        return self._records.connector(connector_id)

    def problems(self, connector_id: ConnectorId) -> list[ItemProblem]:
        return self._records.problems(connector_id)

    def due(self) -> list[ConnectorId]:
        return self._records.due()

    def watched(self) -> list[ConnectorId]:
        return self._records.watched()

    def sync(self, connector_id: ConnectorId, *, may_delete_most: bool = False) -> Connector:
        """Asks for a sync; when one waits or runs already, that one is all there is."""
        self._records.connector(connector_id)
        with self._database.write() as transaction:
            number = self._records.request(transaction, connector_id, may_delete_most=may_delete_most)
            if number is not None:
                self._jobs.enqueue_sync(transaction, connector_id, number)
        return self._records.connector(connector_id)

    def remove(self, connector_id: ConnectorId, *, with_documents: bool) -> None:
        """Forgets a connector. Its documents stay, or go as if each had been deleted."""
        self._records.connector(connector_id)
        self._records.retire(connector_id)
        for document_id in self._items.document_ids(connector_id) if with_documents else ():
            self._delete(document_id)
        # Last: after a crash the connector is still there, to be removed again.
        self._records.remove(connector_id)
        self._origins.forget(connector_id)

    def _delete(self, document_id: DocumentId) -> None:
        try:
            self._door.delete(document_id)
        except DocumentNotFoundError:
            return  # deleted by hand before


def check(
    name: str,
    options: Options,
    secret_names: set[str],
    interval_seconds: int | None,
    *,
    is_watched: bool,
) -> None:
    """Raises `InvalidInputError` for what makes no sense, wherever the origin may be."""
    if "/" in name or fault_of_path(name) or len(name) > 200:
        raise InvalidInputError("A connector's name has 1 to 200 printable characters and no '/'.")
    if unknown := secret_names - SECRETS[options.kind]:
        raise InvalidInputError(f"A {options.kind} connector has no secret named '{min(unknown)}'.")
    if interval_seconds is not None and interval_seconds < MIN_INTERVAL_SECONDS:
        raise InvalidInputError(f"The interval is at least {MIN_INTERVAL_SECONDS} seconds.")
    if is_watched and not isinstance(options, FolderOptions):
        raise InvalidInputError("Only folders can be watched; give other connectors an interval.")
