"""A sync that dies at any of its writes and is resumed ends as if it had not died."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from ingest.connectors.connectors import SyncState

FIRST = {"a.md": b"# A", "b.md": b"# B", "c.md": b"# C", "d.md": b"# D", "same.md": b"# S"}
THEN = {"a.md": b"# A, revised", "moved/b.md": b"# B", "d.md": b"# D", "new.md": b"# N", "same.md": b"# S"}
PATHS = sorted(f"wiki/{key}" for key in THEN)


@pytest.mark.slow
@pytest.mark.parametrize("dies_after_commit", [False, True])
def test_wherever_it_dies_the_end_is_the_same(place: Any, *, dies_after_commit: bool) -> None:
    """`c` goes, `b` moves, `a` changes, `new` comes. Each round dies one write later."""
    write = 0
    while True:
        write += 1
        _back_to(place, FIRST)
        ids = {path: document.id for path, document in place.documents.items()}
        place.origin.files = dict(THEN)
        if not _dies(place, write, dies_after_commit=dies_after_commit):
            break
        _check(place, ids)
    _check(place, ids)
    assert write > 10, "it should have died at every write of a sync"


def _dies(place: Any, write: int, *, dies_after_commit: bool) -> bool:
    """Runs a sync that dies at the given write and is resumed; False when it had no such write."""
    number = place.request()
    steps = _Steps()
    database = place.database
    database.dies_at, database.dies_after_commit = database.writes + write, dies_after_commit
    has_ended = False
    with contextlib.suppress(BaseException):
        place.syncing().run(place.connector, number, steps)
        has_ended = True
    database.dies_at = None
    died = not has_ended
    if died:
        place.syncing().run(place.connector, number, steps)
    return died


def _check(place: Any, ids: dict[str, str]) -> None:
    sync = place.last
    assert sync.state is SyncState.DONE
    assert (sync.added, sync.changed, sync.moved, sync.deleted) == (1, 1, 1, 1)
    assert place.paths == PATHS
    documents = place.documents
    assert documents["wiki/moved/b.md"].id == ids["wiki/b.md"]
    versions = {path: document.version for path, document in documents.items() if path in ids}
    assert documents["wiki/a.md"].id == ids["wiki/a.md"]
    assert versions["wiki/d.md"] == versions["wiki/same.md"]


def _back_to(place: Any, files: dict[str, bytes]) -> None:
    """A fresh connector with its documents, for the next round."""
    with contextlib.suppress(Exception):
        place.records.remove(place.connector)
    for document in place.documents.values():
        place.intake.delete(document.id)
    place.connect()
    place.origin.files = dict(files)
    assert place.sync().added == len(files)


@pytest.mark.slow
@pytest.mark.parametrize("dies_after_commit", [False, True])
def test_a_first_sync_that_dies_and_never_resumes_leaves_nothing_untracked(
    place: Any, *, dies_after_commit: bool
) -> None:
    """What had come before the crash goes when its item is gone at the next sync."""
    for write in range(1, 12):
        _back_to(place, {"keep.md": b"# K", "stay.md": b"# S"})
        place.origin.files["new.md"] = b"# N"
        number = place.request()
        place.database.dies_at = place.database.writes + write
        place.database.dies_after_commit = dies_after_commit
        with contextlib.suppress(BaseException):
            place.syncing().run(place.connector, number, _Steps())
        place.database.dies_at = None
        if not place.last.state.is_final:
            place.records.finish(place.connector, number, SyncState.FAILED, "given up")
        del place.origin.files["new.md"]
        place.sync()
        assert place.paths == ["wiki/keep.md", "wiki/stay.md"], f"write {write}"


class _Steps:
    """As the engine does it: a step's result is kept once it is through, and only then."""

    def __init__(self) -> None:
        self._results: dict[str, Any] = {}

    def step(self, name: str, work: Any) -> Any:
        if name not in self._results:
            self._results[name] = work()
        return self._results[name]

    def pause_point(self) -> None:
        pass


def test_the_scripted_crash_is_no_ordinary_error(place: Any, tmp_path: Path) -> None:
    """Else a handler could swallow it, and the tests above would prove nothing."""
    place.database.dies_at = place.database.writes + 1
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # its class lives in conftest
        place.catalog.ensure_collection("x")
    assert not isinstance(caught.value, Exception)
