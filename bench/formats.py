"""Reads a folder of real files with known words and prints, per format, how many were found.

`python -m bench.formats FOLDER` writes the table of `docs/formats.md`. `FOLDER/manifest.jsonl` names
the files, what is expected of each (`text`, `mixed`, `encrypted`, ...) and words (`probes`) that stand in it.
"""

import json
import sys
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.errors import IngestError
from ingest.isolation import ParserSandbox
from ingest.sniffing import sniff

LEFT_OUT = frozenset({"png", "jpg", "jpeg", "tif", "webp", "pdf", "zip"})
"""Pictures need text recognition, PDF is measured by its own tests, and archives are unpacked on arrival."""


@dataclass(slots=True)
class Tally:
    files: int = 0
    read: int = 0
    probes: int = 0
    found: int = 0
    refused: list[str] = field(default_factory=list[str])


def main() -> None:
    folder = Path(sys.argv[1])
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    with ParserSandbox() as sandbox:
        for line in (folder / "manifest.jsonl").read_text().splitlines():
            entry: dict[str, Any] = json.loads(line)
            if entry["format"] not in LEFT_OUT:
                count(tallies[entry["format"]], entry, folder, sandbox)
    print("| format | files | read | words found | ended with a reason |\n|---|---|---|---|---|")
    for name, tally in sorted(tallies.items()):
        reasons = ", ".join(f"{tally.refused.count(code)} {code}" for code in sorted(set(tally.refused)))
        print(f"| {name} | {tally.files} | {tally.read} | {tally.found} of {tally.probes} | {reasons} |")


def count(tally: Tally, entry: dict[str, Any], folder: Path, sandbox: ParserSandbox) -> None:
    tally.files += 1
    path = folder / entry["file"]
    try:
        document = sandbox.parse(path, path.name, sniff(path, path.name))
    except IngestError as error:
        tally.refused.append(error.code)
        return
    tally.read += 1
    text = bare(f"{document.title}\n{document.text}")
    tally.probes += len(entry["probes"])
    tally.found += sum(bare(probe) in text for probe in entry["probes"])


def bare(text: str) -> str:
    """Letters and digits alone, in one form."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


if __name__ == "__main__":
    main()
