"""Room that is kept free on a disk, so that the index never meets a full one.

The embedded index maps its files into memory: where the disk has no room for a page that it writes to, the
system kills the process (SIGBUS). So uploads and documents wait while there is still some room, and removals,
the record and its log have what is left.
"""

import shutil
from pathlib import Path

from corpus.errors import StorageFullError

RESERVE_BYTES = 200 << 20


class Reserve:
    """Asking takes microseconds: every batch of vectors and every piece of an upload asks."""

    def __init__(self, folder: Path, kept_bytes: int = RESERVE_BYTES) -> None:
        self._folder = folder
        self._kept_bytes = kept_bytes

    def check(self, wanted_bytes: int = 0) -> None:
        """Raises `StorageFullError` when so many bytes more would leave less than the reserve."""
        self._check(wanted_bytes + self._kept_bytes)

    def check_removal(self) -> None:
        """Removing makes room, but writes first: it may use half of the reserve."""
        self._check(self._kept_bytes // 2)

    def _check(self, needed_bytes: int) -> None:
        if shutil.disk_usage(self._folder).free < needed_bytes:
            raise StorageFullError(
                f"The disk is nearly full: less than {self._kept_bytes >> 20} MB would be left."
                " Nothing of this was kept. Make space, then try again."
            )
