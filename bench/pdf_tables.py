"""How many lines "label, numbers" of real financial PDFs stay together in the canonical text.

The reference is what is printed: PDFium's characters, grouped into visual lines by their boxes here, without
any of the product's code. A line counts when it has a label followed by at least two numbers. It is kept
when its label and all its numbers stand, in this order, on one line (a table's row) of the canonical text.

Usage: python bench/pdf_tables.py FOLDER_OR_FILE... [--misses N]
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pypdfium2

from ingest.errors import IngestError
from ingest.isolation import ParserSandbox
from ingest.parsed import ParsedDocument
from ingest.sniffing import PDF

_NUMBER = re.compile(r"\(?[$€£]?\(?\d[\d,]*(?:\.\d+)?\)?%?")
_ROW = re.compile(
    rf"(?P<label>[A-Za-z][^\d$€£]{{2,}}?)[\s.…$€£(]+(?P<numbers>{_NUMBER.pattern}(?:[\s$€£()%]+{_NUMBER.pattern})+)"
    r"[\s)%]*"
)
_SAME_LINE = 0.5
_WORD_GAP = 0.15
_CELL_GAP = 1.5


def main() -> None:
    arguments = _arguments()
    paths = [
        path
        for given in arguments.paths
        for path in (sorted(given.glob("*.pdf")) if given.is_dir() else [given])
    ]
    total: Counter[str] = Counter()
    print("| file | pages | rows as printed | kept whole | share |")
    print("|---|---|---|---|---|")
    with ParserSandbox() as sandbox:
        for path in paths:
            try:
                parsed = sandbox.parse(path, path.name, PDF)
            except IngestError as error:
                sys.exit(f"{path}: {error}")
            found = _count(path, parsed, arguments.misses)
            total += found
            print(_line(path.name, parsed.pages or 0, found), flush=True)
            total["pages"] += parsed.pages or 0
    print(_line("**all**", total["pages"], total))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--misses", type=int, default=0, help="print so many rows of each file that are torn")
    return parser.parse_args()


def _line(name: str, pages: int, found: Counter[str]) -> str:
    share = found["kept"] / found["rows"] if found["rows"] else 1.0
    return f"| {name} | {pages} | {found['rows']} | {found['kept']} | {share:.4f} |"


def _count(path: Path, parsed: ParsedDocument, misses: int) -> Counter[str]:
    by_page = _canonical_lines(parsed)
    found: Counter[str] = Counter()
    for number, page in enumerate(pypdfium2.PdfDocument(path), start=1):
        lines = by_page.get(number, [])
        for label, numbers in printed_rows(page):
            found["rows"] += 1
            if any(_holds(line, label, numbers) for line in lines):
                found["kept"] += 1
            elif misses > 0:
                misses -= 1
                print(f"    torn on page {number}: {label!r} {numbers}", file=sys.stderr)
    return found


def _canonical_lines(parsed: ParsedDocument) -> dict[int, list[str]]:
    """Lines of the canonical text by the page of their block, only letters and digits kept."""
    lines: dict[int, list[str]] = {}
    for block in parsed.blocks:
        for line in parsed.text[block.start : block.end].split("\n"):
            lines.setdefault(block.page or 0, []).append(_bare(line))
    return lines


def _holds(line: str, label: str, numbers: Sequence[str]) -> bool:
    position = line.find(_bare(label))
    for number in numbers:
        if position < 0:
            return False
        position = line.find(_bare(number), position)
    return position >= 0


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum() or char == "%")


def printed_rows(page: Any) -> Iterator[tuple[str, list[str]]]:
    """Label and numbers of every line of the page that reads like a row of a table."""
    for line in _visual_lines(page):
        if row := _ROW.fullmatch(line.strip()):
            yield row["label"].strip(), _NUMBER.findall(row["numbers"])


def _visual_lines(page: Any) -> Iterator[str]:
    text_page = page.get_textpage()
    text: str = text_page.get_text_range()
    boxes: list[tuple[float, float, float, float, str]] = []
    for index, char in enumerate(text[: text_page.count_chars()]):
        left, bottom, right, top = text_page.get_charbox(index, loose=True)
        if char.strip() and right > left and top > bottom:
            boxes.append((left, bottom, right, top, char))
    lines: list[list[tuple[float, float, float, float, str]]] = []
    for box in sorted(boxes, key=lambda box: -(box[1] + box[3])):
        middle, height = (box[1] + box[3]) / 2, box[3] - box[1]
        last = lines[-1][0] if lines else None
        if last and abs((last[1] + last[3]) / 2 - middle) < _SAME_LINE * min(height, last[3] - last[1]):
            lines[-1].append(box)
        else:
            lines.append([box])
    for line in lines:
        yield _text(sorted(line))


def _text(line: Sequence[tuple[float, float, float, float, str]]) -> str:
    parts: list[str] = []
    right = None
    for left, bottom, edge, top, char in line:
        gap = 0.0 if right is None else (left - right) / (top - bottom)
        parts.append("   " if gap > _CELL_GAP else " " if gap > _WORD_GAP else "")
        parts.append(char)
        right = edge
    return "".join(parts)


if __name__ == "__main__":
    main()
