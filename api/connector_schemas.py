"""Connectors over the wire. Secrets go in and never come out."""

from datetime import datetime
from typing import Any, cast

from pydantic import Field, SecretStr

from api.schemas import CollectionName, Schema
from ingest.connectors.connectors import Connector, ItemProblem
from ingest.connectors.options import Options
from ingest.connectors.updating import Wishes

_NULLABLE = "interval_seconds"


class NewConnector(Schema):
    collection: CollectionName
    """Made when it does not exist."""
    name: str = ""
    """Also the folder of its documents; by default the last word of the origin's address."""
    options: Options
    secrets: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    """Write-only. Git: `token`. S3: `access_key`, `secret_key`, `session_token`. Website: `password`."""
    interval_seconds: int | None = None
    """Between the end of one sync and the next; null syncs only when told to."""
    is_watched: bool = False
    """For folders: sync soon after something changed."""


class ConnectorChange(Schema):
    """What is to change; what is left out stays as it is. A connector's kind never changes."""

    name: str | None = None
    """Also the folder of its documents, which move along."""
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Only those that change; null gives one back its default."""
    secrets: dict[str, SecretStr | None] = Field(default_factory=dict[str, SecretStr | None])
    """Write-only; null takes one away. When the address leads to another host, all must be given again."""
    interval_seconds: int | None = None
    """null: sync only when told to."""
    is_watched: bool | None = None
    is_paused: bool | None = None
    """Paused, a connector syncs only when told to."""

    def wishes(self) -> Wishes:
        """Also what is sent to a server: here the secrets are spelled out."""
        told = self.model_dump(exclude_unset=True, exclude={"secrets"})
        kept = {name: value for name, value in told.items() if value is not None or name == _NULLABLE}
        secrets = {name: text and text.get_secret_value() for name, text in self.secrets.items()}
        return cast(Wishes, kept | ({"secrets": secrets} if secrets else {}))


class SyncRequest(Schema):
    confirm_deletions: bool = False
    """This one sync may delete more than half of the connector's items."""


class SyncSchema(Schema):
    number: int
    """From 1; 0 before the first."""
    state: str
    """never, queued, running, done, needs_confirmation or failed."""
    reason: str | None
    started_at: datetime | None
    finished_at: datetime | None
    added: int
    changed: int
    moved: int
    deleted: int
    failed: int
    """Items that have a problem now."""


class ItemProblemSchema(Schema):
    key: str
    detail: str


class ConnectorSchema(Schema):
    id: str
    collection: str
    name: str
    options: Options
    secret_names: list[str]
    """Which secrets are set; their values are never shown."""
    interval_seconds: int | None
    is_watched: bool
    is_paused: bool
    created_at: datetime
    next_sync_at: datetime | None
    items: int
    last_sync: SyncSchema


class ConnectorDetailSchema(ConnectorSchema):
    problems: list[ItemProblemSchema]
    """The first two hundred items that could not be taken, and why."""


def wire_form(new: NewConnector) -> dict[str, Any]:
    """What is sent to a server: the one place where the secrets are spelled out."""
    secrets = {name: secret.get_secret_value() for name, secret in new.secrets.items()}
    return {**new.model_dump(mode="json"), "secrets": secrets}


def connector_detail(connector: Connector, problems: list[ItemProblem]) -> ConnectorDetailSchema:
    shown = ConnectorSchema.model_validate(connector)
    return ConnectorDetailSchema(
        **dict(shown), problems=[ItemProblemSchema.model_validate(problem) for problem in problems]
    )
