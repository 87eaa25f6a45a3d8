"""Connectors over HTTP: what keeps a collection in step with a folder, repository, bucket or website."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, status

from api.access import Opened
from api.connector_schemas import (
    ConnectorChange,
    ConnectorDetailSchema,
    ConnectorSchema,
    NewConnector,
    SyncRequest,
    connector_detail,
)
from api.schemas import Page
from ingest.connectors.connectors import ConnectorId

router = APIRouter(prefix="/connectors", tags=["connectors"])


@router.get("", operation_id="connectors_list")
def list_connectors(sourcebook: Opened, collection: str | None = None) -> Page[ConnectorSchema]:
    found = sourcebook.connectors.connectors(collection)
    return Page(data=[ConnectorSchema.model_validate(each) for each in found])


@router.post("", operation_id="connectors_create", status_code=status.HTTP_201_CREATED)
def create_connector(new: NewConnector, sourcebook: Opened) -> ConnectorSchema:
    """Adds a connector and asks for its first sync. Only what the administrator allows is followed."""
    connector = sourcebook.connectors.add(
        new.collection,
        new.options,
        name=new.name,
        secrets={name: secret.get_secret_value() for name, secret in new.secrets.items()},
        interval_seconds=new.interval_seconds,
        is_watched=new.is_watched,
    )
    return ConnectorSchema.model_validate(connector)


@router.get("/{connector_id}", operation_id="connectors_show")
def show_connector(connector_id: str, sourcebook: Opened) -> ConnectorDetailSchema:
    """The connector, its newest sync, and the items that could not be taken."""
    connector = sourcebook.connectors.connector(ConnectorId(connector_id))
    return connector_detail(connector, sourcebook.connectors.problems(connector.id))


@router.patch("/{connector_id}", operation_id="connectors_update")
def update_connector(connector_id: str, change: ConnectorChange, sourcebook: Opened) -> ConnectorSchema:
    """Changes a connector and, when that may bring something new, asks for a sync.

    Another address is another place: what the collection has of the old one and the new one lacks is deleted.
    """
    connector = sourcebook.updating.update(ConnectorId(connector_id), change.wishes())
    return ConnectorSchema.model_validate(connector)


@router.post("/{connector_id}/sync", operation_id="connectors_sync", status_code=status.HTTP_202_ACCEPTED)
def sync_connector(connector_id: str, request: SyncRequest, sourcebook: Opened) -> ConnectorSchema:
    """Asks for a sync; when one waits or runs already, that one is all there is."""
    connector = sourcebook.connectors.sync(
        ConnectorId(connector_id), may_delete_most=request.confirm_deletions
    )
    return ConnectorSchema.model_validate(connector)


@router.delete("/{connector_id}", operation_id="connectors_delete", status_code=status.HTTP_204_NO_CONTENT)
def delete_connector(
    connector_id: str, sourcebook: Opened, documents: Annotated[Literal["keep", "delete"], Query()]
) -> None:
    """Removes a connector; say whether its documents stay."""
    sourcebook.connectors.remove(ConnectorId(connector_id), with_documents=documents == "delete")
