"""What AsciiDoc and reStructuredText share: blocks of lines, gathered until something ends them."""

import re
from collections.abc import Callable

from ingest.parsed import BlockKind, ParsedDocumentBuilder


class LineReader:
    """The lines of a text, taken one after the other, with a look at those to come."""

    def __init__(self, text: str) -> None:
        self._lines = [line.rstrip() for line in text.expandtabs(8).split("\n")]
        self.position = 0

    @property
    def is_over(self) -> bool:
        return self.position >= len(self._lines)

    def ahead(self, count: int = 0) -> str:
        """The line `count` after the next one; empty beyond the end."""
        place = self.position + count
        return self._lines[place] if place < len(self._lines) else ""

    def take(self) -> str:
        line = self.ahead()
        self.position += 1
        return line

    def take_while(self, goes_on: Callable[[str], bool]) -> list[str]:
        lines: list[str] = []
        while not self.is_over and goes_on(self.ahead()):
            lines.append(self.take())
        return lines

    def take_until(self, fence: str) -> list[str]:
        """The lines before the next one that is `fence`, which is taken too."""
        lines = self.take_while(lambda line: line != fence)
        self.position += 1
        return lines

    def take_indented(self, indent: int) -> list[str]:
        """The lines that are blank or indented by at least `indent`, with the indent of the first cut off."""
        lines = self.take_while(lambda line: not line.strip() or indent_of(line) >= indent)
        while lines and not lines[-1].strip():
            lines.pop()
            self.position -= 1
        least = min((indent_of(line) for line in lines if line.strip()), default=0)
        return [line[least:] for line in lines]


class Paragraph:
    """Lines that belong together, until they are added as one block."""

    def __init__(self, builder: ParsedDocumentBuilder, clean: Callable[[str], str]) -> None:
        self._builder = builder
        self._clean = clean
        self._lines: list[str] = []
        self.kind = BlockKind.PARAGRAPH

    def add(self, line: str) -> None:
        self._lines.append(line.strip())

    def end(self, next_kind: BlockKind = BlockKind.PARAGRAPH) -> None:
        self._builder.block(self.kind, self._clean(" ".join(self._lines)))
        self._lines = []
        self.kind = next_kind

    @property
    def is_empty(self) -> bool:
        return not self._lines


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def substitute(text: str, rules: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text
