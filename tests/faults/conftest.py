"""Fixtures of the fault tests.

`SOURCEBOOK_FAULTS=nightly` plays longer, `SOURCEBOOK_FAULT_SEED` otherwise.
"""

import os
from collections.abc import Iterator

import pytest
from scenes import Stage, rounds

NIGHTLY = rounds(1) > 1
SEED = int(os.environ.get("SOURCEBOOK_FAULT_SEED", "20261124"))


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    opened = Stage()
    yield opened
    opened.close()


@pytest.fixture(params=range(10 if NIGHTLY else 1))
def seed(request: pytest.FixtureRequest) -> int:
    """What random faults follow from; shown when a test fails."""
    chosen = SEED + request.param
    print(f"SOURCEBOOK_FAULT_SEED={chosen}")  # noqa: T201  # pytest shows it with a failure
    return chosen
