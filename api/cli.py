"""The command line. Contract: docs/cli.md; exit codes 0 done, 1 failed, 2 wrong usage."""

import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.progress import Progress

from api import cli_connectors, cli_documents, cli_evaluation, cli_jobs, cli_reindex
from api.connecting import DataOption, JsonOption, KeyOption, ServerOption, connected, settings_for
from api.ingesting import files_below, ingest
from api.printing import (
    err,
    out,
    print_error,
    print_json,
    print_passages,
    print_report,
    print_sources,
)
from api.schemas import AnswerRequest, SearchRequest
from corpus.documents import DocumentStatus
from corpus.errors import SourcebookError
from retrieval.passages import SearchMode

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Ask your documents and check every answer.",
)
app.add_typer(cli_documents.documents, name="documents")
app.add_typer(cli_documents.collections, name="collections")
app.add_typer(cli_connectors.app, name="connectors")
app.add_typer(cli_evaluation.app, name="eval")
app.add_typer(cli_jobs.jobs, name="jobs")
app.command("doctor")(cli_jobs.doctor)
app.command("reindex")(cli_reindex.reindex)


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="Only this machine's own addresses, for now.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8000,
    data: DataOption = None,
) -> None:
    """Serve the API and the web page, and ingest what is uploaded."""
    import_module("api.serving").serve(settings_for(data), host, port)


@app.command("demo")
def demo_command(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="As `sample/` is laid out.")],
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8000,
    data: DataOption = None,
) -> None:
    """Ingest a sample collection, ask its first question, then serve."""
    import_module("api.serving").demonstrate(settings_for(data), port, folder)


@app.command("worker")
def worker_command(data: DataOption = None) -> None:
    """Ingest what others upload, without serving: for PostgreSQL and a Qdrant server."""
    import_module("api.serving").work(settings_for(data))


@app.command("migrate")
def migrate_command(data: DataOption = None) -> None:
    """Bring the database to this version's schema and stop."""
    import_module("api.serving").migrate(settings_for(data))


@app.command("ingest")
def ingest_command(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files, folders, zips.")],
    collection: Annotated[str, typer.Option(help="Made when it does not exist.")],
    *,
    wait: Annotated[bool, typer.Option(help="Wait until every document is done.")] = True,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Add documents to a collection. Files already known unchanged are left as they are."""
    files = list(files_below(paths))
    with (
        connected(data, server, key, worker=True) as client,
        Progress(console=err, transient=True) as progress,
    ):
        task = progress.add_task(f"Ingesting {len(files)} files", total=None)
        report = ingest(
            client,
            collection,
            files,
            (lambda done, total: progress.update(task, completed=done, total=total)) if wait else None,
        )
    if as_json:
        print_json(report)
    print_report(report)
    if any(DocumentStatus(each.status).is_failure for each in report.documents):
        raise typer.Exit(1)


@app.command("search")
def search_command(
    query: str,
    collection: Annotated[list[str] | None, typer.Option(help="Search only here.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 10,
    mode: SearchMode = SearchMode.HYBRID,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Find passages, without an answer."""
    request = SearchRequest(query=query, collections=collection or [], limit=limit, mode=mode)
    with connected(data, server, key) as client:
        response = client.search(request)
    if as_json:
        print_json(response)
    else:
        print_passages(response)


@app.command("ask")
def ask_command(
    question: str,
    collection: Annotated[list[str] | None, typer.Option(help="Answer only from here.")] = None,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Answer a question from the documents, with numbered sources."""
    request = AnswerRequest(question=question, collections=collection or [])

    def show(delta: str) -> None:
        if not as_json:
            out.print(delta, end="", markup=False)

    with connected(data, server, key) as client:
        answer = client.ask(request, show)
    if as_json:
        print_json(answer)
    else:
        out.print()
        print_sources(answer)


def main() -> None:
    """Entry point: turns an error into one sentence and an exit code."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        app()
    except SourcebookError as error:
        print_error(str(error))
        sys.exit(1)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        print_error(f"Not valid: {faults}")
        sys.exit(2)


if __name__ == "__main__":
    main()
