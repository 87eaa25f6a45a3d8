"""Evaluations with the parts that serve real questions, on data of their own."""

import io
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from api.generations import open_index
from api.ingesting import files_below, wait_until_final
from api.local import LocalClient, opened_files
from api.schemas import DocumentSchema
from api.settings import Settings
from api.wiring import open_embedder, open_sourcebook
from corpus.documents import CollectionId, DocumentStatus
from corpus.duplicates import Duplicates
from corpus.errors import InvalidInputError
from evaluation.answers import AnswersReport
from evaluation.answers import evaluate as evaluate_answerer
from evaluation.judged_sets import read_judged_set
from evaluation.question_sets import QuestionSet, read_question_set
from evaluation.retrieval import RetrievalReport, evaluate, load, split_by
from generation.answering import Answerer
from ingest.chunking import Chunker
from retrieval.indexing import Indexer
from retrieval.passages import SearchMode
from retrieval.retriever import Retriever

COLLECTION = "evaluation"


def evaluate_retrieval(dataset: Path, mode: SearchMode, folder: Path) -> RetrievalReport:
    """Indexes the set in `folder` and asks all its queries."""
    settings = Settings(data=folder)
    judged = read_judged_set(dataset)
    embedder = open_embedder(settings.embedder_folder)
    index = open_index(settings, embedder.dimension, COLLECTION, folder / "index")
    try:
        split = split_by(Chunker(embedder, settings.chunking))
        record = load(judged, Indexer(index, embedder), split)
        index.optimize()
        return evaluate(judged, Retriever(index, embedder, record), mode)
    finally:
        index.close()


def evaluate_answers(dataset: Path, limit: int | None, folder: Path) -> AnswersReport:
    """Ingests the set's documents in `folder`, as uploads are, and asks its questions.

    Raises `InvalidInputError` when a document of the set cannot be ingested.
    """
    questions = read_question_set(dataset)
    if limit:
        questions = questions.sample(limit)
    with open_questions(questions, folder) as (answerer, collections):
        return evaluate_answerer(questions, answerer, collections)


@contextmanager
def open_questions(
    questions: QuestionSet, folder: Path
) -> Generator[tuple[Answerer, frozenset[CollectionId]]]:
    """Who answers the set's questions and from which collections, once its documents are in `folder`."""
    with open_sourcebook(Settings(data=folder)) as sourcebook:
        accepted = sourcebook.intake.add(COLLECTION, _documents(questions), duplicates_are=Duplicates.KEEP)
        documents = {str(each.id): DocumentSchema.model_validate(each) for each in accepted}
        wait_until_final(LocalClient(sourcebook), documents, deque(documents), lambda _done, _all: None)
        for document in documents.values():
            if DocumentStatus(document.status).is_failure and document.reason:
                raise InvalidInputError(f"{document.path}: {document.reason.detail}")
        yield sourcebook.answerer, sourcebook.catalog.collection_ids([COLLECTION])


def _documents(questions: QuestionSet) -> Iterator[tuple[str, BinaryIO]]:
    for document in questions.documents:
        yield document.id, io.BytesIO(document.text.encode())
    if questions.files:
        yield from opened_files(list(files_below([questions.files])))
