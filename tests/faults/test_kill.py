"""`kill -9` in the middle of an ingestion loses nothing and doubles nothing."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrieval.adapters.qdrant_edge import QdrantEdgeIndex

DOCUMENTS = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Text documents of some chunks each."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(DOCUMENTS):
        lines = (
            f"Note {number} says that pump {number * 7 + line} runs {line} hours a day." for line in range(60)
        )
        (folder / f"{number}.txt").write_text("\n\n".join(lines))
    return folder


def start(folder: Path, data: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "api.cli", "ingest", str(folder), "--collection", "notes", "--json"]
    return subprocess.Popen(
        [*command, "--data", str(data)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def count(data: Path, query: str) -> int:
    try:
        with sqlite3.connect(f"file:{data / 'sourcebook.db'}?mode=ro", uri=True) as connection:
            return connection.execute(query).fetchone()[0]
    except sqlite3.OperationalError:
        return 0  # not made yet


@pytest.mark.slow
@pytest.mark.parametrize("ready_at_the_kill", [1, 12])
def test_killed_and_started_again_every_document_is_ready_once(
    folder: Path, tmp_path: Path, ready_at_the_kill: int
) -> None:
    data = tmp_path / "data"
    first = start(folder, data)
    deadline = time.monotonic() + 120
    while count(data, "select count(*) from documents where status = 'ready'") < ready_at_the_kill:
        assert first.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert count(data, "select count(*) from documents where status <> 'ready'") > 0

    second = start(folder, data)
    output, _ = second.communicate(timeout=200)
    assert second.returncode == 0
    documents = json.loads(output)["documents"]
    assert [document["status"] for document in documents] == ["ready"] * DOCUMENTS
    assert count(data, "select count(*) from workflow_status where status in ('PENDING', 'ENQUEUED')") == 0
    chunks = count(data, "select count(*) from chunks")
    assert chunks == sum(document["chunks"] for document in documents)
    assert count(data, "select count(distinct document_id || '/' || number) from chunks") == chunks
    (folder,) = (data / "index").iterdir()
    index = QdrantEdgeIndex(folder, dimension=384)
    try:
        assert index.count() == chunks
        for document in documents:
            assert index.count(document["document_id"]) == document["chunks"]
    finally:
        index.close()
