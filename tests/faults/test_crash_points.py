"""Killed at each named point, started again: no promise is broken."""

import re
import signal
from pathlib import Path

import pytest
from scenes import Act, Stage, broken_promises, texts

from corpus.crash_points import POINTS, arm, reach
from corpus.database import Database
from corpus.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
ROOMS = ("corpus", "accounts", "ingest", "retrieval", "generation", "evaluation", "api")


def test_every_point_stands_in_the_code_once() -> None:
    code = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    found = [point for path in code for point in re.findall(r'reach\("([^"]+)"\)', path.read_text())]
    assert sorted(found) == sorted(POINTS)


@pytest.mark.parametrize("where", ["nowhere:1", "upload.recorded:x", ":"])
def test_an_unknown_point_is_refused(where: str) -> None:
    with pytest.raises(ConfigurationError):
        arm(where)


def test_unarmed_points_do_nothing() -> None:
    arm("")
    for point in POINTS:
        reach(point)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_any_point_nothing_is_lost_or_left(
    database: Database, tmp_path: Path, stage: Stage
) -> None:
    """A new document, a changed one, a deletion and a new index; each point is reached on the way."""
    broken: dict[str, list[str]] = {}
    for point in POINTS:
        gone, changed = f"{point}-gone.txt", f"{point}-changed.txt"
        story: list[Act] = [
            ("add", texts([gone, changed])),
            ("settle", None),
            ("add", texts([changed], lines=14)),
            ("settle", None),
            ("delete", gone),
            ("settle", None),
            ("reindex", f"index of {point}"),
            ("settle", None),
        ]
        killed = stage.start(database, tmp_path, *story, crash_at=f"{point}:1")
        assert stage.wait(killed) == -signal.SIGKILL, f"{point} was not reached"
        assert stage.wait(stage.start(database, tmp_path, ("settle", None))) == 0
        broken[point] = broken_promises(database, tmp_path)
    assert {point: why for point, why in broken.items() if why} == {}
