"""How much room is left before writing stops."""

import shutil
from pathlib import Path

import pytest

from corpus.errors import StorageFullError
from corpus.reserve import Reserve


def free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


SLACK = 2 << 30
"""Others write to this disk too."""


def test_a_disk_with_room_beyond_the_reserve_may_be_written_to(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, 0)
    reserve.check()
    reserve.check(1)
    reserve.check_removal()


def test_what_would_touch_the_reserve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageFullError, match="MB"):
        Reserve(tmp_path, free(tmp_path) + SLACK).check()
    with pytest.raises(StorageFullError):
        Reserve(tmp_path, 0).check(free(tmp_path) + SLACK)


def test_removals_may_use_half_of_the_reserve(tmp_path: Path) -> None:
    if free(tmp_path) < 2 * SLACK:
        pytest.skip("the disk is too full to tell the two apart")
    reserve = Reserve(tmp_path, int(free(tmp_path) * 1.5))
    with pytest.raises(StorageFullError):
        reserve.check()
    reserve.check_removal()
    with pytest.raises(StorageFullError):
        Reserve(tmp_path, 2 * free(tmp_path) + 2 * SLACK).check_removal()
