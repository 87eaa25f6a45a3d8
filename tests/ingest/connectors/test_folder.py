"""A folder is read without ever following a link out of it."""

import os
from pathlib import Path

import pytest

from ingest.connectors.connectors import ConnectorId
from ingest.connectors.errors import ItemError, OriginError, OriginRefusedError
from ingest.connectors.folder import FolderOrigin
from ingest.connectors.opening import Origins
from ingest.connectors.options import FolderOptions
from ingest.connectors.origin import Item, Problem, Selection
from ingest.connectors.settings import ConnectorsSettings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text("canary")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.md").write_text("# A")
    (root / "sub" / "b.md").write_text("# B")
    return root


def listed(root: Path, **selection: tuple[str, ...]) -> list[Item | Problem]:
    return list(FolderOrigin(root, Selection(**selection)).list(None))


def read(root: Path, key: str) -> bytes:
    item = Item(key=key, path=key, revision="1", size_bytes=None)
    with FolderOrigin(root, Selection()).fetch(item) as content:
        return content.read()


def test_links_pipes_and_hidden_files_are_not_listed(root: Path, tmp_path: Path) -> None:
    (root / "link.md").symlink_to(tmp_path / "outside" / "secret.md")
    (root / "inner.md").symlink_to(root / "a.md")
    (root / "folder").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    os.mkfifo(root / "pipe.md")
    (root / ".hidden.md").write_text("x")
    assert [each.key for each in listed(root)] == ["a.md", "sub/b.md"]


def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_read(root: Path, tmp_path: Path) -> None:
    (root / "a.md").unlink()
    (root / "a.md").symlink_to(tmp_path / "outside" / "secret.md")
    with pytest.raises(ItemError):
        read(root, "a.md")


def test_a_folder_that_becomes_a_link_after_it_was_listed_is_not_entered(root: Path, tmp_path: Path) -> None:
    (root / "sub" / "b.md").unlink()
    (root / "sub").rmdir()
    (tmp_path / "outside" / "b.md").write_text("canary")
    (root / "sub").symlink_to(tmp_path / "outside", target_is_directory=True)
    with pytest.raises(ItemError):
        read(root, "sub/b.md")


def test_a_pipe_neither_hangs_nor_is_read(root: Path) -> None:
    os.mkfifo(root / "pipe.md")
    with pytest.raises(ItemError):
        read(root, "pipe.md")


def test_a_name_that_is_no_text_is_told_and_left_out(root: Path) -> None:
    os.close(os.open(os.fsencode(root) + b"/caf\xe9.md", os.O_CREAT))
    (problem,) = [each for each in listed(root) if isinstance(each, Problem)]
    assert "characters" in problem.detail
    problem.key.encode()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every folder")
def test_a_folder_that_may_not_be_read_ends_the_listing(root: Path) -> None:
    (root / "sub").chmod(0)
    with pytest.raises(OriginError, match="sub"):
        listed(root)
    assert [each.key for each in listed(root, exclude=("sub",))] == ["a.md"]


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        ({"include": ("sub/*",)}, ["sub/b.md"]),
        ({"include": ("*.txt", "*.xyz")}, ["c.xyz"]),
        ({"exclude": ("sub",)}, ["a.md"]),
        ({"exclude": ("*.md",)}, []),
    ],
)
def test_patterns_choose(root: Path, selection: dict[str, tuple[str, ...]], keys: list[str]) -> None:
    (root / "c.xyz").write_text("x")
    assert [each.key for each in listed(root, **selection)] == keys


@pytest.mark.parametrize("path", ["data", "data/blobs", ".", "/"])
def test_the_data_folder_is_never_followed(tmp_path: Path, path: str) -> None:
    (tmp_path / "data" / "blobs").mkdir(parents=True)
    origins = Origins(ConnectorsSettings(allowed_folders=(Path("/"),)), tmp_path / "data")
    with pytest.raises(OriginRefusedError, match="own data"):
        origins.check(FolderOptions(path=str(tmp_path / path)), {})


def test_a_link_out_of_an_allowed_folder_is_no_way_in(root: Path, tmp_path: Path) -> None:
    (root / "way").symlink_to(tmp_path / "outside", target_is_directory=True)
    origins = Origins(ConnectorsSettings(allowed_folders=(root,)), tmp_path / "data")
    for path in (root / "way", root / ".." / "outside", tmp_path / "root-but-longer"):
        with pytest.raises(OriginRefusedError, match="may not read"):
            origins.check(FolderOptions(path=str(path)), {})
    with origins.open(ConnectorId("c"), FolderOptions(path=str(root / "sub")), dict) as origin:
        assert [each.key for each in origin.list(None)] == ["b.md"]
