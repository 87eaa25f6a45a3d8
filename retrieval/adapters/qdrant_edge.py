"""The Qdrant engine inside this process, on a folder that this process owns. Door to `qdrant_edge`."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TypeVar

import qdrant_edge as edge

from corpus.documents import DocumentId
from corpus.errors import ConflictError, StorageFullError, UnavailableError
from corpus.reserve import Reserve
from retrieval.adapters import qdrant_edge_optimizer
from retrieval.adapters.qdrant_edge_requests import (
    before,
    dense_vector,
    of_document,
    search_request,
    shard_config,
    stored_point,
    to_hits,
)
from retrieval.embedding import Vectors
from retrieval.index import Hit, IndexPoint, IndexQuery
from retrieval.settings import IndexSettings

Result = TypeVar("Result")

# The engine holds Python's global lock while it works: small batches keep the rest of the process alive.
_BATCH = 64
_SCROLLED = 1000
# Below this a scan is as fast as a graph, and the engine would build none.
_WORTH_OPTIMIZING = 5_000


class QdrantEdgeIndex:
    """Dense and keyword vectors in one shard. The newest `shard-N` below `folder` is the index.

    Every acknowledged write survives the death of the process (write-ahead log); `flush` makes it survive
    a power loss. `optimize` works on a copy in a process of its own, since in this one it would stop every
    thread for as long as it takes (8 seconds for 20,000 chunks); the copy then takes the place of the old.
    Writes ask the reserve first: on a full disk the engine would not fail, but take the process with it.
    Raises `ConflictError` when another process has the folder open.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dimension: int,
        settings: IndexSettings | None = None,
        reserve: Reserve | None = None,
    ) -> None:
        self._folder = folder
        self._reserve = reserve or Reserve(folder)
        self._config = shard_config(dimension)
        self._settings = settings or IndexSettings()
        # Writers take both, in this order; searches only the second, so that they go on while a copy is made.
        self._writing = RLock()
        self._engine = RLock()
        self._optimizing = RLock()
        self._missed: list[edge.UpdateOperation] | None = None
        self._changed = _WORTH_OPTIMIZING
        folder.mkdir(parents=True, exist_ok=True)
        self._number = max(_shard_numbers(folder), default=0)
        self._shard = self._open()
        self._remove_leftovers()

    def check_room(self) -> None:
        self._reserve.check()

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        for start in range(0, len(points), _BATCH):
            batch = [stored_point(point) for point in points[start : start + _BATCH]]
            self._update(edge.UpdateOperation.upsert_points(batch), self._reserve.check)
        self._changed += len(points)

    def delete(
        self, document_id: DocumentId, *, version: int | None = None, before_version: int | None = None
    ) -> None:
        conditions = of_document(document_id, version)
        if before_version is not None:
            conditions.append(before(before_version))
        removal = edge.UpdateOperation.delete_points_by_filter(edge.Filter(must=conditions))
        self._update(removal, self._reserve.check_removal)

    def remove(self, point_ids: Sequence[str]) -> None:
        if point_ids:
            doomed: list[edge.PointId] = [*point_ids]
            self._update(edge.UpdateOperation.delete_points(doomed), self._reserve.check_removal)

    def vectors(self, point_ids: Sequence[str]) -> dict[str, Vectors]:
        found: dict[str, Vectors] = {}
        for start in range(0, len(point_ids), _BATCH):
            batch: list[edge.PointId] = [*point_ids[start : start + _BATCH]]
            for record in self._call(partial(_with_vectors, ids=batch)):
                found[str(record.id)] = dense_vector(record)
        return found

    def point_ids(self) -> Iterator[list[str]]:
        offset: edge.PointId | None = None
        while True:
            records, offset = self._call(partial(_scrolled, offset=offset))
            if records:
                yield [str(record.id) for record in records]
            if offset is None:
                return

    def search(self, query: IndexQuery) -> list[Hit]:
        if not query.collections or query.limit < 1:
            return []
        request = search_request(query, self._settings)
        return to_hits(query, self._call(lambda shard: shard.query(request)))

    def count(self, document_id: DocumentId | None = None, *, version: int | None = None) -> int:
        wanted = edge.Filter(must=of_document(document_id, version))
        return self._call(lambda shard: shard.count(edge.CountRequest(exact=True, filter=wanted)))

    def flush(self) -> None:
        self._call(lambda shard: shard.flush())

    def optimize(self) -> None:
        """Does nothing while there is little to gain."""
        with self._optimizing:
            if self._changed < _WORTH_OPTIMIZING or self.count() < _WORTH_OPTIMIZING:
                return
            copy = self._folder / "optimizing"
            self._copy_to(copy)
            try:
                _optimize_in_child(copy)
                self._take_over(copy)
            finally:
                self._missed = None
                shutil.rmtree(copy, ignore_errors=True)

    def close(self) -> None:
        with self._writing, self._engine:
            try:
                self._call(lambda shard: shard.flush())
            finally:
                self._shard.close()

    def drop(self) -> None:
        self.close()
        shutil.rmtree(self._folder)

    def _call(self, ask: Callable[[edge.EdgeShard], Result]) -> Result:
        with self._engine, _translated():
            return ask(self._shard)

    def _update(self, operation: edge.UpdateOperation, check: Callable[[], None]) -> None:
        with self._writing:
            check()
            self._call(lambda shard: shard.update(operation))
            if self._missed is not None:
                self._missed.append(operation)

    def _path(self, number: int) -> Path:
        return self._folder / f"shard-{number}"

    def _open(self) -> edge.EdgeShard:
        path = self._path(self._number)
        # Also loading writes: it plays the log again.
        self._reserve.check_removal()
        with _translated():
            if path.exists():
                return edge.EdgeShard.load(str(path))
            self._number += 1
            # Made under another name first: a folder that carries the name is a whole shard.
            made = self._folder / "creating"
            shutil.rmtree(made, ignore_errors=True)
            shard = edge.EdgeShard.create(str(made), self._config)
            for field in ("collection_id", "document_id"):
                shard.update(edge.UpdateOperation.create_field_index(field, edge.KeywordIndexParams()))
            shard.update(edge.UpdateOperation.create_field_index("version", edge.IntegerIndexParams()))
            shard.flush()
            shard.close()
            made.rename(self._path(self._number))
            return edge.EdgeShard.load(str(self._path(self._number)))

    def _copy_to(self, copy: Path) -> None:
        """From here on writes are also remembered, for the copy to catch up with."""
        shutil.rmtree(copy, ignore_errors=True)
        with self._writing:
            source = self._path(self._number)
            # The copy, and what is built in it, which is no larger.
            self._reserve.check(2 * sum(path.stat().st_size for path in source.rglob("*")))
            self._call(lambda shard: shard.flush())
            shutil.copytree(source, copy)
            self._missed = []

    def _take_over(self, copy: Path) -> None:
        with self._writing, self._engine:
            self._reserve.check()
            missed, self._missed = self._missed or [], None
            with _translated():
                if missed:
                    shard = edge.EdgeShard.load(str(copy))
                    for operation in missed:
                        shard.update(operation)
                    shard.flush()
                    shard.close()
                copy.rename(self._path(self._number + 1))
                shard = edge.EdgeShard.load(str(self._path(self._number + 1)))
            self._shard.close()
            self._shard = shard
            self._number += 1
            self._changed = 0
            self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """What an interrupted or finished change of shards left behind."""
        for path in self._folder.iterdir():
            if path.is_dir() and path.name != f"shard-{self._number}":
                shutil.rmtree(path)


def _with_vectors(shard: edge.EdgeShard, *, ids: "list[edge.PointId]") -> list[edge.Record]:
    return shard.retrieve(ids, with_payload=False, with_vector=True)


def _scrolled(
    shard: edge.EdgeShard, *, offset: "edge.PointId | None"
) -> "tuple[list[edge.Record], edge.PointId | None]":
    request = edge.ScrollRequest(offset=offset, limit=_SCROLLED, with_payload=False, with_vector=False)
    return shard.scroll(request)


def _optimize_in_child(path: Path) -> None:
    command = [sys.executable, "-m", qdrant_edge_optimizer.__name__, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"The index could not be optimized: {done.stderr.strip()[-500:]}")


def _shard_numbers(folder: Path) -> Iterator[int]:
    for path in folder.glob("shard-*"):
        yield int(path.name.removeprefix("shard-"))


@contextmanager
def _translated() -> Generator[None]:
    """The engine raises nothing but bare exceptions."""
    try:
        yield
    except Exception as error:
        if "WouldBlock" in str(error):
            raise ConflictError(
                "Another process has this data folder open. Stop it, or go through it with --server."
            ) from error
        if "No space left" in str(error):
            raise StorageFullError from error
        raise UnavailableError(f"The search index failed: {error}") from error
