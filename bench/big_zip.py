"""How much memory does a 1 GB ZIP of documents take, from its upload to the last document?

    python bench/big_zip.py [--megabytes 1000] [--embed-one-in 50] [--reading 2]

Packs the files of the shared data (PDF, Word, Excel, mail, HTML and more) over and over, each copy with other
bytes, until they are 1 GB unpacked, and sends the archive to `sourcebook serve` by the resumable upload that
the web page uses. Memory is the proportional set size of the server, its zygote and every child that parses
or optimizes, ten times a second; a line a minute tells how it grows.

Embedding all of it would take two cores most of a day. So of the batches handed to the embedder one in so
many is really embedded: the weights and the memory of the computation are there. The others get unit vectors
by chance, which fill the index and the record in the same way and much faster. Scans and pictures, which take
seconds a page to recognise, are packed `--reading` times.
"""

import argparse
import base64
import io
import itertools
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from email.message import Message
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from footprint import MemoryWatch, show, size

from api import serving, wiring
from api.settings import Settings
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.embedding import Vectors

FILES = Path(__file__).parents[2] / "shared" / "data" / "files"
PICTURES = frozenset({".tif", ".tiff", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"})
PIECE_BYTES = 16 << 20
UNFINISHED = ("queued", "uploading", "parsing", "ocr", "chunking", "embedding", "indexing")
MOST_MEMBERS = 9_900
"""An archive may hold 10,000 files."""


class SparingEmbedder(MiniLmEmbedder):
    """Embeds one batch in `one_in`; the others get unit vectors by chance."""

    one_in = 1

    def __init__(self) -> None:
        super().__init__()
        self._turn = itertools.count()
        self._chance = np.random.default_rng(1)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if next(self._turn) % self.one_in == 0:
            return super().embed_documents(texts)
        vectors = self._chance.standard_normal((len(texts), self.dimension), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--embed-one-in", type=int, default=50)
    parser.add_argument("--reading", type=int, default=2, help="how often scans and pictures are packed")
    parser.add_argument("--minutes", type=float, default=600, help="stop waiting for the last document then")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        SparingEmbedder.one_in = given.embed_one_in
        wiring.MiniLmEmbedder = SparingEmbedder
        serving.serve(Settings(data=given.serve), "127.0.0.1", 0)
        return
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "documents.zip"
        members, unpacked = pack(archive, given.megabytes * 1_000_000, given.reading)
        show("files in the archive", f"{members:,}")
        show("unpacked, packed", f"{unpacked / 1e6:,.0f} MB, {archive.stat().st_size / 1e6:,.0f} MB")
        measure(archive, Path(scratch) / "data", given.embed_one_in, given.minutes * 60)


def pack(archive: Path, unpacked_bytes: int, reading: int) -> tuple[int, int]:
    """Number and size of the files that were packed: each round holds every file, with other bytes."""
    members = packed = 0
    with ZipFile(archive, "w", ZIP_DEFLATED, compresslevel=1) as target:
        for number, path in rounds(reading):
            content = variant(path, number)
            if packed + len(content) > unpacked_bytes or members == MOST_MEMBERS:
                break
            target.writestr(f"round-{number:03d}/{path.name}", content)
            members, packed = members + 1, packed + len(content)
    return members, packed


def rounds(reading: int) -> Iterator[tuple[int, Path]]:
    paths = [path for path in sorted(FILES.iterdir()) if path.is_file() and path.name != "README.md"]
    for number in itertools.count():
        for path in paths:
            if number < reading or not is_read_from_pictures(path):
                yield number, path


def is_read_from_pictures(path: Path) -> bool:
    return path.suffix.lower() in PICTURES or "scan" in path.name


def variant(path: Path, number: int) -> bytes:
    """The file with other bytes, and the same content where its format has room for that."""
    content = path.read_bytes()
    if not number:
        return content
    if content.startswith(b"%PDF"):
        return content + b"\n%% copy %d\n" % number
    if content.startswith(b"PK"):
        changed = io.BytesIO(content)
        try:
            with ZipFile(changed, "a") as container:
                container.comment = b"copy %d" % number
        except (ValueError, OSError):
            return content
        return changed.getvalue()
    return content + b" %d\n" % number


def measure(archive: Path, data: Path, one_in: int, patience: float) -> None:
    command = [sys.executable, __file__, "--serve", str(data), "--embed-one-in", str(one_in)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        try:
            with MemoryWatch(server.pid) as memory:
                show("memory idle", f"{memory.now() / 1e6:.0f} MB")
                began = time.monotonic()
                upload(address, archive)
                show("uploaded and unpacked in", f"{time.monotonic() - began:.0f} s")
                show("memory at its peak till then", f"{memory.peak / 1e6:.0f} MB")
                wait(data, memory, began, patience)
            show("took", f"{time.monotonic() - began:.0f} s")
            show("memory at its peak", str(memory.highest))
            for status, count in sorted(statuses(data).items()):
                show(f"documents {status}", str(count))
        finally:
            server.terminate()
    for name in ("blobs", "index", "sourcebook.db"):
        show(f"disk: {name}", f"{size(data / name) / 1e6:.0f} MB")


def upload(address: str, archive: Path) -> None:
    """As the web page does: tus, in pieces."""
    named = {"collection": "bench", "filename": archive.name}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in named.items())
    tus = {"Tus-Resumable": "1.0.0"}
    length = {"Upload-Length": str(archive.stat().st_size), "Upload-Metadata": metadata}
    place = send(f"{address}/api/v1/uploads", "POST", tus | length)["Location"]
    offset = 0
    with archive.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            headers = tus | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            send(address + place, "PATCH", headers, piece)
            offset += len(piece)


def send(url: str, method: str, headers: dict[str, str], body: bytes = b"") -> Message:
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=7200) as reply:
        return reply.headers


def wait(data: Path, memory: MemoryWatch, began: float, patience: float) -> None:
    while time.monotonic() - began < patience:
        counts = statuses(data)
        if not any(counts[status] for status in UNFINISHED):
            return
        done = sum(counts.values()) - sum(counts[status] for status in UNFINISHED)
        minutes = (time.monotonic() - began) / 60
        print(f"{minutes:5.1f} min  {done:6} done  now {memory.moment()}", file=sys.stderr)
        print(f"                        peak {memory.highest}", file=sys.stderr, flush=True)
        time.sleep(60)


def statuses(data: Path) -> Counter[str]:
    with closing(sqlite3.connect(f"file:{data / 'sourcebook.db'}?mode=ro", uri=True)) as record:
        return Counter(dict(record.execute("select status, count(*) from documents group by status")))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parents[1]))
    main()
