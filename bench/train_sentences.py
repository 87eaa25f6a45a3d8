"""Fits the weights by which the extractive writer chooses: `python -m bench.train_sentences`.

Data, from the folder `shared/data` beside this repository: half of SQuAD 2.0's development set
(`qa/squad-v2-dev-a`) and XQuAD in Arabic, Chinese, German and Spanish (`retrieval/xquad`). Each question is
asked of its whole corpus. The ranking of the paragraphs is made worse by noise, for a real knowledge base is
harder to search than a few articles on different matters. Where the paragraph that answers is no longer among
those that are read, the question is left out.

Those sets repeat the words of their paragraphs; people who ask a knowledge base do not. So the weights are
then moved towards the questions of our own sample collection, held by a prior at the weights just fitted.
After this, `bench/train_answerability.py` must run again: it is the best sentence that it judges.

Prints out-of-fold figures (no article is in both halves of a fold) and writes the sentences' part of
`generation/evidence_weights.json`. Takes about ten minutes on two cores.
"""

# pyright: basic
# scikit-learn and SciPy come without types.

import gzip
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.model_selection import GroupKFold

from api.evaluating import open_questions
from corpus.documents import Chunk, DocumentId
from evaluation.answer_metrics import contains_any
from evaluation.answers import judge
from evaluation.question_sets import JudgedQuestion, read_question_set
from generation.evidence import SENTENCE_FEATURES, Candidate, Evidence, candidates
from generation.questions import read_question
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import Vectors, embedded_text
from retrieval.passages import Passage
from retrieval.tokenizing import query_tokens, tokens

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
WEIGHTS = ROOT / "generation" / "evidence_weights.json"
LANGUAGES = ("ar", "zh", "de", "es")
WEIGHT_OF_OTHER_LANGUAGES = 0.25
PASSAGES = 8
NOISE = 2.5
FOLDS = 5
PULL = 2.5
"""How firmly the fitted weights are held when they are moved towards the sample's questions."""

# What may only speak against a sentence or an answer, and what may speak either way; all else speaks for it.
AGAINST = {
    "names_missing",
    "numbers_missing",
    "negation_differs",
    "asks",
    "names_missing_in_passage",
    "names_missing_everywhere",
    "numbers_missing_everywhere",
    "missing_in_first_passages",
}
EITHER = {
    "follows_on",
    "kind_is_asked",
    "length",
    "terms",
    "has_names",
    "other_script",
    "other_script_cosine",
    "other_script_coverage",
}

Row = dict[str, Any]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question asked of a corpus that answers it or not."""

    corpus: str
    group: str
    case: str
    """`answerable`, `adversarial`, `paragraph gone` or `article gone`.

    Only the first counts; the others are kept because they draw from the same noise as the committed weights.
    """
    evidence: Evidence
    features: Array
    answers: NDArray[np.bool_]
    """For each candidate, whether it holds the answer."""


class Corpus:
    """Paragraphs, searched by exact cosine and BM25, z-scores added."""

    def __init__(self, folder: Path, language: str, embedder: MiniLmEmbedder) -> None:
        self._embedder = embedder
        rows = list(_rows(folder / "corpus.jsonl"))
        self.questions = list(_rows(folder / "qa.jsonl"))
        self.ids = [str(row["_id"]) for row in rows]
        titles = [str(row["title"]).replace("_", " ") for row in rows]
        texts = [str(row["text"]) for row in rows]
        # XQuAD numbers its paragraphs through, five to an article.
        self.articles = [each.split("#")[0] if "#" in each else str(int(each) // 5) for each in self.ids]
        self._vectors = embedder.embed_documents(
            [embedded_text(title, (), text) for title, text in zip(titles, texts, strict=True)]
        )
        self._keywords = Bm25(
            [tokens(f"{title}\n{text}", language) for title, text in zip(titles, texts, strict=True)]
        )
        self._candidates = [
            candidates([_passage(each, title, text, language)])
            for each, title, text in zip(self.ids, titles, texts, strict=True)
        ]
        self._sentence_vectors = [
            embedder.embed_documents([each.text for each in found]) for found in self._candidates
        ]
        self._question_vectors = embedder.embed_documents([row["question"] for row in self.questions])

    def scores(self, number: int) -> tuple[Array, Array]:
        """Of all paragraphs for a question: the fused score, and the cosine."""
        cosines = (self._vectors @ self._question_vectors[number]).astype(np.float64)
        keyword = self._keywords.scores(query_tokens(self.questions[number]["question"]))
        return _z_score(cosines) + _z_score(keyword), cosines

    def found(self, number: int, scores: Array, cosines: Array) -> tuple[list[Candidate], Vectors]:
        """The sentences of the best paragraphs, and their cosines with the question."""
        found: list[Candidate] = []
        similarities: list[Vectors] = []
        for rank, i in enumerate(np.argsort(-scores)[:PASSAGES], start=1):
            first = self._candidates[i][0].passage
            passage = replace(first, rank=rank, score=float(scores[i]), similarity=float(cosines[i]))
            found += [replace(each, passage=passage) for each in self._candidates[i]]
            similarities.append(self._sentence_vectors[i] @ self._question_vectors[number])
        return found, np.concatenate(similarities)


class Bm25:
    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self._columns: dict[str, int] = {}
        for word in (word for document in documents for word in document):
            self._columns.setdefault(word, len(self._columns))
        counts = np.zeros((len(documents), len(self._columns)))
        for row, document in enumerate(documents):
            for word, count in Counter(document).items():
                counts[row, self._columns[word]] = count
        lengths = counts.sum(axis=1, keepdims=True)
        holding = (counts > 0).sum(axis=0)
        idf = np.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
        self._weights = counts * 2.2 / (counts + 1.2 * (0.25 + 0.75 * lengths / lengths.mean())) * idf

    def scores(self, words: Sequence[str]) -> Array:
        columns = [self._columns[word] for word in words if word in self._columns]
        return self._weights[:, columns].sum(axis=1)


def main() -> None:
    if not DATA.is_dir():
        print(f"Nothing done: {DATA} is not there.", file=sys.stderr)
        return
    embedder = MiniLmEmbedder()
    examples = list(_examples("squad", Corpus(DATA / "qa" / "squad-v2-dev-a", "en", embedder)))
    for language in LANGUAGES:
        corpus = Corpus(DATA / "retrieval" / "xquad" / language, language, embedder)
        examples += _examples(f"xquad {language}", corpus)
    _report(examples)
    kept = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    kept["sentence"] = named(SENTENCE_FEATURES, adapted(_fit_sentences(examples), _sample(embedder)))
    WEIGHTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def named(names: Sequence[str], weights: Array) -> dict[str, float]:
    return {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}


def _examples(name: str, corpus: Corpus) -> Iterator[Example]:
    chance, noise = random.Random(1), np.random.default_rng(0)
    articles = np.array(corpus.articles)
    for number, row in enumerate(corpus.questions):
        own = corpus.ids.index(row["doc_id"])
        clean, cosines = corpus.scores(number)
        cases = ["answerable", chance.choice(["paragraph gone", "article gone"])]
        for case in cases if row["answerable"] else ["adversarial"]:
            scores = clean + NOISE * noise.standard_normal(len(clean))
            if case == "paragraph gone":
                scores[own] = -np.inf
            elif case == "article gone":
                scores[articles == articles[own]] = -np.inf
            found, similarities = corpus.found(number, scores, cosines)
            if case == "answerable" and not any(
                each.passage.chunk.document_id == row["doc_id"] for each in found
            ):
                continue
            evidence = Evidence(read_question(row["question"]), found, similarities)
            right = [
                case == "answerable"
                and each.passage.chunk.document_id == row["doc_id"]
                and any(answer in each.sentence.text for answer in row["answers"])
                for each in found
            ]
            yield Example(
                corpus=name,
                group=corpus.articles[own],
                case=case,
                evidence=evidence,
                features=evidence.sentence_features(),
                answers=np.array(right),
            )


def adapted(weights: Array, examples: Sequence[Example]) -> Array:
    """The weights moved towards other questions; prints where answers stand, each left out in its turn."""
    used = [each for each in examples if each.answers.any()]
    places: list[int] = []
    for i, each in enumerate(used):
        scores = each.features @ _fit_sentences([*used[:i], *used[i + 1 :]], prior=weights, pull=PULL)
        ranking = np.argsort(-scores, kind="stable").tolist()
        places.append(min(ranking.index(n) for n in np.flatnonzero(each.answers)))
    first, third = (np.mean(np.array(places) < n) for n in (1, 3))
    print(f"sample, left out: best sentence {first:.3f}, among three {third:.3f} of {len(used)}")
    return _fit_sentences(used, prior=weights, pull=PULL)


def _sample(embedder: MiniLmEmbedder) -> list[Example]:
    """The answerable questions of the sample collection, with the passages that the product finds."""
    questions = read_question_set(ROOT / "sample")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_questions(questions, Path(folder)) as (answerer, collections),
    ):
        judged = judge(questions.questions, answerer, collections)
    examples: list[Example] = []
    for each in judged:
        found = candidates(each.answer.passages[:PASSAGES])
        if not each.question.is_answerable or not found:
            continue
        vectors = embedder.embed_documents([each.text for each in found])
        evidence = Evidence(
            read_question(each.question.text), found, vectors @ embedder.embed_query(each.question.text)
        )
        examples.append(
            Example(
                corpus="sample",
                group=each.question.id,
                case="answerable",
                evidence=evidence,
                features=evidence.sentence_features(),
                answers=np.array([_is_quoted(candidate, each.question) for candidate in found]),
            )
        )
    return examples


def _is_quoted(candidate: Candidate, question: JudgedQuestion) -> bool:
    return any(candidate.passage.path.endswith(each) for each in question.documents) and (
        contains_any(candidate.text, question.quotes)
        or any(contains_any(quote, [candidate.sentence.text]) for quote in question.quotes)
    )


def _fit_sentences(examples: Sequence[Example], *, prior: Array | None = None, pull: float = 1.0) -> Array:
    """Conditional logit (McFadden, 1974): the sentences of one question compete with each other.

    `pull` holds the weights to the `prior`, or to 0.
    """
    used = [each for each in examples if each.answers.any()]
    features = np.concatenate([each.features for each in used])
    right = np.concatenate([each.answers for each in used])
    weights = np.array([_weight(each) for each in used])
    lengths = np.array([len(each.answers) for each in used])
    firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    scale = spread(features)
    standard = features / scale
    home = np.zeros(len(scale)) if prior is None else prior * scale

    def loss(parameters: Array) -> tuple[float, Array]:
        scores = standard @ parameters
        odds = np.exp(scores - np.repeat(np.maximum.reduceat(scores, firsts), lengths))
        all_odds, right_odds = np.add.reduceat(odds, firsts), np.add.reduceat(odds * right, firsts)
        slope = odds * np.repeat(weights / all_odds, lengths)
        slope -= odds * right * np.repeat(weights / right_odds, lengths)
        value = (
            -(weights * np.log(right_odds / all_odds)).sum() + 0.5 * pull * ((parameters - home) ** 2).sum()
        )
        return float(value), standard.T @ slope + pull * (parameters - home)

    return minimum(loss, SENTENCE_FEATURES, free=0) / scale


def minimum(loss: Callable[[Array], tuple[float, Array]], names: Sequence[str], *, free: int) -> Array:
    """The best parameters of which each keeps the sign that makes sense, so that it holds elsewhere too.

    `free` more, without a name, may take any value.
    """
    bounds = [(None, None) if n in EITHER else (None, 0) if n in AGAINST else (0, None) for n in names]
    bounds += [(None, None)] * free
    return minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds).x


def spread(features: Array) -> Array:
    spread = features.std(axis=0)
    return np.where(spread > 0, spread, 1.0)


def _weight(example: Example) -> float:
    return 1.0 if example.corpus == "squad" else WEIGHT_OF_OTHER_LANGUAGES


def _report(examples: Sequence[Example]) -> None:
    """Figures of each corpus, all from weights that did not see the question's article."""
    groups = np.array([f"{each.corpus[:5]} {each.group}" for each in examples])
    is_right: dict[str, list[bool]] = {}
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        weights = _fit_sentences([examples[i] for i in train])
        for each in (examples[i] for i in test):
            if each.case == "answerable":
                best = int(np.argmax(each.features @ weights))
                is_right.setdefault(each.corpus, []).append(bool(each.answers[best]))
    for name, values in is_right.items():
        print(f"{name}: best sentence holds the answer {np.mean(values):.3f}")


def _rows(path: Path) -> Iterator[Row]:
    packed = path.with_name(path.name + ".gz")
    with gzip.open(packed, "rt") if packed.exists() else path.open() as lines:
        yield from map(json.loads, lines)


def _passage(document_id: str, title: str, text: str, language: str) -> Passage:
    chunk = Chunk(
        document_id=DocumentId(document_id),
        version=1,
        number=0,
        start=0,
        end=len(text),
        text=text,
        heading_path=(),
        page=None,
        regions=(),
        language=language,
        tokens=0,
    )
    return Passage(
        rank=1,
        score=0.0,
        similarity=0.0,
        chunk=chunk,
        title=title,
        path=document_id,
        media_type="text/plain",
        collection="",
    )


def _z_score(values: Array) -> Array:
    return (values - values.mean()) / (values.std() + 1e-6)


if __name__ == "__main__":
    main()
