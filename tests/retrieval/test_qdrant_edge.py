"""What only the engine on disk has to show: it lasts, has one owner, and is optimized while in use."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from corpus.documents import CollectionId, DocumentId, point_id
from corpus.errors import ConflictError, StorageFullError
from corpus.reserve import Reserve
from retrieval.adapters import qdrant_edge
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.index import IndexPoint, IndexQuery, KeywordVector, generation_name
from retrieval.passages import SearchMode

DIMENSION = 8
HR = CollectionId("hr")

WRITE_AND_WAIT = """
import sys
import numpy as np
from pathlib import Path
from corpus.documents import CollectionId, DocumentId, point_id
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.index import IndexPoint, KeywordVector
index = QdrantEdgeIndex(Path(sys.argv[1]), dimension=8)
index.upsert([
    IndexPoint(
        point_id=point_id(DocumentId("d"), 1, n), collection_id=CollectionId("hr"),
        document_id=DocumentId("d"), version=1, dense=np.ones(8, dtype=np.float32),
        keyword=KeywordVector(indices=(1,), values=(1.0,)),
    )
    for n in range(300)
])
print("written", flush=True)
sys.stdin.read()
"""


def points(first: int, last: int) -> list[IndexPoint]:
    random = np.random.default_rng(first)
    return [
        IndexPoint(
            point_id=point_id(DocumentId(f"d{n}"), 1, 0),
            collection_id=HR,
            document_id=DocumentId(f"d{n}"),
            version=1,
            dense=random.normal(size=DIMENSION).astype(np.float32),
            keyword=KeywordVector(indices=(n,), values=(1.0,)),
        )
        for n in range(first, last)
    ]


def query(token: int) -> IndexQuery:
    return IndexQuery(
        dense=np.ones(DIMENSION, dtype=np.float32),
        keyword=KeywordVector(indices=(token,), values=(1.0,)),
        collections=frozenset({HR}),
        mode=SearchMode.KEYWORD,
        limit=10,
    )


@pytest.fixture
def owner(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that has written 300 points and keeps the folder open."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(tmp_path / "index")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def finish(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_acknowledged_points_survive_kill_9(owner: subprocess.Popen[str], tmp_path: Path) -> None:
    finish(owner)

    index = QdrantEdgeIndex(tmp_path / "index", dimension=DIMENSION)

    assert index.count() == 300
    index.close()


def test_a_second_process_is_told_that_the_folder_is_taken(
    owner: subprocess.Popen[str], tmp_path: Path
) -> None:
    with pytest.raises(ConflictError, match="Another process"):
        QdrantEdgeIndex(tmp_path / "index", dimension=DIMENSION)
    finish(owner)


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    index = QdrantEdgeIndex(tmp_path, dimension=DIMENSION)
    index.upsert(points(0, 10))
    index.close()

    again = QdrantEdgeIndex(tmp_path, dimension=DIMENSION)

    assert again.count() == 10
    assert len(again.search(query(3))) == 1
    again.close()


def test_writes_made_while_optimizing_are_in_the_optimized_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = QdrantEdgeIndex(tmp_path, dimension=DIMENSION)
    index.upsert(points(0, 6_000))
    in_child = qdrant_edge._optimize_in_child  # pyright: ignore[reportPrivateUsage]

    def write_meanwhile(path: Path) -> None:
        writer = threading.Thread(target=change)
        writer.start()
        in_child(path)
        writer.join()

    def change() -> None:
        index.upsert(points(7_000, 7_100))
        index.delete(DocumentId("d5"))
        index.remove([point_id(DocumentId("d6"), 1, 0)])

    monkeypatch.setattr(qdrant_edge, "_optimize_in_child", write_meanwhile)
    index.optimize()

    assert index.count() == 6_098
    assert index.search(query(5)) == index.search(query(6)) == []
    assert len(index.search(query(7_050))) == 1
    index.close()
    again = QdrantEdgeIndex(tmp_path, dimension=DIMENSION)
    assert again.count() == 6_098
    assert [path.name for path in tmp_path.iterdir()] == ["shard-2"]
    again.close()


def test_a_failed_optimization_leaves_the_index_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = QdrantEdgeIndex(tmp_path, dimension=DIMENSION)
    index.upsert(points(0, 5_500))

    def fail(path: Path) -> None:
        (path / "broken").touch()
        raise ConflictError

    monkeypatch.setattr(qdrant_edge, "_optimize_in_child", fail)
    with pytest.raises(ConflictError):
        index.optimize()

    index.upsert(points(6_000, 6_010))
    assert index.count() == 5_510
    assert [path.name for path in tmp_path.iterdir()] == ["shard-1"]
    index.close()


def test_leftovers_of_an_interrupted_start_or_optimization_are_removed(tmp_path: Path) -> None:
    index = QdrantEdgeIndex(tmp_path, dimension=DIMENSION)
    index.upsert(points(0, 3))
    index.close()
    for name in ("creating", "optimizing"):
        (tmp_path / name).mkdir()

    again = QdrantEdgeIndex(tmp_path, dimension=DIMENSION)

    assert again.count() == 3
    assert [path.name for path in tmp_path.iterdir()] == ["shard-1"]
    again.close()


def test_generations_of_other_models_have_other_names() -> None:
    names = {
        generation_name("all-MiniLM-L6-v2", 384, "structure-1"),
        generation_name("all-MiniLM-L6-v2", 384, "structure-2"),
        generation_name("BAAI/bge-small", 384, "structure-1"),
    }

    assert names == {
        "all-minilm-l6-v2-384-structure-1",
        "all-minilm-l6-v2-384-structure-2",
        "baai-bge-small-384-structure-1",
    }


class Disk(Reserve):
    """One that may be full, or too full even for removals."""

    is_full = is_too_full = False

    def check(self, wanted_bytes: int = 0) -> None:  # noqa: ARG002
        if self.is_full or self.is_too_full:
            raise StorageFullError

    def check_removal(self) -> None:
        if self.is_too_full:
            raise StorageFullError


def test_on_a_full_disk_nothing_is_stored_and_points_can_still_be_removed(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    index = QdrantEdgeIndex(tmp_path, dimension=DIMENSION, reserve=disk)
    index.upsert(points(0, 10))
    disk.is_full = True
    with pytest.raises(StorageFullError):
        index.check_room()
    with pytest.raises(StorageFullError):
        index.upsert(points(10, 20))
    index.delete(DocumentId("d1"))
    index.remove([point_id(DocumentId("d2"), 1, 0)])
    assert index.count() == 8
    disk.is_too_full = True
    with pytest.raises(StorageFullError):
        index.delete(DocumentId("d3"))
    with pytest.raises(StorageFullError):
        index.remove([point_id(DocumentId("d4"), 1, 0)])
    assert index.count() == 8
    disk.is_full = disk.is_too_full = False
    index.upsert(points(10, 20))
    assert index.count() == 18
    index.close()


def test_an_index_is_not_optimized_where_its_copy_has_no_room(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "index")
    index = QdrantEdgeIndex(tmp_path / "index", dimension=DIMENSION, reserve=disk)
    index.upsert(points(0, 6_000))
    disk.is_full = True
    with pytest.raises(StorageFullError):
        index.optimize()
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["shard-1"]
    disk.is_full = False
    index.optimize()
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["shard-2"]
    index.close()


def test_a_full_disk_is_told_before_the_index_is_opened(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.is_too_full = True
    with pytest.raises(StorageFullError):
        QdrantEdgeIndex(tmp_path, dimension=DIMENSION, reserve=disk)
