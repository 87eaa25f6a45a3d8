"""`sourcebook reindex`."""

import time
from typing import Annotated

import typer

from api.client import Client
from api.connecting import DataOption, JsonOption, KeyOption, ServerOption, connected
from api.job_schemas import IndexStateSchema
from api.printing import err, print_index_state, print_json

LOOK_SECONDS = 1.0


def reindex(
    *,
    status: Annotated[bool, typer.Option("--status", help="Only show where it stands.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Remove what was built so far.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the new index answers.")] = True,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Build the index anew after a change of embedder or chunking; the present one answers meanwhile.

    What was interrupted goes on where it was. Exits 1 when the build stopped for a reason that it names.
    """
    with connected(data, server, key, worker=not status) as client:
        if status:
            state = client.index_state()
        elif cancel:
            state = client.cancel_reindex()
        else:
            state = _built(client, client.reindex(), wait=wait)
    if as_json:
        print_json(state)
    else:
        print_index_state(state)
    if state.building and state.building.problem:
        raise typer.Exit(1)


def _built(client: Client, state: IndexStateSchema, *, wait: bool) -> IndexStateSchema:
    """What has become of it: at once, or at its end."""
    shown = ""
    while wait and state.building and not state.building.problem:
        building = state.building
        line = f"{building.documents_done} of {building.documents_total} documents"
        if line != shown:
            err.print(line)
            shown = line
        time.sleep(LOOK_SECONDS)
        state = client.index_state()
    return state
