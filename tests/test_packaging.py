"""Our packages have plain names: another distribution that claims one would silently replace it."""

import importlib.metadata
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = PROJECT["project"]["name"]
ROOMS: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("room", ROOMS)
def test_no_other_distribution_claims_our_package_name(room: str) -> None:
    owners = set(importlib.metadata.packages_distributions().get(room, []))
    assert owners <= {OURS}
    assert room not in sys.stdlib_module_names


@pytest.mark.parametrize("room", ROOMS)
def test_every_packaged_room_is_a_package(room: str) -> None:
    assert (ROOT / room / "__init__.py").is_file()


def test_tests_hold_no_package_that_could_shadow_a_room() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_lock_file_names_no_registry() -> None:
    lock = (ROOT / "web" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
