"""What every index does, whichever engine is behind it. A real server joins in when QDRANT_URL names one."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from corpus.documents import CollectionId, DocumentId, point_id
from retrieval.adapters.in_memory import InMemoryIndex
from retrieval.adapters.qdrant import QdrantIndex
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.fusion import Fusion
from retrieval.index import Index, IndexPoint, IndexQuery, KeywordVector
from retrieval.passages import SearchMode
from retrieval.settings import IndexSettings

DIMENSION = 8
ENGINES = ["in_memory", "qdrant_edge", "qdrant_local", "qdrant_server"]


def open_index(engine: str, folder: Path, settings: IndexSettings) -> Index:
    if engine == "in_memory":
        return InMemoryIndex(settings=settings)
    if engine == "qdrant_edge":
        return QdrantEdgeIndex(folder, dimension=DIMENSION, settings=settings)
    name = f"contract-{uuid.uuid4()}"
    if engine == "qdrant_local":
        return QdrantIndex(":memory:", name=name, dimension=DIMENSION, settings=settings)
    url = os.environ.get("QDRANT_URL")
    if not url:
        pytest.skip("QDRANT_URL names no server")
    return QdrantIndex(
        url, name=name, dimension=DIMENSION, settings=settings, api_key=os.environ.get("QDRANT_API_KEY")
    )


@pytest.fixture(params=ENGINES)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    opened = open_index(request.param, tmp_path, IndexSettings())
    yield opened
    opened.close()


def vector(*values: float) -> np.ndarray:
    return np.array([*values, *[0.0] * (DIMENSION - len(values))], dtype=np.float32)


def keyword(**weights: float) -> KeywordVector:
    """`keyword(t1=2.0)` is weight 2 for token 1."""
    pairs = sorted((int(name[1:]), weight) for name, weight in weights.items())
    return KeywordVector(indices=tuple(n for n, _ in pairs), values=tuple(w for _, w in pairs))


def point(
    document: str,
    number: int = 0,
    *,
    version: int = 1,
    collection: str = "hr",
    dense: np.ndarray | None = None,
    words: KeywordVector | None = None,
) -> IndexPoint:
    return IndexPoint(
        point_id=point_id(DocumentId(document), version, number),
        collection_id=CollectionId(collection),
        document_id=DocumentId(document),
        version=version,
        dense=vector(1.0) if dense is None else dense,
        keyword=words or keyword(t1=1.0),
    )


def query(
    *collections: str,
    mode: SearchMode = SearchMode.HYBRID,
    dense: np.ndarray | None = None,
    words: KeywordVector | None = None,
    limit: int = 10,
) -> IndexQuery:
    return IndexQuery(
        dense=vector(1.0) if dense is None else dense,
        keyword=words or keyword(t1=1.0),
        collections=frozenset(CollectionId(name) for name in collections),
        mode=mode,
        limit=limit,
    )


def test_writing_a_point_twice_leaves_one_point_in_its_last_state(index: Index) -> None:
    index.upsert([point("a", dense=vector(1.0))])
    index.upsert([point("a", dense=vector(0.0, 1.0))])

    [hit] = index.search(query("hr", mode=SearchMode.DENSE))

    assert index.count() == 1
    assert hit.similarity == pytest.approx(0.0, abs=1e-6)


def test_dense_search_ranks_by_cosine_whatever_the_lengths(index: Index) -> None:
    index.upsert(
        [
            point("far", dense=vector(10.0, 30.0)),
            point("near", dense=vector(0.3, 0.1)),
            point("opposite", dense=vector(-2.0)),
        ]
    )

    hits = index.search(query("hr", mode=SearchMode.DENSE, dense=vector(5.0)))

    assert [hit.point_id for hit in hits] == [point(d).point_id for d in ("near", "far", "opposite")]
    assert [hit.score for hit in hits] == pytest.approx([3 / 10**0.5, 1 / 10**0.5, -1.0], abs=1e-3)
    assert [hit.similarity for hit in hits] == pytest.approx([3 / 10**0.5, 1 / 10**0.5, -1.0], abs=1e-3)


def test_keyword_search_multiplies_weights_with_the_rarity_of_the_token(index: Index) -> None:
    index.upsert(
        [
            point("a", words=keyword(t1=1.5, t2=1.0)),
            point("b", words=keyword(t1=1.0)),
            point("c", words=keyword(t4294967295=2.0)),
        ]
    )

    hits = index.search(query("hr", mode=SearchMode.KEYWORD, words=keyword(t1=1.0, t4294967295=3.0)))

    rare, common = np.log1p((3 - 1 + 0.5) / 1.5), np.log1p((3 - 2 + 0.5) / 2.5)
    assert [hit.point_id for hit in hits] == [point(d).point_id for d in ("c", "a", "b")]
    assert [hit.score for hit in hits] == pytest.approx([6 * rare, 1.5 * common, common], rel=1e-5)


def test_rarity_counts_only_what_is_there_now(index: Index) -> None:
    index.upsert([point(f"gone-{n}") for n in range(10)])
    index.upsert([point("kept"), point("other", words=keyword(t2=1.0))])
    for n in range(10):
        index.delete(DocumentId(f"gone-{n}"))

    [hit] = index.search(query("hr", mode=SearchMode.KEYWORD))

    assert hit.score == pytest.approx(np.log1p((2 - 1 + 0.5) / 1.5), rel=1e-5)


@pytest.mark.parametrize("mode", [SearchMode.HYBRID, SearchMode.KEYWORD])
def test_similarity_is_the_cosine_in_every_mode(index: Index, mode: SearchMode) -> None:
    index.upsert([point("a", dense=vector(3.0, 4.0)), point("b", dense=vector(0.0, 1.0))])

    similarities = {hit.point_id: hit.similarity for hit in index.search(query("hr", mode=mode))}

    assert similarities == {
        point("a").point_id: pytest.approx(0.6, abs=1e-3),
        point("b").point_id: pytest.approx(0.0, abs=1e-3),
    }


@pytest.mark.parametrize("mode", list(SearchMode))
def test_no_mode_finds_anything_outside_the_given_collections(index: Index, mode: SearchMode) -> None:
    index.upsert([point("a", collection="hr"), point("b", collection="it"), point("c", collection="secret")])

    found = {hit.point_id for hit in index.search(query("hr", "it", "unknown", mode=mode))}

    assert found == {point("a").point_id, point("b").point_id}


@pytest.mark.parametrize("mode", list(SearchMode))
def test_no_collections_find_nothing(index: Index, mode: SearchMode) -> None:
    index.upsert([point("a")])

    assert index.search(query(mode=mode)) == []


def test_many_collections_can_be_searched_at_once(index: Index) -> None:
    names = [f"c{n}" for n in range(300)]
    index.upsert([point(name, collection=name) for name in names])

    assert len(index.search(query(*names, limit=300))) == 300


def test_hybrid_search_finds_what_only_one_of_the_two_rankings_finds(index: Index) -> None:
    index.upsert(
        [
            point("meaning", dense=vector(1.0), words=keyword(t9=1.0)),
            point("words", dense=vector(0.0, 1.0), words=keyword(t1=1.0)),
        ]
    )

    found = {hit.point_id for hit in index.search(query("hr"))}

    assert found == {point("meaning").point_id, point("words").point_id}


def test_hybrid_search_without_any_keyword_is_ranked_by_meaning(index: Index) -> None:
    index.upsert([point("b", dense=vector(0.5, 1.0)), point("a", dense=vector(1.0))])

    hits = index.search(query("hr", words=KeywordVector(indices=(), values=())))

    assert [hit.point_id for hit in hits] == [point("a").point_id, point("b").point_id]


@pytest.mark.parametrize("fusion", list(Fusion))
@pytest.mark.parametrize("engine", ENGINES[1:])
def test_engines_rank_and_score_like_the_exact_index(engine: str, fusion: Fusion, tmp_path: Path) -> None:
    settings = IndexSettings(fusion=fusion)
    random = np.random.default_rng(7)
    points = [
        point(
            f"d{n}",
            dense=random.normal(size=DIMENSION).astype(np.float32),
            words=keyword(**{f"t{token}": random.uniform(0.2, 2) for token in random.choice(40, 6)}),
            collection=f"c{n % 3}",
        )
        for n in range(250)
    ]
    exact, tested = InMemoryIndex(settings=settings), open_index(engine, tmp_path, settings)
    exact.upsert(points)
    tested.upsert(points)

    for mode in SearchMode:
        asked = query(
            "c0", "c2", mode=mode, dense=random.normal(size=DIMENSION), words=keyword(t3=1, t5=2, t11=1)
        )
        expected, found = exact.search(asked), tested.search(asked)
        assert [hit.point_id for hit in found] == [hit.point_id for hit in expected]
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], rel=1e-3)
        assert [h.similarity for h in found] == pytest.approx([h.similarity for h in expected], abs=1e-3)
    tested.close()


def test_the_limit_is_kept(index: Index) -> None:
    index.upsert([point(f"d{n}") for n in range(30)])

    assert len(index.search(query("hr", limit=7))) == 7


def test_deleting_a_document_leaves_the_others(index: Index) -> None:
    index.upsert([point("a", 0), point("a", 1, version=2), point("b")])

    index.delete(DocumentId("a"))

    assert index.count() == 1
    assert index.count(DocumentId("a")) == 0
    assert [hit.point_id for hit in index.search(query("hr"))] == [point("b").point_id]


def test_deleting_one_version_leaves_the_other_versions(index: Index) -> None:
    index.upsert([point("a", version=1), point("a", version=2), point("b", version=1)])

    index.delete(DocumentId("a"), version=1)

    assert index.count(DocumentId("a"), version=1) == 0
    assert index.count(DocumentId("a"), version=2) == 1
    assert index.count(DocumentId("b")) == 1


def test_deleting_the_versions_before_one_keeps_that_and_later_ones(index: Index) -> None:
    index.upsert([point("a", version=v) for v in (1, 2, 3, 4)])
    index.upsert([point("b", version=1)])

    index.delete(DocumentId("a"), before_version=3)

    assert [index.count(DocumentId("a"), version=v) for v in (1, 2, 3, 4)] == [0, 0, 1, 1]
    assert index.count(DocumentId("b")) == 1


def test_points_are_removed_by_their_ids(index: Index) -> None:
    index.upsert([point("a", 0), point("a", 1), point("b")])

    index.remove([point("a", 1).point_id, point("absent").point_id])
    index.remove([])

    assert (index.count(DocumentId("a")), index.count(DocumentId("b"))) == (1, 1)


def test_stored_vectors_come_back_as_unit_vectors_of_what_is_there(index: Index) -> None:
    index.upsert([point("a", dense=vector(3.0, 4.0)), point("b", dense=vector(0.0, 0.0, 2.0))])

    found = index.vectors([point("b").point_id, point("a").point_id, point("absent").point_id])

    assert set(found) == {point("a").point_id, point("b").point_id}
    assert found[point("a").point_id] == pytest.approx(vector(0.6, 0.8), abs=1e-6)
    assert found[point("b").point_id] == pytest.approx(vector(0.0, 0.0, 1.0), abs=1e-6)
    assert index.vectors([]) == {}


def test_all_ids_are_listed_once_however_many_there_are(index: Index) -> None:
    assert list(index.point_ids()) == []
    points = [point(f"d{n}") for n in range(2500)]
    index.upsert(points)

    listed = [point_id for some in index.point_ids() for point_id in some]

    assert sorted(listed) == sorted(each.point_id for each in points)


def test_deleting_what_is_not_there_is_no_error(index: Index) -> None:
    index.delete(DocumentId("nobody"))

    assert index.count() == 0


def test_an_empty_index_finds_nothing(index: Index) -> None:
    index.optimize()
    index.flush()

    assert index.search(query("hr")) == []


@pytest.mark.parametrize("engine", [each for each in ENGINES if each != "qdrant_local"])
def test_nothing_is_left_of_a_dropped_index(engine: str, tmp_path: Path) -> None:
    """The client's local mode keeps nothing between two openings anyway."""
    opened = open_index(engine, tmp_path, IndexSettings())
    opened.upsert([point("a")])
    opened.drop()
    again = open_index(engine, tmp_path, IndexSettings())
    assert again.count() == 0
    again.drop()
