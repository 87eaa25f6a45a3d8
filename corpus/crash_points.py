"""Named places at which a test kills this process, to prove that nothing is lost there.

`SOURCEBOOK_CRASH_AT=point:n` kills it, as `kill -9` would, when the point is reached for the n-th time.
Every name stands here and at exactly one place in the code; a test checks both.
"""

import os
import signal
from typing import Literal, get_args

from corpus.errors import ConfigurationError

CrashPoint = Literal[
    "blob.written",
    "blob.stored",
    "upload.recorded",
    "upload.committed",
    "version.claimed",
    "version.parsed",
    "version.stored",
    "vectors.embedding",
    "vectors.stored",
    "version.publishing",
    "version.published",
    "version.cleaned",
    "delete.committed",
    "delete.counted",
    "delete.unindexed",
    "delete.blob_removed",
    "delete.purged",
    "rebuild.stored",
    "rebuild.switching",
]
POINTS: tuple[CrashPoint, ...] = get_args(CrashPoint)

_left: dict[str, int] = {}


def arm(where: str) -> None:
    """Takes `point:n`; empty arms nothing. Raises `ConfigurationError` for what is no such place."""
    _left.clear()
    if not where:
        return
    point, _, times = where.partition(":")
    if point not in POINTS or not (times or "1").isdigit():
        raise ConfigurationError(f"'{where}' names no crash point; write one of them and a number.")
    _left[point] = int(times or "1")


def reach(point: CrashPoint) -> None:
    """Does nothing unless this point is armed."""
    if point not in _left:
        return
    _left[point] -= 1
    if _left[point] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
