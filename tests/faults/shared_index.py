"""An index in an SQLite file: several worker processes can share it, and it commits apart from the record."""

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from corpus.documents import DocumentId
from retrieval.embedding import Vectors
from retrieval.index import Hit, IndexPoint, IndexQuery

SCHEMA = "create table if not exists points (id text primary key, document text, version int, dense blob)"


class SharedIndex:
    def __init__(self, file: Path) -> None:
        self._file = file
        with self._open() as connection:
            connection.execute("pragma journal_mode=wal")
            connection.execute(SCHEMA)

    def check_room(self) -> None:
        """SQLite tells when it stores."""

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        rows = [(p.point_id, p.document_id, p.version, p.dense.astype(np.float32).tobytes()) for p in points]
        with self._open() as connection:
            connection.executemany("insert or replace into points values (?, ?, ?, ?)", rows)

    def delete(
        self, document_id: DocumentId, *, version: int | None = None, before_version: int | None = None
    ) -> None:
        with self._open() as connection:
            connection.execute(
                "delete from points where document = ? and version = coalesce(?, version)"
                " and version < coalesce(?, version + 1)",
                (document_id, version, before_version),
            )

    def remove(self, point_ids: Sequence[str]) -> None:
        with self._open() as connection:
            connection.executemany("delete from points where id = ?", [(each,) for each in point_ids])

    def vectors(self, point_ids: Sequence[str]) -> dict[str, Vectors]:
        found: dict[str, Vectors] = {}
        with self._open() as connection:
            for each in point_ids:
                for (dense,) in connection.execute("select dense from points where id = ?", (each,)):
                    found[each] = np.frombuffer(dense, dtype=np.float32)
        return found

    def point_ids(self) -> Iterator[list[str]]:
        with self._open() as connection:
            yield [each for (each,) in connection.execute("select id from points")]

    def search(self, query: IndexQuery) -> list[Hit]:
        raise NotImplementedError

    def count(self, document_id: DocumentId | None = None, *, version: int | None = None) -> int:
        with self._open() as connection:
            return connection.execute(
                "select count(*) from points where document = coalesce(?, document)"
                " and version = coalesce(?, version)",
                (document_id, version),
            ).fetchone()[0]

    def flush(self) -> None:
        """Every write is committed."""

    def optimize(self) -> None:
        """There is nothing to build."""

    def close(self) -> None:
        """Every call opens the file anew."""

    def drop(self) -> None:
        self._file.unlink()

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        connection = sqlite3.connect(self._file, timeout=30)
        try:
            with connection:
                yield connection
        finally:
            connection.close()
