"""Every PDF and picture of a folder with a `manifest.jsonl`: how much of what must be found is found.

Usage: python bench/pdf_files.py FOLDER [--expect ocr,mixed]
"""

import argparse
import json
import time
import unicodedata
from pathlib import Path

from ingest.errors import IngestError
from ingest.isolation import ParserSandbox
from ingest.sniffing import sniff

_FORMATS = {"pdf", "png", "jpg", "jpeg", "tif", "webp"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--expect", default="", help="only these kinds, separated by commas")
    arguments = parser.parse_args()
    kinds = {kind for kind in arguments.expect.split(",") if kind}
    print("| file | kind | found | pages recognised | wall s | ends as |")
    print("|---|---|---|---|---|---|")
    with ParserSandbox() as sandbox:
        for line in (arguments.folder / "manifest.jsonl").read_text().splitlines():
            entry = json.loads(line)
            if entry["format"] in _FORMATS and (not kinds or entry["expect"] in kinds):
                print(
                    _row(sandbox, arguments.folder / entry["file"], entry["expect"], entry["probes"]),
                    flush=True,
                )


def _row(sandbox: ParserSandbox, path: Path, expect: str, probes: list[str]) -> str:
    recognised = 0

    def hear(read: int, _total: int) -> None:
        nonlocal recognised
        recognised = read

    started = time.perf_counter()
    try:
        document = sandbox.parse(path, path.name, sniff(path, path.name), on_ocr=hear)
        text, end = _bare(f"{document.title}\n{document.text}"), "; ".join(document.warnings) or "ready"
    except IngestError as error:
        text, end = "", f"{error.code}: {error}"
    seconds = time.perf_counter() - started
    found = sum(_bare(probe) in text for probe in probes)
    return f"| {path.name} | {expect} | {found}/{len(probes)} | {recognised} | {seconds:.1f} | {end} |"


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


if __name__ == "__main__":
    main()
