"""How much of the words that answer is in the best chunks, for several ways of cutting, by character.

python -m bench.chunking_quality ../shared/data/qa/chroma-chunking [--only NAME...] [--texts NAME...]

As "Evaluating Chunking Strategies for Retrieval" (Smith and Troynikov, Chroma, 2024), whose five texts and
472 questions these are: all texts are searched at once; recall is the share of the reference's characters
that the best chunks hold, precision the share of the chunks' characters that the reference holds, IoU what
both hold by what either holds. Chunks that overlap count twice in the denominators, as there.
"""

import argparse
import json
import math
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from bench.cached_embedder import CachedEmbedder
from bench.plain_splitting import Span, recursive_spans, window_spans
from corpus.documents import Chunk, DocumentId
from evaluation.judged_sets import JudgedDocument
from evaluation.retrieval import COLLECTION, InMemoryRecord
from ingest.chunking import Chunker, ChunkingSettings
from ingest.parsed import ParsedDocument
from ingest.parsers.markdown import parse_markdown
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.indexing import Indexer, TitledChunk
from retrieval.passages import Passage, Query, SearchMode
from retrieval.retriever import Retriever
from retrieval.sections import SectionRetriever

DEPTHS = (5, 10)
MODES = (SearchMode.DENSE, SearchMode.HYBRID)
_RESAMPLES = 2000
_LONGEST_GAP = 300
"""Characters of a source that a parser may leave out in one place (a link's address, a comment)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One text as its file has it and as our parser reads it."""

    name: str
    raw: str
    parsed: ParsedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    source: str
    references: tuple[Span, ...]
    """In the file's characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """A way to cut: our chunker with these settings, or a plain splitter of the file's own characters."""

    name: str
    settings: ChunkingSettings | None = None
    place: bool = True
    """Whether title and headings are embedded with each chunk."""
    overlap: int | None = None
    """Without settings: windows of 200 tokens with such an overlap; `None` splits recursively."""
    section_tokens: int = 0
    """What is read of the section around each chunk that was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Of one question, for one depth."""

    recall: float
    precision: float
    iou: float


def cuttings() -> Iterator[Cutting]:
    for place in (True, False):
        for most in (256, 200, 160, 128, 96):
            settings = ChunkingSettings(max_tokens=most)
            named = "" if place else ", text only"
            yield Cutting(name=f"ours {most}{named}", settings=settings, place=place)
    for most in (256, 128):
        settings = ChunkingSettings(max_tokens=most)
        yield Cutting(name=f"ours {most}, sections of 512", settings=settings, section_tokens=512)
    yield Cutting(name="windows of 200", overlap=0)
    yield Cutting(name="recursive 200")
    yield Cutting(name="windows of 200, overlap 100", overlap=100)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--only", nargs="+", help="names of the ways to cut; the first is compared with")
    arguments.add_argument("--texts", nargs="+", help="files to search in; else all")
    arguments.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "chunking-quality.db")
    given = arguments.parse_args()
    embedder = CachedEmbedder(given.cache)
    sources = [source for source in read_sources(given.folder) if source.name in (given.texts or source.name)]
    names = {source.name for source in sources}
    questions = [question for question in read_questions(given.folder) if question.source in names]
    chosen = [cutting for cutting in cuttings() if not given.only or cutting.name in given.only]
    print(
        "| chunks | mode | number | mean tokens | recall@5 | precision@5 | IoU@5 | recall@10 | IoU@10 |",
        end="",
    )
    print(" recall@5 less the first's |\n|---|---|---|---|---|---|---|---|---|---|", flush=True)
    first: dict[SearchMode, list[float]] = {}
    for cutting in chosen:
        chunks = [chunk for source in sources for chunk in cut(cutting, source, embedder)]
        for mode, scores in measure(chunks, cutting, sources, questions, embedder).items():
            recalls = [score.recall for score in scores[DEPTHS[0]]]
            compared = difference(recalls, first.setdefault(mode, recalls))
            size = fmean(chunk.tokens for _, chunk in chunks)
            print(row(cutting, mode, (len(chunks), size), scores), compared, "|", flush=True)


def read_sources(folder: Path) -> list[Source]:
    return [
        Source(name=path.name, raw=path.read_text(encoding="utf-8"), parsed=parse_markdown(path, path.name))
        for path in sorted((folder / "corpora").iterdir())
    ]


def read_questions(folder: Path) -> list[Question]:
    return [
        Question(
            text=row["question"],
            source=row["doc_id"],
            references=tuple((each["start"], each["end"]) for each in row["references"]),
        )
        for row in map(json.loads, (folder / "qa.jsonl").open(encoding="utf-8"))
    ]


def cut(cutting: Cutting, source: Source, embedder: CachedEmbedder) -> list[TitledChunk]:
    document = DocumentId(source.name)
    if cutting.settings:
        parsed = source.parsed if cutting.place else _placeless(source.parsed)
        chunks = Chunker(embedder, cutting.settings).split(parsed, document, 1)
        if not cutting.place:
            chunks = [replace(chunk, heading_path=()) for chunk in chunks]
        return [(parsed.title, chunk) for chunk in chunks]
    offsets = embedder.token_offsets(source.raw)
    if cutting.overlap is None:
        spans = recursive_spans(source.raw, offsets, most=200)
    else:
        spans = window_spans(source.raw, offsets, size=200, overlap=cutting.overlap)
    return [("", _plain_chunk(document, source.raw, n, span, embedder)) for n, span in enumerate(spans)]


def measure(
    chunks: Sequence[TitledChunk],
    cutting: Cutting,
    sources: Sequence[Source],
    questions: Sequence[Question],
    embedder: CachedEmbedder,
) -> dict[SearchMode, dict[int, list[Scores]]]:
    """Scores of every question, by mode and depth."""
    maps = {source.name: alignment(source.raw, source.parsed.text) for source in sources}
    record = InMemoryRecord()
    for source in sources:
        held = [chunk for _, chunk in chunks if chunk.document_id == source.name]
        record.add(held, JudgedDocument(id=source.name, title=source.name, text=""))
    measured: dict[SearchMode, dict[int, list[Scores]]] = {}
    with tempfile.TemporaryDirectory() as place:
        index = QdrantEdgeIndex(Path(place) / "index", dimension=embedder.dimension)
        Indexer(index, embedder).index_titled(chunks, collection_id=COLLECTION)
        retriever = SectionRetriever(
            Retriever(index, embedder, record), record, max_tokens=cutting.section_tokens
        )
        embedder.embed_documents([question.text for question in questions])  # all at once, then cached
        for mode in MODES:
            measured[mode] = {depth: [] for depth in DEPTHS}
            for question in questions:
                found = retriever.retrieve(_query(question.text, mode))
                wanted = question.references
                if cutting.settings:  # our chunks are spans of the canonical text
                    wanted = [(maps[question.source][a], maps[question.source][b]) for a, b in wanted]
                for depth in DEPTHS:
                    measured[mode][depth].append(score(found[:depth], question.source, wanted))
        index.close()
    return measured


def score(found: Sequence[Passage], source: str, references: Sequence[Span]) -> Scores:
    wanted = _characters(references)
    chunks = [chunk for passage in found for chunk in passage.read_chunks]
    shared = len(wanted & _characters([(c.start, c.end) for c in chunks if c.document_id == source]))
    read = sum(chunk.end - chunk.start for chunk in chunks)
    return Scores(
        recall=shared / len(wanted),
        precision=shared / read if read else 0.0,
        iou=shared / (read + len(wanted) - shared),
    )


def alignment(raw: str, parsed: str) -> list[int]:
    """For each character of `raw` (and its end) where it stands in `parsed`, or where the text goes on.

    A parser leaves characters out and changes white space; what it adds itself is passed over.
    """
    places = [0] * (len(raw) + 1)
    at = filled = 0
    for place, character in enumerate(parsed):
        if character.isspace():
            continue
        found = raw.find(character, at, at + _LONGEST_GAP)
        if found < 0:
            continue
        places[filled : found + 1] = [place] * (found + 1 - filled)
        filled = at = found + 1
    places[filled:] = [len(parsed)] * (len(places) - filled)
    return places


def difference(values: Sequence[float], others: Sequence[float]) -> str:
    """Mean of the paired differences with its 95 % bootstrap interval, in points of a hundred."""
    pairs = [100 * (value - other) for value, other in zip(values, others, strict=True)]
    draw = random.Random(1)
    means = sorted(fmean(draw.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES))
    low, high = means[math.floor(0.025 * _RESAMPLES)], means[math.ceil(0.975 * _RESAMPLES) - 1]
    return f" {fmean(pairs):+.1f} ({low:+.1f} to {high:+.1f})"


def row(
    cutting: Cutting, mode: SearchMode, numbers: tuple[int, float], scores: dict[int, list[Scores]]
) -> str:
    five, ten = (scores[depth] for depth in DEPTHS)
    figures = [
        fmean(score.recall for score in five),
        fmean(score.precision for score in five),
        fmean(score.iou for score in five),
        fmean(score.recall for score in ten),
        fmean(score.iou for score in ten),
    ]
    shown = " | ".join(f"{100 * figure:.1f}" for figure in figures)
    return f"| {cutting.name} | {mode} | {numbers[0]} | {numbers[1]:.0f} | {shown} |"


def _placeless(parsed: ParsedDocument) -> ParsedDocument:
    return replace(parsed, title="", blocks=tuple(replace(block, heading_path=()) for block in parsed.blocks))


def _plain_chunk(document: DocumentId, text: str, number: int, span: Span, embedder: CachedEmbedder) -> Chunk:
    start, end = span
    return Chunk(
        document_id=document,
        version=1,
        number=number,
        start=start,
        end=end,
        text=text[start:end],
        heading_path=(),
        page=None,
        regions=(),
        language="en",
        tokens=len(embedder.token_offsets(text[start:end])),
    )


def _query(text: str, mode: SearchMode) -> Query:
    return Query(text=text, collections=frozenset({COLLECTION}), limit=max(DEPTHS), mode=mode)


def _characters(spans: Sequence[Span]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


if __name__ == "__main__":
    main()
