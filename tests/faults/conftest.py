"""Fixtures of the fault tests.

`SOURCEBOOK_FAULTS=nightly` plays longer, `SOURCEBOOK_FAULT_SEED` otherwise.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty import Base
from scenes import Stage, rounds

from corpus.database import Database

NIGHTLY = rounds(1) > 1
SEED = int(os.environ.get("SOURCEBOOK_FAULT_SEED", "20261124"))


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    opened = Stage()
    yield opened
    opened.close()


@pytest.fixture
def base(database: Database, tmp_path: Path) -> Iterator[Base]:
    opened = Base(database, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=range(10 if NIGHTLY else 1))
def seed(request: pytest.FixtureRequest) -> int:
    """What random faults follow from; shown when a test fails."""
    chosen = SEED + request.param
    print(f"SOURCEBOOK_FAULT_SEED={chosen}")  # noqa: T201  # pytest shows it with a failure
    return chosen
