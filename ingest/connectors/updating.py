"""What an administrator changes about a connector."""

from functools import partial
from typing import Any, TypedDict

from corpus.database import Transaction
from corpus.errors import InvalidInputError
from ingest.connectors.changes import Change, Changes
from ingest.connectors.connectors import Connector, ConnectorId
from ingest.connectors.document_paths import DocumentPaths
from ingest.connectors.items import ItemRecords
from ingest.connectors.keeping import Connectors, check
from ingest.connectors.opening import Origins
from ingest.connectors.options import changed_options, is_elsewhere, recipient
from ingest.connectors.records import ConnectorRecords


class Wishes(TypedDict, total=False):
    """What is to change; what is not here stays as it is."""

    name: str
    options: dict[str, Any]
    """Only those that change; `None` gives one back its default."""
    secrets: dict[str, str | None]
    """Only those that change; `None` takes one away."""
    interval_seconds: int | None
    is_watched: bool
    is_paused: bool


class Updating:
    def __init__(
        self,
        connectors: Connectors,
        records: ConnectorRecords,
        changes: Changes,
        items: ItemRecords,
        paths: DocumentPaths,
        origins: Origins,
    ) -> None:
        self._connectors = connectors
        self._records = records
        self._changes = changes
        self._items = items
        self._paths = paths
        self._origins = origins

    def update(self, connector_id: ConnectorId, wishes: Wishes) -> Connector:
        """Changes a connector and, unless it is paused, asks for a sync when that may bring something new.

        Raises what `Connectors.add` raises, and `SecretKeyError` when kept secrets cannot be opened.
        """
        connector = self._records.connector(connector_id)
        change = _change(connector, wishes)
        is_origin_changed = change.options != connector.options or bool(change.secrets)
        if is_origin_changed:
            self._origins.check(change.options, self._secrets(connector, change))
        is_renamed = change.name != connector.name
        self._changes.apply(
            connector_id, change, partial(self._rename, connector, change.name) if is_renamed else None
        )
        if change.is_elsewhere:
            self._origins.forget(connector_id)
        if (is_origin_changed or is_renamed) and not change.is_paused:
            return self._connectors.sync(connector_id)
        return self._records.connector(connector_id)

    def _secrets(self, connector: Connector, change: Change) -> dict[str, str]:
        """All that hold after the change; sealed ones are opened only where they stay."""
        kept = set(connector.secret_names) - set(change.secrets)
        if kept and recipient(connector.options) != recipient(change.options):
            # Whoever may change an address must not get to read the secrets by sending them there.
            raise InvalidInputError(
                f"The address leads to another host: give the secrets again ({', '.join(sorted(kept))})."
            )
        given = {name: text for name, text in change.secrets.items() if text is not None}
        if not kept:
            return given
        held = self._records.secrets(connector.id)
        return {name: text for name, text in held.items() if name in kept} | given

    def _rename(self, connector: Connector, new: str, transaction: Transaction) -> None:
        """Documents move along, without being read or embedded again."""
        for path, document_ids in self._items.documents(connector.id):
            # A crash may have come between a document and the note of it.
            found = document_ids or self._paths.at(connector.collection_id, f"{connector.name}/{path}")
            for document_id in found:
                self._paths.move(transaction, document_id, f"{connector.name}/{path}", f"{new}/{path}")


def _change(connector: Connector, wishes: Wishes) -> Change:
    options = changed_options(connector.options, wishes.get("options", {}))
    change = Change(
        name=wishes.get("name", connector.name).strip(),
        options=options,
        secrets=wishes.get("secrets", {}),
        interval_seconds=wishes.get("interval_seconds", connector.interval_seconds),
        is_watched=wishes.get("is_watched", connector.is_watched),
        is_paused=wishes.get("is_paused", connector.is_paused),
        is_elsewhere=is_elsewhere(connector.options, options),
    )
    check(change.name, options, set(change.secrets), change.interval_seconds, is_watched=change.is_watched)
    return change
