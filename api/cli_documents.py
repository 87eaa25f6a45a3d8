"""`sourcebook documents …` and `sourcebook collections …`."""

from typing import Annotated

import typer

from api.connecting import DataOption, JsonOption, KeyOption, ServerOption, connected
from api.printing import (
    err,
    out,
    print_collections,
    print_deletions,
    print_documents,
    print_json,
    print_json_list,
)

documents = typer.Typer(no_args_is_help=True, help="List, show and delete documents.")
collections = typer.Typer(no_args_is_help=True, help="List collections.")


@documents.command("list")
def list_documents(
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """All documents with their status."""
    with connected(data, server, key) as client:
        found = client.documents(collection=collection)
    if as_json:
        print_json_list(found)
    else:
        print_documents(found)


@documents.command("show")
def show_document(
    document_id: str,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """One document's state."""
    with connected(data, server, key) as client:
        found = client.document(document_id)
    if as_json:
        print_json(found)
    else:
        print_documents([found])


@documents.command("text")
def document_text(
    document_id: str,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """The canonical text, into which every citation's `start` and `end` point."""
    with connected(data, server, key) as client:
        found = client.text(document_id)
    if as_json:
        print_json(found)
    else:
        out.print(found.text, markup=False)


@documents.command("delete")
def delete_document(
    document_id: str, data: DataOption = None, server: ServerOption = "", key: KeyOption = ""
) -> None:
    """Delete a document: nothing shows it any more when the command returns."""
    with connected(data, server, key, worker=True) as client:
        client.delete(document_id)
    err.print(f"Deleted {document_id}.")


@documents.command("deletions")
def list_deletions(
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """What was deleted, and when counting found nothing left of it."""
    with connected(data, server, key) as client:
        found = client.deletions(collection=collection)
    if as_json:
        print_json_list(found)
    else:
        print_deletions(found)


@collections.command("list")
def list_collections(
    *,
    as_json: JsonOption = False,
    data: DataOption = None,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """All collections."""
    with connected(data, server, key) as client:
        found = client.collections()
    if as_json:
        print_json_list(found)
    else:
        print_collections(found)
