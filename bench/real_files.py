"""Reads a folder of real files with known words: what is found of them, and how the unreadable ones end.

`python -m bench.real_files FOLDER --record RECORD` reads what `RECORD` (JSON lines) does not hold yet, adds a
line for each file, and prints the tables of `docs/formats.md`: a run that was broken off goes on where it
stopped. `FOLDER/manifest.jsonl` names the files, what is expected of each (`text`, `ocr`, `encrypted`, ...)
and words (`probes`) that stand in it.
"""

import argparse
import json
import tempfile
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest.archives import expand
from ingest.errors import IngestError
from ingest.isolation import ParserSandbox
from ingest.sniffing import sniff

ENDINGS = {
    "encrypted": {"password_required"},
    "corrupt": {"corrupt", "unsupported_format"},
    "empty": {"empty"},
    "security": {"empty"},
}
"""How a file ends of which nothing can be read, by what is expected of it."""
_SHARE = 0.8
"""Of its words that a scan or picture must give: the words are another program's readings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the reading of one file ended."""

    file: str
    format: str
    expect: str
    missing: list[str]
    probes: int
    pages: int
    """Pages that were recognised."""
    seconds: float
    code: str
    """Of the error it ended with; else empty."""
    message: str

    @property
    def is_reached(self) -> bool:
        if self.expect in ENDINGS:
            return self.code in ENDINGS[self.expect]
        share = _SHARE if self.expect == "ocr" else 1.0
        return not self.code and self.probes - len(self.missing) >= share * self.probes


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--record", type=Path, default=Path(tempfile.gettempdir()) / "real-files.jsonl")
    given = arguments.parse_args()
    entries = [json.loads(line) for line in (given.folder / "manifest.jsonl").read_text().splitlines()]
    done = _read(given.record) if given.record.exists() else []
    known = {reading.file for reading in done}
    waiting = [entry for entry in entries if entry["file"] not in known]
    waiting.sort(key=lambda entry: (entry["expect"] == "ocr", entry["bytes"]))
    with ParserSandbox() as sandbox, given.record.open("a") as record:
        for entry in waiting:
            done.append(read(sandbox, given.folder / entry["file"], entry))
            print(json.dumps(asdict(done[-1])), file=record, flush=True)
    names = {entry["file"] for entry in entries}
    for line in tables([reading for reading in done if reading.file in names]):
        print(line)


def read(sandbox: ParserSandbox, path: Path, entry: dict[str, Any]) -> Reading:
    recognised = 0

    def hear(read: int, _total: int) -> None:
        nonlocal recognised
        recognised = read

    started = time.perf_counter()
    text = code = message = ""
    try:
        if entry["format"] == "zip":
            with tempfile.TemporaryDirectory() as place:
                for member in expand(path, path.name, Path(place)):
                    text += sandbox.parse(member.path, member.name, sniff(member.path, member.name)).text
        else:
            document = sandbox.parse(path, path.name, sniff(path, path.name), on_ocr=hear)
            text, message = f"{document.title}\n{document.text}", "; ".join(document.warnings)
    except IngestError as error:
        code, message = error.code, str(error)
    seconds = time.perf_counter() - started
    found = bare(text)
    return Reading(
        file=entry["file"],
        format=entry["format"],
        expect=entry["expect"],
        missing=[probe for probe in entry["probes"] if bare(probe) not in found],
        probes=len(entry["probes"]),
        pages=recognised,
        seconds=round(seconds, 2),
        code=code,
        message=message,
    )


def bare(text: str) -> str:
    """Letters and digits alone, in one form."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


def tables(readings: Iterable[Reading]) -> Iterator[str]:
    groups: defaultdict[tuple[str, bool], list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[reading.format, reading.expect == "ocr"].append(reading)
    yield "| format | files | with all their words | words found | ended with the reason expected |"
    yield "|---|---|---|---|---|"
    for (name, is_picture), group in sorted(groups.items()):
        if not is_picture:
            yield _format_row(name, group)
    pictures = [
        reading for (_, is_picture), group in sorted(groups.items()) if is_picture for reading in group
    ]
    yield "\n| scan or picture | words found | pages | s |\n|---|---|---|---|"
    for each in pictures:
        found = f"{each.probes - len(each.missing)} of {each.probes}"
        yield f"| {each.file} | {found} | {each.pages} | {each.seconds:.0f} |"
    pages, seconds = sum(each.pages for each in pictures), sum(each.seconds for each in pictures)
    yield f"| all | | {pages} | {seconds:.0f}: {pages / seconds if seconds else 0:.2f} pages/s |"
    yield "\nNot reached:\n"
    for each in (each for group in groups.values() for each in group if not each.is_reached):
        yield f"- {each.file} ({each.expect}): {each.code or each.missing} {each.message}"


def _format_row(name: str, group: list[Reading]) -> str:
    words = [each for each in group if each.expect not in ENDINGS]
    whole = f"{sum(each.is_reached for each in words)} of {len(words)}" if words else ""
    found = sum(each.probes - len(each.missing) for each in words)
    ends = [each for each in group if each.expect in ENDINGS]
    ended = f"{sum(each.is_reached for each in ends)} of {len(ends)}" if ends else ""
    return f"| {name} | {len(group)} | {whole} | {found} of {sum(each.probes for each in words)} | {ended} |"


def _read(record: Path) -> list[Reading]:
    return [Reading(**json.loads(line)) for line in record.read_text().splitlines()]


if __name__ == "__main__":
    main()
