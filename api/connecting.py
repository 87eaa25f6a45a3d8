"""From the command line's options to a client: a given server, the folder's server, or the folder itself."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from api.client import Client
from api.ownership import owner_address
from api.remote import RemoteClient
from api.settings import Settings

DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder.", envvar="SOURCEBOOK_DATA", show_default="~/.sourcebook"),
]
ServerOption = Annotated[
    str, typer.Option("--server", help="Address of a running server, instead of a folder.")
]
KeyOption = Annotated[str, typer.Option("--key", help="API key for --server.", envvar="SOURCEBOOK_KEY")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def settings_for(data: Path | None) -> Settings:
    return Settings(data=data) if data else Settings()


@contextmanager
def connected(data: Path | None, server: str, key: str, *, worker: bool = False) -> Generator[Client]:
    """Whoever serves the data folder now; without one, the folder is opened in this process.

    `worker`: the command changes documents, so in this process somebody must do the work.
    """
    settings = settings_for(data)
    address = server.rstrip("/") or (owner_address(settings.data) if settings.is_embedded else None)
    if address:
        with closing(RemoteClient(address, key)) as client:
            yield client
        return
    # Loading the embedder's libraries takes seconds: a client of a running server does without.
    wiring, local = import_module("api.wiring"), import_module("api.local")
    with wiring.open_sourcebook(settings, worker=worker) as sourcebook:
        yield local.LocalClient(sourcebook)
