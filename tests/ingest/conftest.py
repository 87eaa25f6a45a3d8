"""Fixtures of the ingest room: the real parsers in their sandbox."""

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.isolation import ParserSandbox
from ingest.parsed import BlockKind, ParsedDocument
from ingest.sniffing import sniff

Parse = Callable[[Path], ParsedDocument]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def parse(sandbox: ParserSandbox) -> Parse:
    """Sniffs and parses as a worker does, and checks what must hold for every document."""

    def parse(path: Path) -> ParsedDocument:
        document = sandbox.parse(path, path.name, sniff(path, path.name))
        check_parsed_form(document)
        return document

    return parse


def check_parsed_form(document: ParsedDocument) -> None:
    """The canonical text is its blocks joined by blank lines, and everything points inside it."""
    text = document.text
    assert text == "\n\n".join(text[block.start : block.end] for block in document.blocks)
    path: list[tuple[int, str]] = []
    for block in document.blocks:
        if block.kind is BlockKind.HEADING:
            assert block.level is not None
            path = [(level, title) for level, title in path if level < block.level]
        assert block.heading_path == tuple(title for _, title in path)
        if block.kind is BlockKind.HEADING:
            path.append((block.level or 0, " ".join(text[block.start : block.end].split())))
        for start, end in block.rows:
            assert block.start <= start < end <= block.end
        if block.page is not None:
            assert 1 <= block.page <= (document.pages or 0)
    starts = [region.start for region in document.regions]
    assert starts == sorted(starts)
    for region in document.regions:
        assert 0 <= region.start < region.end <= len(text)
        box = region.box
        assert 0 <= box.x0 <= box.x1 <= 1
        assert 0 <= box.y0 <= box.y1 <= 1


CompoundFile = Callable[[dict[str, bytes]], bytes]


@pytest.fixture
def compound_file() -> CompoundFile:
    """Writes OLE compound files ([MS-CFB]) with these streams; a slash in a name puts one into a storage."""
    return _compound_file


_SECTOR, _SMALL_SECTOR = 512, 64
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5


def _compound_file(streams: dict[str, bytes]) -> bytes:
    entries: list[tuple[str, int, list[int], bytes]] = [("Root Entry", _ROOT, [], b"")]
    folders = {"": 0}
    for path, data in streams.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in folders:
                folders[folder] = len(entries)
                entries[folders["/".join(parts[: depth - 1])]][2].append(len(entries))
                entries.append((parts[depth - 1], _STORAGE, [], b""))
        entries[folders["/".join(parts[:-1])]][2].append(len(entries))
        entries.append((parts[-1], _STREAM, [], data))
    return _written(entries)


def _written(entries: list[tuple[str, int, list[int], bytes]]) -> bytes:
    """All streams are small: they lie in one stream of the root, in sectors of their own size."""
    siblings = [_FREE] * len(entries)
    small, small_chains = bytearray(), list[int]()
    starts = [_END] * len(entries)
    for index, (_, _, children, data) in enumerate(entries):
        for child, following in pairwise(children):
            siblings[child] = following
        if data:
            starts[index] = first = len(small_chains)
            small += data.ljust(-(-len(data) // _SMALL_SECTOR) * _SMALL_SECTOR, b"\0")
            small_chains += [*range(first + 1, len(small) // _SMALL_SECTOR), _END]
    parts = [
        b"",
        struct.pack(f"<{len(small_chains)}I", *small_chains).ljust(_SECTOR, b"\xff"),
        bytes(small),
    ]
    starts[0] = 1 + -(-len(entries) * 128 // _SECTOR) + len(_sectors(parts[1]))
    parts[0] = b"".join(
        _entry(
            name,
            kind,
            siblings[at],
            children[0] if children else _FREE,
            starts[at],
            len(data) if at else len(small),
        )
        for at, (name, kind, children, data) in enumerate(entries)
    )
    chains = [_FAT]
    for part in parts:
        chains += [*range(len(chains) + 1, len(chains) + len(_sectors(part))), _END]
    assert len(chains) <= 128, "one sector of the allocation table is enough for a test"
    table = struct.pack("<128I", *chains, *[_FREE] * (128 - len(chains)))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    small_table = 1 + len(_sectors(parts[0]))
    header += bytes(6) + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, small_table, 1, _END, 0)
    header += struct.pack("<109I", 0, *[_FREE] * 108)
    return header + table + b"".join(sector for part in parts for sector in _sectors(part))


def _sectors(data: bytes) -> list[bytes]:
    return [data[at : at + _SECTOR].ljust(_SECTOR, b"\0") for at in range(0, len(data), _SECTOR)]


def _entry(name: str, kind: int, sibling: int, child: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le")
    head = encoded.ljust(64, b"\0") + struct.pack("<HBB", len(encoded) + 2, kind, 1)
    return head + struct.pack("<III", _FREE, sibling, child) + bytes(36) + struct.pack("<IQ", start, size)
