"""What Sourcebook costs a machine: start-up, memory idle and at its peak, speed of ingestion, disk.

    python bench/footprint.py ../shared/data/handbooks/northwind/files
    python bench/footprint.py ../shared/data/docs/postgresql-15-html.zip

Starts `sourcebook serve` on an empty data folder, lets it rest, and ingests the paths through it as a user
does. Memory is the proportional set size of the server and all its children (Linux only), taken ten times a
second; the command that hands the files over is not counted. Prints a Markdown table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

SOURCEBOOK = [sys.executable, "-m", "api.cli"]
SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Held:
    """Proportional set size in bytes: pages shared with other processes count in part."""

    anonymous: int = 0
    """What the process itself wrote: only swapping takes it away."""
    mapped: int = 0
    """Pages of files: what the system drops when memory is short."""

    @property
    def total(self) -> int:
        return self.anonymous + self.mapped

    def __add__(self, other: "Held") -> "Held":
        return Held(self.anonymous + other.anonymous, self.mapped + other.mapped)


@dataclass(frozen=True, slots=True)
class Moment:
    """Memory of a server and its children at one moment."""

    server: Held = Held()
    children: Held = Held()
    """The zygote, the children that parse and recognise, and the one that optimizes the index."""
    largest_child: int = 0
    number: int = 0

    @property
    def total(self) -> int:
        return self.server.total + self.children.total

    def __str__(self) -> str:
        server, children = self.server, self.children
        return (
            f"{_mb(self.total)} MB: server {_mb(server.anonymous)} of its own, {_mb(server.mapped)} of files,"
            f" {self.number} children {_mb(children.anonymous)} and {_mb(children.mapped)}"
            f" (the largest {_mb(self.largest_child)})"
        )


class MemoryWatch:
    """The most memory that a process and its children held at one moment, in bytes."""

    def __init__(self, process: int) -> None:
        self.highest = Moment()
        self._process = psutil.Process(process)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def peak(self) -> int:
        return self.highest.total

    def now(self) -> int:
        return self.moment().total

    def moment(self) -> Moment:
        children = [_held(child.pid) for child in _children(self._process)]
        return Moment(
            server=_held(self._process.pid),
            children=sum(children, Held()),
            largest_child=max((child.total for child in children), default=0),
            number=len(children),
        )

    def _watch(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            moment = self.moment()
            if moment.total > self.highest.total:
                self.highest = moment


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("paths", nargs="+", type=Path)
    arguments.add_argument("--rest-seconds", type=float, default=10)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as data:
        os.environ["SOURCEBOOK_DATA"] = data
        began = time.monotonic()
        with subprocess.Popen([*SOURCEBOOK, "serve", "--port", "0"], stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            server.stdout.readline()  # "Sourcebook is ready: ..."
            started = time.monotonic() - began
            time.sleep(given.rest_seconds)
            with MemoryWatch(server.pid) as memory:
                idle = memory.now()
                report = ingest(given.paths)
            server.terminate()
        show("start-up of `serve`", f"{started:.1f} s")
        show("memory idle", f"{idle / 1e6:.0f} MB")
        show("memory at its peak", f"{memory.peak / 1e6:.0f} MB")
        show_ingestion(report)
        for name in ("blobs", "index", "sourcebook.db"):
            show(f"disk: {name}", f"{size(Path(data) / name) / 1e6:.1f} MB")
    show("installed", f"{size(Path(sys.prefix)) / 1e9:.2f} GB")


def ingest(paths: list[Path]) -> dict[str, Any]:
    command = [*SOURCEBOOK, "ingest", *map(str, paths), "--collection", "bench", "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)


def show_ingestion(report: dict[str, Any]) -> None:
    documents = report["documents"]
    statuses = [document["status"] for document in documents]
    for status in sorted(set(statuses)):
        show(f"documents {status}", str(statuses.count(status)))
    pages = sum(document["pages"] or 0 for document in documents)
    show("pages", str(pages))
    show("chunks", str(sum(document["chunks"] for document in documents)))
    show("took", f"{report['took_s']:.1f} s")
    show("documents/s", f"{len(documents) / report['took_s']:.2f}")
    show("chunks/s", f"{report['chunks_per_s']:.1f}")


def show(what: str, value: str) -> None:
    print(f"| {what} | {value} |", flush=True)


def size(path: Path) -> int:
    """Bytes on disk of a file with what the database keeps beside it, or of all that a folder holds."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return sum(file.lstat().st_blocks * 512 for file in files if not file.is_dir())


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _held(pid: int) -> Held:
    """Nothing for a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return Held()
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
    anonymous = sizes.get("Pss_Anon:", 0)
    return Held(anonymous, sizes.get("Pss:", 0) - anonymous)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f}"


if __name__ == "__main__":
    main()
