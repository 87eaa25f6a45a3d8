"""A disk that is really full, under blobs, record and index: the process lives, waits, and goes on.

The index maps its files: a write that the disk has no room for does not fail but kills the process.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from checker import history
from scenes import Stage, broken_promises, texts, until

from corpus.database import Database

DISK_MB = 160
RESERVE = 48 << 20
DOCUMENTS = 40


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own: ext4 like most, which behaves on a full disk as tmpfs does not."""
    image, place = tmp_path / "disk.img", tmp_path / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_MB << 20)
    _run_or_skip("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
    _run_or_skip("mount", "-o", "loop", str(image), str(place))
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _run_or_skip(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"there is no {command[0]} here")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"a file system cannot be mounted here: {error.stderr.strip()}")


@pytest.fixture
def folder(tmp_path: Path, disk: Path) -> Path:
    """The history of what was promised stays outside of the disk that fills up."""
    folder = tmp_path / "scene"
    folder.mkdir()
    for name in ("blobs", "index"):
        (disk / name).mkdir()
        (folder / name).symlink_to(disk / name)
    return folder


@pytest.fixture
def database(disk: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{disk / 'sourcebook.db'}")
    opened.migrate()
    yield opened
    opened.close()


@pytest.mark.slow
def test_on_a_full_disk_everything_waits_and_nothing_dies(
    disk: Path, folder: Path, database: Database, stage: Stage
) -> None:
    worker = stage.start(
        database,
        folder,
        ("add", texts([f"{number}.txt" for number in range(DOCUMENTS)])),
        ("wait_for", "scarce"),
        ("add_in_vain", texts(["scarce.txt"])),
        ("wait_for", "full"),
        ("add_in_vain", texts(["full.txt"])),
        ("work", None),
        embed_seconds=1.0,
        reserve_bytes=RESERVE,
    )
    until(lambda: _ready(database) > 0)
    _fill(disk, RESERVE - (1 << 20))
    (folder / "scarce").touch()
    until(lambda: _refused(folder) == ["scarce.txt"])
    _fill(disk, 0)
    (folder / "full").touch()
    until(lambda: _refused(folder) == ["scarce.txt", "full.txt"])
    assert 0 < _ready(database) < DOCUMENTS, "it was full too early or too late"
    time.sleep(2)  # ten tries of each document in work
    (disk / "filler").unlink()
    (folder / "stop").touch()
    assert stage.wait(worker) == 0
    assert _ready(database) == DOCUMENTS
    assert broken_promises(database, folder) == []
    assert len(list((folder / "blobs").glob("*/*"))) == DOCUMENTS
    assert not list((folder / "blobs").glob("upload-*"))


@pytest.mark.slow
def test_without_the_reserve_a_full_disk_kills_the_process(
    disk: Path, folder: Path, database: Database, stage: Stage
) -> None:
    """That the danger above is real; once the engine survives it, the reserve can go."""
    worker = stage.start(
        database,
        folder,
        ("add", texts([f"{number}.txt" for number in range(DOCUMENTS)])),
        ("work", None),
        embed_seconds=1.0,
        reserve_bytes=0,
    )
    until(lambda: _ready(database) > 0)
    _fill(disk, 0)
    assert stage.wait(worker) == -signal.SIGBUS
    (disk / "filler").unlink()
    assert stage.wait(stage.start(database, folder, ("settle", None), reserve_bytes=RESERVE)) == 0
    assert _ready(database) == DOCUMENTS
    assert broken_promises(database, folder) == []


def _fill(disk: Path, left_bytes: int) -> None:
    """Until so many bytes are free; synced, as file systems find room for late writes only then."""
    with (disk / "filler").open("ab", buffering=0) as file:
        while (wanted := _free(disk) - left_bytes) > 0:
            try:
                file.write(os.urandom(min(wanted, 1 << 20)))
                os.fsync(file.fileno())
            except OSError:
                return  # nothing is left


def _free(disk: Path) -> int:
    room = os.statvfs(disk)
    return room.f_bavail * room.f_frsize


def _refused(folder: Path) -> list[str]:
    return [event["refused"] for event in history(folder) if "refused" in event]


def _ready(database: Database) -> int:
    with database.engine.connect() as connection:
        query = sa.text("select count(*) from documents where status = 'ready'")
        return connection.execute(query).scalar_one()
