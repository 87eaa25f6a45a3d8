"""What a parsing child may use: memory, time, files and network. Called in the child, before it parses.

Limits hold on every POSIX system except that macOS does not enforce `RLIMIT_AS`. On Linux 6.7 and later
Landlock (man 7 landlock) also refuses every write, reading outside the interpreter and its libraries, and
TCP; other protocols are not covered, so a deployment that needs more runs the worker without a network.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MAX_OPEN_FILES = 256

_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_PARENT_DEATH_SIGNAL = 1
_READ_FILE = 1 << 2
_READ_DIRECTORY = 1 << 3
_ALL_FILE_RIGHTS = (1 << 13) - 1
"""The rights of the first Landlock version: execute, read, write, make and remove."""
_ALL_TCP_RIGHTS = 3
_TCP_SINCE_VERSION = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one child may use."""

    memory_bytes: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may use."""

    memory_bytes: int = 2560 << 20
    """Of address space: the PDF engine reserves over a gigabyte of it and uses a fraction."""
    cpu_seconds: float = 30.0
    cpu_seconds_per_megabyte: float = 4.0
    most_cpu_seconds: float = 300.0
    wall_per_cpu: float = 4.0
    """Wall-clock seconds allowed per second of CPU: other documents are parsed at the same time."""
    ocr_memory_bytes: int = 2560 << 20
    """Of address space; less than a fifth of it is used."""
    ocr_cpu_seconds_per_page: float = 60.0
    """A dense page takes six to ten."""
    most_ocr_pages: int = 1000
    """Of one document; what is beyond stays unread, with a warning."""

    def for_file(self, size_bytes: int) -> Allowance:
        wanted = self.cpu_seconds + self.cpu_seconds_per_megabyte * size_bytes / (1 << 20)
        cpu_seconds = min(wanted, max(self.most_cpu_seconds, self.cpu_seconds))
        return Allowance(memory_bytes=self.memory_bytes, cpu_seconds=cpu_seconds)

    def for_reading(self, pages: int) -> Allowance:
        """For recognising the text of `pages` pages."""
        cpu_seconds = self.cpu_seconds + self.ocr_cpu_seconds_per_page * pages
        return Allowance(memory_bytes=self.ocr_memory_bytes, cpu_seconds=cpu_seconds)


def confine(*, memory_bytes: int, cpu_seconds: int, readable: Sequence[Path]) -> None:
    """Lowers the limits of this process for good; `readable` are the paths that it may still read."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        _limit(resource.RLIMIT_AS, memory_bytes)
        _landlock(libc, readable)


def _limit(which: int, amount: int) -> None:
    _, hard = resource.getrlimit(which)
    allowed = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(which, (allowed, allowed))


def _landlock(libc: ctypes.CDLL, readable: Sequence[Path]) -> None:
    """Does nothing where the kernel has no Landlock."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    if version < 1:
        return
    tcp = _ALL_TCP_RIGHTS if version >= _TCP_SINCE_VERSION else 0
    attributes = struct.pack("=QQ", _ALL_FILE_RIGHTS, tcp)
    size = len(attributes) if tcp else 8
    ruleset = libc.syscall(_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        return
    for path in readable:
        _allow_reading(libc, ruleset, path)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    try:
        place = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    rights = _READ_FILE | _READ_DIRECTORY if path.is_dir() else _READ_FILE
    rule = struct.pack("=Qi", rights, place)
    libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    os.close(place)
