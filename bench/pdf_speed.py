"""Pages a second of processor time: parsing end to end (fork, sandbox, repair, JSON) beside bare liteparse.

Bare liteparse parses the same files in the same run, each in a forked child too, with the same options but
without anything of ours. Pictures in these pages are not recognised; scans given with --ocr are. Time is user
plus system of the children; the zygote's start, once per worker, is told apart. On a busy machine believe the
ratio only.

Usage: python bench/pdf_speed.py FOLDER_OR_FILE... [--ocr FILE...]
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from liteparse.parser import LiteParse
from liteparse.types import ParseResult

from ingest.confinement import Limits
from ingest.isolation import ParserSandbox
from ingest.sniffing import sniff


class Measured(NamedTuple):
    pages: int
    cpu_seconds: float
    wall_seconds: float

    def without(self, other: "Measured") -> "Measured":
        return Measured(
            self.pages, self.cpu_seconds - other.cpu_seconds, self.wall_seconds - other.wall_seconds
        )

    def line(self, what: str) -> str:
        rate = self.pages / self.cpu_seconds
        return f"| {what} | {self.pages} | {self.cpu_seconds:.1f} | {self.wall_seconds:.1f} | {rate:.2f} |"


def main() -> None:
    arguments = _arguments()
    paths = [
        path
        for given in arguments.paths
        for path in (sorted(given.rglob("*.pdf")) if given.is_dir() else [given])
    ]
    with NamedTemporaryFile(suffix=".txt") as note:
        note.write(b"One line, so that the zygote has really started.")
        note.flush()
        starting = _measured(lambda: _parsed_pages([Path(note.name)]))
    bare = _measured(lambda: _bare_pages(paths))
    ours = _measured(lambda: _parsed_pages(paths)).without(starting)
    print("| what | pages | CPU s | wall s | pages/CPU-s |")
    print("|---|---|---|---|---|")
    print(bare.line("liteparse alone"))
    print(ours.line("Sourcebook, end to end of parsing"))
    print(f"share of bare speed: {bare.cpu_seconds / ours.cpu_seconds:.2f}")
    if arguments.ocr:
        print(
            _measured(lambda: _parsed_pages(arguments.ocr, most_ocr_pages=1000))
            .without(starting)
            .line("text recognition")
        )
    print(f"start of the zygote, once per worker: {starting.cpu_seconds:.1f} CPU-s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("paths", nargs="+", type=Path, help="PDFs with a text layer")
    parser.add_argument("--ocr", nargs="+", type=Path, default=(), help="scans and pictures")
    return parser.parse_args()


def _measured(work: Callable[[], int]) -> Measured:
    before, started = _children_seconds(), time.perf_counter()
    pages = work()
    return Measured(pages, _children_seconds() - before, time.perf_counter() - started)


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _parsed_pages(paths: Sequence[Path], *, most_ocr_pages: int = 0) -> int:
    with ParserSandbox(Limits(most_ocr_pages=most_ocr_pages)) as sandbox:
        return sum(sandbox.parse(path, path.name, sniff(path, path.name)).pages or 0 for path in paths)


def _bare_pages(paths: Sequence[Path]) -> int:
    pages = 0
    for path in paths:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, str(len(_bare(path).pages)).encode())
            os._exit(0)
        os.close(writing)
        pages += int(os.read(reading, 16) or sys.exit(f"{path} is not read by liteparse"))
        os.close(reading)
        os.waitpid(child, 0)
    return pages


def _bare(path: Path) -> ParseResult:
    engine = LiteParse(
        ocr_enabled=False,
        quiet=True,
        max_pages=5000,
        num_workers=1,
        output_format="markdown",
        extract_blocks=True,
        emit_word_boxes=True,
        extract_links=False,
        keep_headers_footers=True,
        include_complexity=False,
    )
    return engine.parse(path)


if __name__ == "__main__":
    main()
