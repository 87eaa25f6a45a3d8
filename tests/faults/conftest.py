"""Fixtures of the fault tests."""

from collections.abc import Iterator

import pytest
from scenes import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    opened = Stage()
    yield opened
    opened.close()
