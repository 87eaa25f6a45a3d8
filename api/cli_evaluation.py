"""`sourcebook eval …`: how good are retrieval and answers on a set of questions?"""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from api.connecting import JsonOption
from api.printing import out, print_json
from api.schemas import Evaluation
from retrieval.passages import SearchMode

app = typer.Typer(no_args_is_help=True, help="Measure retrieval and answers on a set of questions.")

DatasetArgument = Annotated[Path, typer.Argument(exists=True, file_okay=False)]


@app.command("retrieval")
def evaluate_retrieval(
    dataset: DatasetArgument, mode: SearchMode = SearchMode.HYBRID, *, as_json: JsonOption = False
) -> None:
    """nDCG@10, recall, MRR and latency on a folder in the form of BEIR (corpus, queries, qrels)."""
    with tempfile.TemporaryDirectory(prefix="sourcebook-eval-") as folder:
        report = import_module("api.evaluating").evaluate_retrieval(dataset, mode, Path(folder))
    _show(Evaluation.model_validate(report), as_json=as_json)


@app.command("answers")
def evaluate_answers(
    dataset: DatasetArgument,
    limit: Annotated[int | None, typer.Option(min=1, help="A fixed sample of this many questions.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Answer quality, citations and refusals on a folder with qa.jsonl and its documents."""
    with tempfile.TemporaryDirectory(prefix="sourcebook-eval-") as folder:
        report = import_module("api.evaluating").evaluate_answers(dataset, limit, Path(folder))
    _show(Evaluation.model_validate(report), as_json=as_json)


def _show(evaluation: Evaluation, *, as_json: bool) -> None:
    if as_json:
        print_json(evaluation)
        return
    out.print(f"[bold]{evaluation.dataset}[/bold], {evaluation.mode}, {evaluation.queries} questions")
    for name, value in evaluation.metrics.items():
        out.print(f"  {name:<24} {value:.4f}" if value is not None else f"  {name:<24} -")
    out.print(
        f"  latency p50 {evaluation.latency_ms['p50']:.0f} ms, p95 {evaluation.latency_ms['p95']:.0f} ms"
    )
