"""WebVTT and SubRip: who says what, from when on; neighbouring cues of one speaker are a paragraph."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish

_TIMES = re.compile(r"((?:\d+:)?\d\d:\d\d)[.,]\d{3}[ \t]*-->[ \t]*((?:\d+:)?\d\d:\d\d)[.,]\d{3}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?[a-zA-Z0-9:.][^>]{0,200}>")
_LONGEST_PARAGRAPH = 600
_LONGEST_PAUSE_SECONDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cue:
    start: str
    end: str
    speaker: str
    words: str


def parse_subtitles(path: Path, name: str) -> ParsedDocument:
    """Raises `EmptyDocumentError`."""
    text = decode(path.read_bytes())
    builder = ParsedDocumentBuilder()
    parts = re.split(r"\n[^\S\n]*\n", text)
    if parts[0].startswith("WEBVTT"):
        # The first line may go on with the file's title.
        builder.block(BlockKind.CAPTION, parts[0])
    paragraph: list[_Cue] = []
    for cue in _cues(parts):
        if paragraph and not _goes_on(paragraph, cue):
            _add(builder, paragraph)
            paragraph = []
        paragraph.append(cue)
    _add(builder, paragraph)
    return finish(builder, name=name)


def _cues(parts: list[str]) -> Iterator[_Cue]:
    for part in parts:
        times = _TIMES.search(part)
        if times is None:
            continue
        _, _, content = part[times.end() :].partition("\n")
        voice = _VOICE.search(content)
        words = html.unescape(_TAG.sub("", content))
        yield _Cue(
            start=times[1],
            end=times[2],
            speaker=voice[1].strip() if voice else "",
            words=" ".join(words.split()),
        )


def _goes_on(paragraph: list[_Cue], cue: _Cue) -> bool:
    last = paragraph[-1]
    pause = _seconds(cue.start) - _seconds(last.end)
    length = sum(len(one.words) for one in paragraph)
    return cue.speaker == last.speaker and pause <= _LONGEST_PAUSE_SECONDS and length < _LONGEST_PARAGRAPH


def _add(builder: ParsedDocumentBuilder, cues: list[_Cue]) -> None:
    words = " ".join(cue.words for cue in cues if cue.words)
    if words:
        speaker = f"{cues[0].speaker}: " if cues[0].speaker else ""
        builder.block(BlockKind.PARAGRAPH, f"[{cues[0].start}] {speaker}{words}")


def _seconds(time: str) -> int:
    seconds = 0
    for part in time.split(":"):
        seconds = 60 * seconds + int(part)
    return seconds
