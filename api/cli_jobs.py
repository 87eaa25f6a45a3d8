"""`sourcebook jobs …` and `sourcebook doctor`."""

from typing import Annotated

import typer

from api.connecting import DataOption, JsonOption, KeyOption, ServerOption, connected
from api.printing import err, print_findings, print_jobs, print_json, print_json_list

jobs = typer.Typer(no_args_is_help=True, help="See and steer ingestion.")

CollectionOption = Annotated[str | None, typer.Option(help="Only this collection; else all.")]


@jobs.command("list")
def list_jobs(
    collection: CollectionOption = None,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Documents that are not yet at their end."""
    with connected(data, server, key) as client:
        found = client.jobs(collection=collection)
    if as_json:
        print_json_list(found)
    else:
        print_jobs(found)


@jobs.command("cancel")
def cancel(
    document_id: str,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Stop the ingestion of a document."""
    with connected(data, server, key) as client:
        document = client.cancel(document_id)
    if as_json:
        print_json(document)
    err.print(f"Cancelled {document_id}.")


@jobs.command("retry")
def retry(
    document_id: Annotated[str | None, typer.Argument(help="Without one: every failed document.")] = None,
    collection: CollectionOption = None,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Ingest again what failed or was cancelled. The work is done by whoever serves the data folder."""
    with connected(data, server, key) as client:
        if document_id:
            client.retry(document_id)
            retried = 1
        else:
            retried = client.retry_failed(collection)
    err.print(f"{retried} queued again.")


@jobs.command("pause")
def pause(
    collection: CollectionOption = None,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Let documents wait that are not yet in work, and new ones."""
    with connected(data, server, key) as client:
        client.pause(collection)
    err.print("Paused.")


@jobs.command("resume")
def resume(
    collection: CollectionOption = None,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Go on after `pause`."""
    with connected(data, server, key) as client:
        client.resume(collection)
    err.print("Resumed.")


def doctor(
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Compare record, index, files and jobs. Exits 1 when something is wrong and stays so."""
    with connected(data, server, key) as client:
        report = client.doctor(repair=repair)
    if as_json:
        print_json(report)
    else:
        print_findings(report)
    if not all(finding.is_repaired for finding in report.findings):
        raise typer.Exit(1)
