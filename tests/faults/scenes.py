"""Processes that can be killed, and the look at what they left."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from checker import broken_promises as broken_promises_of
from checker import history
from shared_index import SharedIndex

from corpus.database import Database
from corpus.reserve import RESERVE_BYTES, Reserve
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex

ROOT = Path(__file__).parents[2]
DIMENSION = 26
Act = tuple[str, Any]


class Stage:
    """Starts ingesting processes, which other tests' threads and models do not slow down."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("stage.py"))],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self,
        database: Database,
        folder: Path,
        *acts: Act,
        crash_at: str = "",
        is_worker: bool = True,
        is_shared: bool = False,
        embed_seconds: float = 0.0,
        lease_seconds: float = 30.0,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> int:
        """The id of the process that plays the acts and ends."""
        config = {
            "database": frozen_for_two_seconds_at_most(database.url),
            "folder": str(folder),
            "acts": acts,
            "crash_at": crash_at,
            "is_worker": is_worker,
            "is_shared": is_shared,
            "embed_seconds": embed_seconds,
            "lease_seconds": lease_seconds,
            "reserve_bytes": reserve_bytes,
        }
        return self._ask(run=config)["process"]

    def wait(self, process: int) -> int:
        """Its exit code; minus the number of the signal that killed it."""
        return self._ask(wait=process)["code"]

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def _ask(self, **command: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def frozen_for_two_seconds_at_most(url: str) -> str:
    """As long as the short leases of these tests."""
    parsed = sa.make_url(url)
    if parsed.drivername.startswith("postgresql"):
        parsed = parsed.update_query_dict({"options": "-c idle_in_transaction_session_timeout=2000"})
    return parsed.render_as_string(hide_password=False)


def until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} seconds"
        time.sleep(0.02)


def texts(names: Sequence[str], *, lines: int = 12) -> list[tuple[str, str]]:
    """Documents of a few chunks each."""
    return [
        (name, "\n\n".join(f"In {name}, pump {line} runs {line * 7} hours a day." for line in range(lines)))
        for name in names
    ]


def broken_promises(database: Database, folder: Path, *, is_shared: bool = False) -> list[str]:
    """For when no process is left."""
    with database.read() as session:
        (name,) = session.scalars(sa.text("select name from generations where status <> 'removed'"))
    index = (
        SharedIndex(folder / f"{name}.db")
        if is_shared
        else QdrantEdgeIndex(folder / "index" / name, dimension=DIMENSION, reserve=Reserve(folder, 0))
    )
    points = {point_id for some in index.point_ids() for point_id in some}
    index.close()
    return broken_promises_of(database.url, folder, points)


def published(folder: Path) -> list[tuple[str, int, int]]:
    """Document, version and process of every publishing there was."""
    return [
        (event["published"], event["version"], event["process"])
        for event in history(folder)
        if "published" in event
    ]


def rounds(usual: int) -> int:
    """So many in the usual run, ten times as many in the nightly one."""
    return usual * 10 if os.environ.get("SOURCEBOOK_FAULTS") == "nightly" else usual
