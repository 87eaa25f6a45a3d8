"""Fits the model by which the extractive writer refuses: `python -m bench.train_answerability`.

Several styles of question, from the folder `shared/data` beside this repository, each with the same weight:
SQuAD 2.0 and XQuAD in four languages, which repeat the words of their text; questions put to prose
(Chroma's chunking evaluation), to a product's documentation (Anthropic's) and to two paragraphs at once
(HotpotQA), which do so less. Documents are cut as ingestion cuts them. Each question is asked where its
evidence is among the passages, and once more with the evidence, and the chunks beside it, taken away; the
questions that SQuAD's authors made unanswerable come on top.

Two tests stay out of the fit: half of SQuAD's articles, and our own sample, with the passages that the
product finds. (The weights of the sentences, which `bench/train_sentences.py` fits first, have seen both.)
All other figures are out of fold. The threshold in `generation/settings.py` is the one of the best balanced
accuracy that still answers four fifths of the sample's answerable questions: the sample is no test of the
threshold.

Vectors are kept in a file (`--cache`): the first run takes about ten minutes, another one a minute.
`--present` only measures the weights that are there.
"""

# pyright: basic
# scikit-learn comes without types.

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from api.evaluating import open_questions
from bench.cached_embedder import CachedEmbedder
from bench.train_sentences import DATA, ROOT, WEIGHTS, Array, Bm25, minimum, named, spread
from corpus.documents import Chunk, DocumentId
from evaluation.answer_metrics import contains_any
from evaluation.answers import judge
from evaluation.judged_sets import JudgedDocument, read_lines
from evaluation.question_sets import JudgedQuestion, QuestionSet, read_question_set
from generation.evidence import ANSWER_FEATURES
from generation.extraction import ExtractiveWriter
from generation.scoring import sentence_scores
from ingest.chunking import Chunker
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.markdown import parse_markdown
from retrieval.embedding import embedded_chunk_text
from retrieval.passages import Passage
from retrieval.tokenizing import query_tokens, tokens

# Questions of each set: more make a better fit, and embedding their sentences takes the time.
SETS = (
    ("squad", "qa/squad-v2-dev-a", "en", 300),
    ("prose", "qa/chroma-chunking", "en", 80),
    ("manual", "retrieval/anthropic-docs", "en", 70),
    ("two hops", "retrieval/hotpotqa-100", "en", 70),
    *(("xquad", f"retrieval/xquad/{language}", language, 20) for language in ("ar", "zh", "de", "es")),
)
NATURAL = ("prose", "manual", "two hops")
PASSAGES = 8
DEPTH = 12
"""Chunks of the best keyword scores, which the embedder then helps to order."""
FOLDS = 5
PRIOR = 3.0
"""Strength of the pull of each weight to 0, for a total weight of all examples of 100."""
THRESHOLDS = (0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    style: str
    group: str
    """What is never on both sides of a fold: an article, or a question and its twin."""
    case: str
    """`answerable`, `gone` (its evidence was taken away) or `unanswerable` (its author made it so)."""
    is_test: bool
    features: Array


class Corpus:
    """Chunks of a set's documents; the best by BM25, put in order by BM25 and cosine, z-scores added."""

    def __init__(self, questions: QuestionSet, language: str, embedder: CachedEmbedder) -> None:
        self._embedder = embedder
        chunker = Chunker(embedder)
        self._titled: list[tuple[str, Chunk]] = [
            (title, chunk)
            for document_id, title, parsed in _parsed(questions, language)
            for chunk in chunker.split(parsed, DocumentId(document_id), 1)
        ]
        texts = [embedded_chunk_text(chunk, title) for title, chunk in self._titled]
        self._keywords = Bm25([tokens(text, language) for text in texts])
        self._texts = texts

    def find(self, question: JudgedQuestion) -> tuple[list[Passage], list[Passage]]:
        """The passages for a question, and those that are found once what answers is taken away."""
        keyword = self._keywords.scores(query_tokens(question.text))
        evidence = {i for i, (_, chunk) in enumerate(self._titled) if _answers(chunk, question)}
        beside = {i + step for i in evidence for step in (-1, 1)} if question.quotes else set()
        gone = evidence | beside
        best = np.argsort(-keyword, kind="stable").tolist()
        return (
            self._ranked(question.text, best[:DEPTH], keyword),
            self._ranked(question.text, [i for i in best if i not in gone][:DEPTH], keyword),
        )

    def _ranked(self, question: str, chosen: Sequence[int], keyword: Array) -> list[Passage]:
        vectors = self._embedder.embed_documents([self._texts[i] for i in chosen])
        cosines = (vectors @ self._embedder.embed_query(question)).astype(np.float64)
        scores = _z_score(cosines) + _z_score(keyword[list(chosen)])
        found: list[Passage] = []
        for rank, i in enumerate(np.argsort(-scores, kind="stable")[:PASSAGES], start=1):
            title, chunk = self._titled[chosen[i]]
            found.append(_passage(title, chunk, rank, float(scores[i]), float(cosines[i])))
        return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "answerability.db")
    arguments.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "sourcebook-answers")
    arguments.add_argument("--present", action="store_true")
    given = arguments.parse_args()
    embedder = CachedEmbedder(given.cache)
    writer = ExtractiveWriter(embedder)
    examples = [each for row in SETS for each in _of_set(*row, writer=writer, embedder=embedder)]
    examples += _of_sample(writer, given.keep / "sample")
    kept = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    if given.present:
        present = np.array([*(kept["answer"][name] for name in ANSWER_FEATURES), kept["answer_bias"]])
        report(examples, probabilities(examples, present))
        return
    report(examples, out_of_fold(examples))
    weights = fit([each for each in examples if not each.is_test])
    kept["answer"] = named(ANSWER_FEATURES, weights[:-1])
    kept["answer_bias"] = round(float(weights[-1]), 4)
    WEIGHTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def _of_set(
    style: str, path: str, language: str, limit: int, *, writer: ExtractiveWriter, embedder: CachedEmbedder
) -> Iterator[Example]:
    questions = read_question_set(DATA / path).sample(limit)
    tempting = _tempting(DATA / path) if style == "squad" else {}
    articles = sorted({each.split("#")[0] for each in tempting.values()})
    corpus = Corpus(questions, language, embedder)
    embedder.embed_documents([each.text for each in questions.questions])
    for number, question in enumerate(questions.questions):
        group = tempting[question.id].split("#")[0] if style == "squad" else f"{path} {number}"
        present, gone = corpus.find(question)
        cases = [("unanswerable", present)]
        if question.is_answerable:
            cases = [("gone", gone)]
            if any(_answers(passage.chunk, question) for passage in present):
                cases.append(("answerable", present))
        for case, passages in cases:
            if (features := _features(writer, question.text, passages)) is not None:
                is_test = style == "squad" and articles.index(group) % 2 == 1
                yield Example(style=style, group=group, case=case, is_test=is_test, features=features)


def _of_sample(writer: ExtractiveWriter, folder: Path) -> Iterator[Example]:
    questions = read_question_set(ROOT / "sample")
    with open_questions(questions, folder) as (answerer, collections):
        judged = judge(questions.questions, answerer, collections)
    for each in judged:
        features = _features(writer, each.question.text, each.answer.passages)
        if features is not None:
            yield Example(
                style="sample",
                group=each.question.id,
                case="answerable" if each.question.is_answerable else "unanswerable",
                is_test=True,
                features=features,
            )


def _features(writer: ExtractiveWriter, question: str, passages: Sequence[Passage]) -> Array | None:
    evidence = writer.evidence(question, passages)
    if evidence is None:
        return None
    return evidence.answer_features(sentence_scores(evidence.sentence_features()))


def _answers(chunk: Chunk, question: JudgedQuestion) -> bool:
    """Whether a chunk holds evidence: a part of the quotes where they are known, else by its document."""
    if str(chunk.document_id) not in question.documents:
        return False
    halves = [half for quote in question.quotes for half in _halves(quote.split())]
    return not halves or contains_any(chunk.text, halves)


def _halves(words: Sequence[str]) -> tuple[str, str]:
    """A chunk may end within a quote."""
    middle = len(words) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


def _tempting(folder: Path) -> dict[str, str]:
    """The paragraph of each of SQuAD's questions, also of the unanswerable ones."""
    return {str(row["id"]): str(row["doc_id"]) for row in read_lines(folder / "qa.jsonl")}


def _parsed(questions: QuestionSet, language: str) -> Iterator[tuple[str, str, ParsedDocument]]:
    for document in questions.documents:
        yield document.id, document.title.replace("_", " "), _plain(document, language)
    for path in sorted(questions.files.iterdir()) if questions.files else ():
        yield path.name, path.stem, replace(parse_markdown(path, path.name), language=language)


def _plain(document: JudgedDocument, language: str) -> ParsedDocument:
    parsed = ParsedDocumentBuilder()
    for paragraph in document.text.split("\n\n"):
        parsed.block(BlockKind.PARAGRAPH, paragraph)
    return parsed.build(title=document.title, language=language)


def fit(examples: Sequence[Example]) -> Array:
    """Logistic regression whose weights keep the sign that makes sense; the bias comes last."""
    features = np.array([each.features for each in examples])
    labels = np.array([each.case == "answerable" for each in examples])
    weights = _shares(examples)
    scale, signs = spread(features), np.where(labels, 1.0, -1.0)
    standard = features / scale

    def loss(parameters: Array) -> tuple[float, Array]:
        margins = signs * (standard @ parameters[:-1] + parameters[-1])
        slope = -weights * signs / (1 + np.exp(margins))
        value = (weights * np.logaddexp(0, -margins)).sum() + 0.5 * PRIOR * (parameters[:-1] ** 2).sum()
        return float(value), np.append(standard.T @ slope + PRIOR * parameters[:-1], slope.sum())

    return minimum(loss, ANSWER_FEATURES, free=1) / np.append(scale, 1.0)


def _shares(examples: Sequence[Example]) -> Array:
    """Each style weighs the same, and in it what is answerable as much as what is not."""
    cells = [(each.style, each.case) for each in examples]
    styles = {style for style, _ in cells}
    weights = np.zeros(len(cells))
    for style, case in set(cells):
        refused = {other for name, other in cells if name == style} - {"answerable"}
        share = 0.5 if case == "answerable" else 0.5 / len(refused)
        weights[[cell == (style, case) for cell in cells]] = (
            100 / len(styles) * share / cells.count((style, case))
        )
    return weights


def probabilities(examples: Sequence[Example], weights: Array) -> Array:
    features = np.array([each.features for each in examples])
    return 1 / (1 + np.exp(-(features @ weights[:-1] + weights[-1])))


def out_of_fold(examples: Sequence[Example]) -> Array:
    """Of each example by weights that were fitted without its group; of a test by all that is no test."""
    training = [each for each in examples if not each.is_test]
    places = [i for i, each in enumerate(examples) if not each.is_test]
    found = probabilities(examples, fit(training))
    groups = [each.group for each in training]
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        weights = fit([training[i] for i in train])
        for i in test:
            found[places[i]] = probabilities([training[i]], weights)[0]
    return found


def report(examples: Sequence[Example], found: Array) -> None:
    """Prints, for all styles and both tests, what is answered and refused at several thresholds."""
    styles = [f"{each.style}{', test' if each.is_test else ''}" for each in examples]
    cells = [f"{style}: {each.case}" for style, each in zip(styles, examples, strict=True)]
    for style in dict.fromkeys(styles):
        rows = [i for i, each in enumerate(styles) if each == style]
        area = roc_auc_score([examples[i].case == "answerable" for i in rows], found[rows])
        print(f"{style}: area under the curve {area:.2f}")
    print(f"| share answered or refused | questions | {' | '.join(f'{each:.2f}' for each in THRESHOLDS)} |")
    print("|---" * (2 + len(THRESHOLDS)) + "|")
    for cell in sorted(set(cells)):
        values = found[[each == cell for each in cells]]
        is_answered = cell.endswith(": answerable")
        figures = [np.mean(values >= each if is_answered else values < each) for each in THRESHOLDS]
        print(f"| {cell} | {len(values)} | {' | '.join(f'{each:.2f}' for each in figures)} |")
    for name, wanted in (("balanced accuracy, styles fitted", False), ("balanced accuracy, tests", True)):
        rows = [i for i, each in enumerate(examples) if each.is_test == wanted]
        balance = _balance([examples[i] for i in rows], found[rows])
        print(f"| {name} | {len(rows)} | {' | '.join(f'{each:.3f}' for each in balance)} |")


def _balance(examples: Sequence[Example], found: Array) -> list[float]:
    """For each threshold the share of right decisions, with the weights of the fit."""
    labels = np.array([each.case == "answerable" for each in examples])
    weights = _shares(examples)
    return [float((weights * ((found >= each) == labels)).sum() / weights.sum()) for each in THRESHOLDS]


def _passage(title: str, chunk: Chunk, rank: int, score: float, similarity: float) -> Passage:
    return Passage(
        rank=rank,
        score=score,
        similarity=similarity,
        chunk=chunk,
        title=title,
        path=str(chunk.document_id),
        media_type="text/plain",
        collection="",
    )


def _z_score(values: Array) -> Array:
    return (values - values.mean()) / (values.std() + 1e-6)


if __name__ == "__main__":
    main()
