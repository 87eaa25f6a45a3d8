"""What text recognition read on a page, and how it travels from the child that read it to the next."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from corpus.documents import Box
from ingest.parsers.pdf.geometry import PageSize, Rect, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How the text lies on the page as it is shown; the shown and the upright frame share their centre.

    Lengths are points of a page whose longer side is that of A4.
    """

    degrees: float
    """Counter-clockwise: quarter turns, and the little by which a scan is askew."""
    width: float
    height: float
    """Of the upright frame, in which lines and words are measured."""
    shown_width: float
    shown_height: float

    def shown(self, rect: Rect) -> Rect:
        """The smallest rectangle around `rect` on the page as it is shown."""
        corners = [self._point(x, y) for x in (rect.x0, rect.x1) for y in (rect.y0, rect.y1)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return Rect(x0=min(xs), y0=min(ys), x1=max(xs), y1=max(ys))

    def _point(self, x: float, y: float) -> tuple[float, float]:
        dx, dy = x - self.width / 2, y - self.height / 2
        cosine, sine = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return (
            self.shown_width / 2 + dx * cosine + dy * sine,
            self.shown_height / 2 - dx * sine + dy * cosine,
        )


@dataclass(slots=True, kw_only=True)
class PrintedLine(Rect):
    """Words that stand together on one line, in the upright frame."""

    text: str
    words: tuple[Word, ...]
    """Their texts, joined by spaces, are `text`."""
    confidence: float
    """How sure the engine is of the letters, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReading:
    number: int
    """From 1."""
    turn: Turn
    lines: tuple[PrintedLine, ...]
    """In no order that could be relied on."""

    @property
    def confidence(self) -> float:
        """Mean confidence of the letters; 1 for a page without any."""
        letters = sum(len(line.text) for line in self.lines)
        return sum(len(line.text) * line.confidence for line in self.lines) / letters if letters else 1.0

    def box(self, rect: Rect) -> Box:
        """`rect` of the upright frame in fractions of the page as it is shown."""
        turn = self.turn
        size = PageSize(number=self.number, width=turn.shown_width, height=turn.shown_height)
        return size.box(turn.shown(rect))


def encode_readings(readings: Iterable[PageReading]) -> bytes:
    """One line of JSON a page, so that what several children read is simply written one after another."""
    return b"".join(json.dumps(_fields(one), ensure_ascii=False).encode() + b"\n" for one in readings)


def load_readings(path: Path) -> dict[int, PageReading]:
    """By page number."""
    return {
        reading.number: reading
        for line in path.read_bytes().splitlines()
        for reading in [_reading(*json.loads(line))]
    }


def _fields(reading: PageReading) -> list[object]:
    turn = reading.turn
    frame = [turn.degrees, turn.width, turn.height, turn.shown_width, turn.shown_height]
    return [reading.number, frame, [_line_fields(line) for line in reading.lines]]


def _line_fields(line: PrintedLine) -> list[object]:
    return [line.text, line.confidence, _edges(line), [[word.text, _edges(word)] for word in line.words]]


def _edges(rect: Rect) -> list[float]:
    return [round(edge, 2) for edge in (rect.x0, rect.y0, rect.x1, rect.y1)]


def _reading(number: int, frame: list[float], lines: list[list[object]]) -> PageReading:
    degrees, width, height, shown_width, shown_height = frame
    turn = Turn(
        degrees=degrees, width=width, height=height, shown_width=shown_width, shown_height=shown_height
    )
    return PageReading(number=number, turn=turn, lines=tuple(_line(*line) for line in lines))  # type: ignore[arg-type]


def _line(
    text: str, confidence: float, edges: list[float], words: list[tuple[str, list[float]]]
) -> PrintedLine:
    x0, y0, x1, y1 = edges
    return PrintedLine(
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        text=text,
        confidence=confidence,
        words=tuple(_word(*one) for one in words),
    )


def _word(text: str, edges: list[float]) -> Word:
    x0, y0, x1, y1 = edges
    return Word(x0=x0, y0=y0, x1=x1, y1=y1, text=text)
