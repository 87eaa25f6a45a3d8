"""What people read on the terminal. Results go to stdout, everything else to stderr."""

from collections.abc import Sequence

from pydantic import BaseModel, TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.job_schemas import DeletionSchema, DoctorReport, IndexStateSchema
from api.schemas import AnswerResponse, CollectionSchema, DocumentSchema, IngestReport, SearchResponse
from corpus.documents import DocumentStatus

SNIPPET_CHARS = 300

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(document: BaseModel) -> None:
    out.print(document.model_dump_json(indent=2), markup=False)


def print_json_list(documents: Sequence[BaseModel]) -> None:
    listed = TypeAdapter(list[dict[str, object]]).dump_json(
        [document.model_dump(mode="json") for document in documents], indent=2
    )
    out.print(listed.decode(), markup=False)


def print_error(message: str) -> None:
    err.print(f"[red]{escape(message)}[/red]")


def print_passages(response: SearchResponse) -> None:
    for passage in response.passages:
        place = " > ".join([passage.title, *passage.heading_path])
        page = f", page {passage.page}" if passage.page else ""
        out.print(f"[bold]{passage.rank}. {escape(place)}[/bold]{page}  [dim]{passage.score:.3f}[/dim]")
        out.print(escape(_snippet(passage.text)) + "\n")
    out.print(f"[dim]{len(response.passages)} passages in {response.took_ms:.0f} ms[/dim]")


def print_sources(answer: AnswerResponse) -> None:
    if not answer.answerable:
        if answer.sources:
            out.print("\nThe nearest passages:")
        for source in answer.sources[:3]:
            out.print(f"  - [bold]{escape(source.title)}[/bold]: {escape(_snippet(source.quote))}")
        return
    out.print("\nSources")
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page else ""
        out.print(f"  \\[{citation.n}] [bold]{escape(citation.title)}[/bold]{page}", highlight=False)
        if citation.location:
            out.print(f"      {escape(' › '.join(citation.location))}", highlight=False)
        out.print(f"      “{escape(_snippet(citation.quote))}”")


def print_report(report: IngestReport) -> None:
    failed = [each for each in report.documents if DocumentStatus(each.status).is_failure]
    doubled = [each for each in report.documents if each.status == DocumentStatus.DUPLICATE]
    chunks = sum(each.chunks for each in report.documents)
    err.print(
        f"{len(report.documents) - len(failed)} of {len(report.documents)} documents ready"
        f"{f' ({len(doubled)} by a duplicate)' if doubled else ''}, "
        f"{chunks} chunks, {report.took_s:.1f} s"
    )
    for each in failed:
        why = f"{each.reason.title}: {each.reason.detail} {each.reason.action}" if each.reason else ""
        err.print(f"[red]{each.status}[/red]  {escape(each.path)}  {escape(why)}")


def print_documents(documents: Sequence[DocumentSchema]) -> None:
    table = Table("id", "status", "collection", "path", "chunks", "why", box=None)
    for each in documents:
        why = each.reason.detail if each.reason else ""
        cells = (each.id, each.status, each.collection, each.path, str(each.chunks), why)
        table.add_row(*(escape(cell) for cell in cells))
    out.print(table)


def print_jobs(documents: Sequence[DocumentSchema]) -> None:
    table = Table("id", "status", "collection", "path", "chunks", "left", box=None)
    for each in documents:
        progress = each.progress
        done = f"{progress.chunks_done}/{progress.chunks_total}" if progress.chunks_total else ""
        left = f"{progress.eta_seconds:.0f} s" if progress.eta_seconds is not None else ""
        status = f"{each.status}, stalled" if each.is_stalled else each.status
        table.add_row(*(escape(cell) for cell in (each.id, status, each.collection, each.path, done, left)))
    out.print(table)


def print_deletions(deletions: Sequence[DeletionSchema]) -> None:
    table = Table("document", "collection", "path", "chunks", "vectors", "files", "verified", box=None)
    for each in deletions:
        verified = each.verified_at.isoformat(timespec="seconds") if each.verified_at else "not yet"
        counts = (str(each.chunks), str(each.vectors), str(each.blobs))
        cells = (each.document_id, each.collection, each.path, *counts, verified)
        table.add_row(*(escape(cell) for cell in cells))
    out.print(table)


def print_findings(report: DoctorReport) -> None:
    if not report.findings:
        out.print("Nothing wrong.")
    for each in report.findings:
        colour, state = ("green", "repaired") if each.is_repaired else ("red", each.fault)
        out.print(f"[{colour}]{state}[/{colour}]  {escape(each.detail)}  [dim]{escape(each.subject)}[/dim]")


def print_index_state(state: IndexStateSchema) -> None:
    out.print(f"Answering: {state.answering}")
    if building := state.building:
        done = f"{building.documents_done} of {building.documents_total} documents"
        out.print(f"Being built: {building.name}, {done}")
        if building.problem:
            out.print(f"[red]Stopped[/red]  {escape(building.problem)}")
    elif not state.is_current:
        out.print(f"The settings ask for {state.wanted}: `sourcebook reindex` builds it.")


def print_collections(collections: Sequence[CollectionSchema]) -> None:
    table = Table("name", "documents", "id", "", box=None)
    for each in collections:
        table.add_row(escape(each.name), str(each.documents), each.id, "paused" if each.is_paused else "")
    out.print(table)


def _snippet(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SNIPPET_CHARS else line[: SNIPPET_CHARS - 1] + "…"
