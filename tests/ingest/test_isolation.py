"""Whatever a parser does, the caller gets a typed error and the next document is parsed."""

import ctypes
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.confinement import Limits
from ingest.errors import EncryptedDocumentError, IngestError, LimitExceededError, ParserCrashedError
from ingest.isolation import ParserSandbox

HERE = Path(__file__).parent
STRICT = Limits(memory_bytes=2 << 30, cpu_seconds=1, wall_per_cpu=2)


def landlock_version() -> int:
    return ctypes.CDLL(None).syscall(444, None, 0, 1) if sys.platform == "linux" else 0


@pytest.fixture(scope="module")
def hostile() -> Iterator[ParserSandbox]:
    with ParserSandbox(STRICT, parsers="hostile_parsers", import_path=(HERE,)) as sandbox:
        yield sandbox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("harmless")
    return path


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("hang", LimitExceededError),
        ("spin", LimitExceededError),
        ("memory", LimitExceededError),
        ("abort", LimitExceededError),
        ("crash", ParserCrashedError),
        ("bug", ParserCrashedError),
        ("garbage", ParserCrashedError),
        ("kill the zygote", ParserCrashedError),
        ("encrypted", EncryptedDocumentError),
    ],
)
def test_a_bad_end_is_a_typed_error_and_spares_the_next_document(
    hostile: ParserSandbox, file: Path, behaviour: str, expected: type[IngestError]
) -> None:
    with pytest.raises(expected) as caught:
        hostile.parse(file, behaviour, "")
    assert behaviour in str(caught.value)
    assert hostile.parse(file, "good", "").text == "harmless"


def test_a_hanging_document_does_not_hold_up_others(hostile: ParserSandbox, file: Path) -> None:
    with ThreadPoolExecutor(5) as threads:
        hanging = threads.submit(hostile.parse, file, "hang", "")
        good = [threads.submit(hostile.parse, file, "good", "") for _ in range(20)]
        texts = {one.result().text for one in good}
        assert not hanging.done()
    assert texts == {"harmless"}
    assert isinstance(hanging.exception(), LimitExceededError)


def test_a_child_sees_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("SOURCEBOOK_SECRET", "s3cr3t-value")
    with ParserSandbox(STRICT, parsers="hostile_parsers", import_path=(HERE,)) as sandbox:
        assert "s3cr3t-value" not in sandbox.parse(file, "environment", "").text


def test_a_child_can_write_no_file(hostile: ParserSandbox, file: Path) -> None:
    try:
        outcome = hostile.parse(file, "write", "").text
    except LimitExceededError:
        outcome = "refused"
    written = file.with_name("written")
    assert outcome == "refused"
    assert not written.exists() or written.stat().st_size == 0


@pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")
def test_a_child_reads_nothing_but_its_file(hostile: ParserSandbox, file: Path) -> None:
    assert hostile.parse(file, "read", "").text == "refused"


@pytest.mark.skipif(landlock_version() < 4, reason="this kernel's Landlock does not cover TCP")
def test_a_child_reaches_no_server(hostile: ParserSandbox, file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert hostile.parse(file, "connect", str(port)).text == "refused"


def test_a_closed_sandbox_starts_anew_when_used(file: Path) -> None:
    sandbox = ParserSandbox(STRICT, parsers="hostile_parsers", import_path=(HERE,))
    with sandbox:
        assert sandbox.parse(file, "good", "").text == "harmless"
    assert sandbox.parse(file, "good", "").text == "harmless"
    sandbox.close()
