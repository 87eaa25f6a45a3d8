"""What is read around a passage, on SQLite and on PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from corpus import submissions
from corpus.catalog import Catalog
from corpus.database import Database
from corpus.documents import Chunk, CollectionId, Document, DocumentId
from corpus.submissions import Upload
from corpus.versions import VersionFacts, Versions
from retrieval.adapters.in_memory import InMemoryIndex
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.indexing import Indexer
from retrieval.passages import Passage, Query, SearchMode
from retrieval.retriever import ChunkRecord, Retriever
from retrieval.sections import SectionRetriever

LEAVE = ["Leave comes first.", "Apply in writing.", "Zebras graze.", "Ask the manager.", "Wait for a reply."]


class Library:
    """A record and an index with the documents that tests put into them; ten tokens a chunk."""

    def __init__(self, database: Database, embedder: MiniLmEmbedder) -> None:
        self._database = database
        self._indexer = Indexer(index := InMemoryIndex(), embedder)
        self.catalog, self._versions = Catalog(database), Versions(database)
        self._retriever = Retriever(index, embedder, self.catalog)
        self.collection = self.catalog.ensure_collection("hr")

    def add(self, *sections: tuple[str, Sequence[str]]) -> Document:
        upload = Upload(path="leave.md", sha256="a" * 64, size_bytes=40, media_type="text/markdown")
        with self._database.write() as transaction:
            document = submissions.accept(transaction, self.collection, upload).document
        self._versions.claim(document.id, 1)
        texts = [(heading, text) for heading, texts in sections for text in texts]
        chunks = [chunk(document.id, number, *each) for number, each in enumerate(texts)]
        facts = VersionFacts(title="T", language="en", pages=None, text="", blocks=(), warnings=())
        self._versions.store_version(document.id, 1, facts, chunks)
        assert self._versions.publish(document.id, 1)
        self._indexer.index(chunks, collection_id=self.collection, title="T")
        return document

    def delete(self, document: Document) -> None:
        with self._database.write() as transaction:
            self._versions.deletions.tombstone(transaction, document.id)

    def search(
        self, text: str, *, limit: int = 1, max_tokens: int = 500, record: ChunkRecord | None = None
    ) -> list[Passage]:
        query = Query(
            text=text, collections=frozenset({self.collection}), limit=limit, mode=SearchMode.KEYWORD
        )
        reader = SectionRetriever(self._retriever, record or self.catalog, max_tokens=max_tokens)
        return reader.retrieve(query)


def chunk(document: DocumentId, number: int, heading: str, text: str) -> Chunk:
    return Chunk(
        document_id=document,
        version=1,
        number=number,
        start=100 * number,
        end=100 * number + len(text),
        text=text,
        heading_path=("Handbook", heading),
        page=None,
        regions=(),
        language="en",
        tokens=10,
    )


class ChangedRecord:
    """The record as it stands after something happened between the search and the reading of sections."""

    def __init__(self, catalog: Catalog, change: Callable[[Document], Document]) -> None:
        self._catalog = catalog
        self._change = change

    def readable_chunks(self, point_ids: Sequence[str]) -> Mapping[str, tuple[Chunk, Document]]:
        found = self._catalog.readable_chunks(point_ids)
        return {key: (chunk, self._change(document)) for key, (chunk, document) in found.items()}


@pytest.fixture
def library(database: Database, embedder: MiniLmEmbedder) -> Library:
    return Library(database, embedder)


def texts(passage: Passage) -> list[str]:
    return [chunk.text for chunk in passage.section]


def test_a_section_is_what_stands_under_the_same_headings_in_reading_order(library: Library) -> None:
    library.add(("Pay", ["Pay comes monthly."]), ("Leave", LEAVE), ("Travel", ["Book trains."]))
    (passage,) = library.search("zebras")
    assert passage.chunk.text == "Zebras graze."
    assert texts(passage) == LEAVE


@pytest.mark.parametrize(("max_tokens", "read"), [(0, LEAVE[2:3]), (29, LEAVE[2:4]), (30, LEAVE[1:4])])
def test_a_section_grows_to_both_sides_until_its_tokens_are_used_up(
    library: Library, max_tokens: int, read: list[str]
) -> None:
    library.add(("Leave", LEAVE))
    (passage,) = library.search("zebras", max_tokens=max_tokens)
    assert texts(passage) == read


def test_no_chunk_is_read_twice(library: Library) -> None:
    library.add(("Leave", LEAVE))
    passages = library.search("zebras manager", limit=2)
    assert {passage.chunk.text for passage in passages} == {"Zebras graze.", "Ask the manager."}
    read = [text for passage in passages for text in texts(passage)]
    assert sorted(read) == sorted(LEAVE)
    assert all(passage.chunk in passage.section for passage in passages)


def test_neighbours_of_a_document_that_was_just_deleted_are_not_read(library: Library) -> None:
    document = library.add(("Leave", LEAVE))

    class Deleting:
        def readable_chunks(self, point_ids: Sequence[str]) -> Mapping[str, tuple[Chunk, Document]]:
            library.delete(document)
            return library.catalog.readable_chunks(point_ids)

    (passage,) = library.search("zebras", record=Deleting())
    assert texts(passage) == ["Zebras graze."]


def test_neighbours_outside_the_collections_of_the_query_are_not_read(library: Library) -> None:
    library.add(("Leave", LEAVE))
    moved = ChangedRecord(
        library.catalog, lambda document: replace(document, collection_id=CollectionId("col_other"))
    )
    (passage,) = library.search("zebras", record=moved)
    assert texts(passage) == ["Zebras graze."]


def test_nothing_found_has_no_sections(library: Library) -> None:
    library.add(("Leave", LEAVE))
    assert library.search("submarine") == []
