"""`sourcebook connectors …`."""

import os
import time
from collections import deque
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.client import Client
from api.connecting import DataOption, JsonOption, KeyOption, ServerOption, connected
from api.connector_schemas import (
    ConnectorChange,
    ConnectorDetailSchema,
    ConnectorSchema,
    NewConnector,
)
from api.ingesting import wait_until_final
from api.printing import err, out, print_json, print_json_list
from corpus.documents import DocumentStatus
from ingest.connectors.connectors import SyncState
from ingest.connectors.options import SECRETS
from ingest.connectors.sealing import new_key

POLL_SECONDS = 0.3

app = typer.Typer(
    no_args_is_help=True, help="Keep collections in step with folders, repositories, buckets and websites."
)


@app.command("add")
def add_connector(
    kind: Annotated[str, typer.Argument(help="folder, git, s3 or website.")],
    place: Annotated[str, typer.Argument(help="A folder's path, a bucket's name, or an address.")],
    collection: Annotated[str, typer.Option(help="Made when it does not exist.")],
    option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, such as branch=main; docs/connectors.md.")
    ] = None,
    include: Annotated[list[str] | None, typer.Option(help="Pattern of paths to take.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Pattern of paths to leave out.")] = None,
    name: Annotated[str, typer.Option(help="Also the folder of its documents.")] = "",
    every: Annotated[int | None, typer.Option(help="Seconds between two syncs.")] = None,
    *,
    watch: Annotated[bool, typer.Option(help="A folder: sync when something changes.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the first sync is done.")] = True,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Add a connector and sync it. Secrets come from SOURCEBOOK_SECRET_TOKEN, …_ACCESS_KEY and so on."""
    new = NewConnector.model_validate(
        {
            "collection": collection,
            "name": name,
            "options": _options(kind, place, option or [], include or [], exclude or []),
            "secrets": _secrets(kind),
            "interval_seconds": every,
            "is_watched": watch,
        }
    )
    with connected(data, server, key, worker=True) as client:
        added = client.add_connector(new)
        shown = _waited(client, added.id) if wait else client.connector(added.id)
    _print(shown, as_json=as_json)


@app.command("list")
def list_connectors(
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """All connectors with their last sync."""
    with connected(data, server, key) as client:
        found = client.connectors(collection)
    if as_json:
        print_json_list(found)
    else:
        _print_table(found)


@app.command("show")
def show_connector(
    connector_id: str,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """One connector, its last sync, and the items that could not be taken."""
    with connected(data, server, key) as client:
        shown = client.connector(connector_id)
    _print(shown, as_json=as_json, fails=False)


@app.command("sync")
def sync_connector(
    connector_id: str,
    *,
    confirm_deletions: Annotated[
        bool, typer.Option("--confirm-deletions", help="Even if most items are gone.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the sync is done.")] = True,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Sync now."""
    with connected(data, server, key, worker=True) as client:
        client.sync_connector(connector_id, confirm_deletions=confirm_deletions)
        shown = _waited(client, connector_id) if wait else client.connector(connector_id)
    _print(shown, as_json=as_json)


@app.command("update")
def update_connector(
    connector_id: str,
    name: Annotated[str | None, typer.Option(help="Its documents move along.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE; NAME= gives back the default.")
    ] = None,
    include: Annotated[list[str] | None, typer.Option(help="Patterns in place of the present ones.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Patterns in place of the present ones.")] = None,
    every: Annotated[int | None, typer.Option(help="Seconds between two syncs; 0: only when told.")] = None,
    *,
    watch: Annotated[bool | None, typer.Option(help="A folder: sync when something changes.")] = None,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Also take secrets from SOURCEBOOK_SECRET_….")
    ] = False,
    pause: Annotated[
        bool | None, typer.Option("--pause/--resume", help="Paused, it syncs when told.")
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Change a connector; what is not named stays as it is. Follow the sync with `connectors show`."""
    options: dict[str, Any] = {n: value or None for n, value in _named(option or []).items()}
    options |= {"include": include} if include else {}
    options |= {"exclude": exclude} if exclude else {}
    wishes: dict[str, Any] = {"name": name, "is_watched": watch, "is_paused": pause, "options": options}
    wishes = {wish: value for wish, value in wishes.items() if value is not None}
    if every is not None:
        wishes["interval_seconds"] = every or None
    with connected(data, server, key, worker=True) as client:
        if secrets:
            wishes["secrets"] = _secrets(client.connector(connector_id).options.kind)
        changed = client.update_connector(connector_id, ConnectorChange.model_validate(wishes))
        shown = client.connector(changed.id)
    _print(shown, as_json=as_json, fails=False)


@app.command("new-key")
def print_new_key() -> None:
    """Print a new key for SOURCEBOOK_SECRET_KEY, or for the first line of secret.key in the data folder."""
    typer.echo(new_key())


@app.command("remove")
def remove_connector(
    connector_id: str,
    documents: Annotated[str, typer.Option(help="keep or delete the documents it brought.")],
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Remove a connector; its documents stay or go, as you say."""
    if documents not in ("keep", "delete"):
        raise typer.BadParameter("Say --documents keep or --documents delete.")
    with connected(data, server, key, worker=True) as client:
        client.remove_connector(connector_id, with_documents=documents == "delete")
    err.print(f"Removed {connector_id}.")


def _options(
    kind: str, place: str, settings: list[str], include: list[str], exclude: list[str]
) -> dict[str, Any]:
    """What the words of the command say; whether they make sense is for the schema to judge."""
    where = {"folder": "path", "s3": "bucket"}.get(kind, "url")
    chosen: dict[str, Any] = {"kind": kind, where: place}
    chosen |= _named(settings)
    if include:
        chosen["include"] = include
    if exclude:
        chosen["exclude"] = exclude
    return chosen


def _named(settings: list[str]) -> dict[str, str]:
    for setting in settings:
        if "=" not in setting:
            raise typer.BadParameter(f"'{setting}' is not NAME=VALUE.")
    return {name: value for name, _, value in (setting.partition("=") for setting in settings)}


def _secrets(kind: str) -> dict[str, str]:
    """From the environment: a command line is seen by everybody on the machine, and kept in histories."""
    names = SECRETS.get(kind, frozenset())
    given = {name: os.environ.get(f"SOURCEBOOK_SECRET_{name.upper()}", "") for name in names}
    return {name: value for name, value in given.items() if value}


def _waited(client: Client, connector_id: str) -> ConnectorDetailSchema:
    """Waits for the sync, and then for the documents that it brought."""
    while not SyncState((shown := client.connector(connector_id)).last_sync.state).is_final:
        time.sleep(POLL_SECONDS)
    documents = {each.id: each for each in client.documents(collection=shown.collection)}
    unfinished = (each.id for each in documents.values() if not DocumentStatus(each.status).is_final)
    wait_until_final(client, documents, deque(unfinished), lambda _done, _all: None)
    return shown


def _print(shown: ConnectorDetailSchema, *, as_json: bool, fails: bool = True) -> None:
    if as_json:
        print_json(shown)
    else:
        _print_table([shown])
        for problem in shown.problems:
            out.print(f"  {escape(problem.key)}: {escape(problem.detail)}")
    is_bad = shown.last_sync.state in (SyncState.FAILED, SyncState.NEEDS_CONFIRMATION)
    if fails and (is_bad or shown.problems):
        raise typer.Exit(1)


def _print_table(connectors: Sequence[ConnectorSchema]) -> None:
    table = Table("id", "collection", "name", "kind", "items", "last sync", "what came of it", box=None)
    for each in connectors:
        sync = each.last_sync
        counts = f"+{sync.added} ~{sync.changed} >{sync.moved} -{sync.deleted}, {sync.failed} failed"
        when = f"{sync.finished_at:%Y-%m-%d %H:%M}" if sync.finished_at else ""
        what = f"{sync.state}: {sync.reason}" if sync.reason else f"{sync.state} {counts}"
        cells = (each.id, each.collection, each.name, each.options.kind, str(each.items), when, what)
        table.add_row(*(escape(cell) for cell in cells))
    out.print(table)
