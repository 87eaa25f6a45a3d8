"""Index and record disagree while documents change: what the retriever then shows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from corpus.documents import Chunk, CollectionId, Document, DocumentId, DocumentStatus
from corpus.errors import InvalidInputError
from retrieval.adapters.in_memory import InMemoryIndex
from retrieval.embedding import Vectors
from retrieval.indexing import Indexer
from retrieval.passages import Query, SearchMode
from retrieval.retriever import Retriever

HR = CollectionId("hr")
IT = CollectionId("it")


class LetterEmbedder:
    """Counts letters: near enough to meaning for texts that share words, and instant."""

    model = "letters"
    dimension = 26
    max_tokens = 256

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return [(i, i + 1) for i in range(len(text))]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        counts = [[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts]
        vectors = np.array(counts, dtype=np.float32).reshape(len(texts), 26)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_query(self, text: str) -> Vectors:
        return self.embed_documents([text])[0]


class Record:
    """Documents by id; chunks of their active version are readable."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.chunks: dict[str, Chunk] = {}

    def readable_chunks(self, point_ids: Sequence[str]) -> dict[str, tuple[Chunk, Document]]:
        known = {key: self.chunks[key] for key in point_ids if key in self.chunks}
        pairs = {key: (chunk, self.documents.get(chunk.document_id)) for key, chunk in known.items()}
        return {
            key: (chunk, document)
            for key, (chunk, document) in pairs.items()
            if document and document.active_version == chunk.version
        }


class Library:
    """An index and a record with the documents that tests put into them."""

    def __init__(self) -> None:
        self.index = InMemoryIndex()
        self.record = Record()
        self.indexer = Indexer(self.index, LetterEmbedder())
        self.retriever = Retriever(self.index, LetterEmbedder(), self.record)

    def add(self, name: str, *texts: str, version: int = 1, collection: CollectionId = HR) -> None:
        chunks = [chunk(name, number, text, version) for number, text in enumerate(texts)]
        self.record.documents[name] = document(name, version, collection)
        self.record.chunks.update({each.point_id: each for each in chunks})
        self.indexer.index(chunks, collection_id=collection, title=name)

    def texts(self, text: str, *, limit: int = 10, collections: Sequence[CollectionId] = (HR,)) -> list[str]:
        query = Query(text=text, collections=frozenset(collections), limit=limit)
        return [passage.chunk.text for passage in self.retriever.retrieve(query)]


def chunk(name: str, number: int, text: str, version: int) -> Chunk:
    return Chunk(
        document_id=DocumentId(name),
        version=version,
        number=number,
        start=0,
        end=len(text),
        text=text,
        heading_path=(),
        page=None,
        regions=(),
        language="en",
        tokens=10,
    )


def document(name: str, version: int, collection: CollectionId) -> Document:
    now = datetime.now(UTC)
    return Document(
        id=DocumentId(name),
        collection_id=collection,
        collection=str(collection).upper(),
        path=f"{name}.md",
        title=name,
        media_type="text/markdown",
        sha256="",
        size_bytes=1,
        status=DocumentStatus.READY,
        reason=None,
        warnings=(),
        version=version,
        active_version=version,
        attempts=1,
        pages=None,
        chunks=1,
        created_at=now,
        updated_at=now,
    )


@pytest.fixture
def library() -> Library:
    return Library()


def test_passages_are_ranked_from_one_and_know_their_document(library: Library) -> None:
    library.add("holidays", "Holiday requests go to the manager.", "Pension plans are explained elsewhere.")

    found = library.retriever.retrieve(Query(text="holiday request", collections=frozenset({HR})))

    assert [passage.rank for passage in found] == [1, 2]
    assert found[0].chunk.text == "Holiday requests go to the manager."
    assert (found[0].title, found[0].path, found[0].collection) == ("holidays", "holidays.md", "HR")
    assert found[0].score > found[1].score


def test_an_unpublished_version_is_not_shown(library: Library) -> None:
    library.add("policy", "Old notice period.", version=1)
    library.add("policy", "New notice period.", version=2)
    library.record.documents["policy"] = document("policy", 1, HR)

    assert library.texts("notice period") == ["Old notice period."]


def test_a_deleted_document_is_not_shown_though_its_points_remain(library: Library) -> None:
    library.add("gone", "Notice period of four weeks.")
    library.add("kept", "Notice period of six weeks.")
    del library.record.documents["gone"]

    assert library.texts("notice period") == ["Notice period of six weeks."]


def test_readable_passages_are_found_below_any_number_of_stale_ones(library: Library) -> None:
    library.add("stale", *["Notice period, notice period."] * 900)
    library.add("fresh", *[f"The notice period is {n} weeks for staff." for n in range(5)])
    del library.record.documents["stale"]

    assert len(library.texts("notice period", limit=5)) == 5


def test_a_document_that_moved_out_of_reach_is_not_shown(library: Library) -> None:
    library.add("moved", "Notice period of four weeks.")
    library.record.documents["moved"] = replace(library.record.documents["moved"], collection_id=IT)

    assert library.texts("notice period") == []


def test_only_the_given_collections_are_searched(library: Library) -> None:
    library.add("a", "Notice period here.", collection=HR)
    library.add("b", "Notice period there.", collection=IT)

    assert library.texts("notice period", collections=[IT]) == ["Notice period there."]
    assert library.texts("notice period", collections=[]) == []


@pytest.mark.parametrize(("text", "limit"), [("", 10), (" \n\t", 10), ("notice", 0)])
def test_a_query_that_asks_nothing_is_refused(library: Library, text: str, limit: int) -> None:
    with pytest.raises(InvalidInputError):
        library.texts(text, limit=limit)


def test_indexing_twice_changes_nothing(library: Library) -> None:
    library.add("policy", "Notice period of four weeks.")
    library.add("policy", "Notice period of four weeks.")

    assert library.index.count() == 1


def test_title_is_searched_with_the_text(library: Library) -> None:
    library.add("Reimbursement", "Send the form to accounting.")
    library.add("Other", "Send the form to accounting.")
    query = Query(text="reimbursement", collections=frozenset({HR}), mode=SearchMode.KEYWORD)

    [passage] = library.retriever.retrieve(query)

    assert passage.title == "Reimbursement"
