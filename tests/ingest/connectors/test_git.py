"""git is kept on a short leash."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.connectors import git
from ingest.connectors.errors import ItemError, OriginError, OriginRefusedError
from ingest.connectors.git import GitOrigin, remote_of
from ingest.connectors.guard import HostRules
from ingest.connectors.options import GitOptions
from ingest.connectors.origin import Item, Origin
from tests.servers.repository import GitServer, Repository, git_server


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "work" / "handbook")
    repository.write("a.md", b"# A")
    repository.commit()
    return repository


@pytest.fixture
def server(tmp_path: Path, repository: Repository) -> Iterator[GitServer]:
    with git_server(tmp_path / "work") as server:
        yield server


def local(repository: Repository, tmp_path: Path, **options: Any) -> Origin:
    chosen = GitOptions(url=str(repository.folder), **options)
    remote = remote_of(chosen, {}, HostRules(), (tmp_path / "work",))
    return GitOrigin(chosen, remote, tmp_path / "mirror.git")


def keys(origin: Origin) -> list[str]:
    return [each.key for each in origin.list(None)]


def test_links_and_submodules_are_not_items(repository: Repository, tmp_path: Path) -> None:
    (repository.folder / "link.md").symlink_to("/etc/passwd")
    (repository.folder / "out").symlink_to("../../outside")
    other = Repository(tmp_path / "work" / "other")
    other.write("inner.md", b"x")
    other.commit()
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", str(other.folder), "module")
    repository.commit()
    assert keys(local(repository, tmp_path)) == ["a.md"]


def test_the_chosen_branch_is_read(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "-q", "-b", "draft/new")
    repository.write("draft.md", b"# D")
    repository.commit()
    repository.git("checkout", "-q", "main")
    assert keys(local(repository, tmp_path)) == ["a.md"]
    assert keys(local(repository, tmp_path, branch="draft/new")) == ["a.md", "draft.md"]
    with pytest.raises(OriginError):
        keys(local(repository, tmp_path, branch="nowhere"))


def test_history_is_not_copied_and_a_rewritten_one_is_followed(
    repository: Repository, tmp_path: Path
) -> None:
    for number in range(5):
        repository.write("a.md", f"# {number}".encode())
        repository.commit()
    origin = local(repository, tmp_path)
    assert keys(origin) == ["a.md"]
    assert origin.cursor() == {"commit": repository.git("rev-parse", "HEAD").strip()}
    mirror = Repository.__new__(Repository)
    mirror.folder = tmp_path / "mirror.git"
    assert mirror.git("rev-list", "--count", "--all").strip() == "1"
    repository.git("checkout", "-q", "--orphan", "fresh")
    repository.write("b.md", b"# B")
    repository.commit()
    repository.git("branch", "-M", "fresh", "main")
    assert keys(local(repository, tmp_path)) == ["a.md", "b.md"]


def test_a_moved_file_keeps_its_revision(repository: Repository, tmp_path: Path) -> None:
    (before,) = [each for each in local(repository, tmp_path).list(None) if isinstance(each, Item)]
    (repository.folder / "deep").mkdir()
    repository.git("mv", "a.md", "deep/b.md")
    repository.commit()
    (after,) = [each for each in local(repository, tmp_path).list(None) if isinstance(each, Item)]
    assert (after.key, after.revision) == ("deep/b.md", before.revision)


def test_a_pointer_to_large_file_storage_is_told(repository: Repository, tmp_path: Path) -> None:
    repository.write("big.pdf", git.LFS_POINTER + b"\noid sha256:0\nsize 1\n")
    repository.commit()
    origin = local(repository, tmp_path)
    item = next(each for each in origin.list(None) if each.key == "big.pdf")
    assert isinstance(item, Item)
    with pytest.raises(ItemError, match="LFS"), origin.fetch(item):
        pass


def test_hooks_and_configuration_of_the_machine_are_not_used(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted configuration would run a program at the first chance."""
    ran = tmp_path / "ran"
    home = tmp_path / "home"
    home.mkdir()
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    planted = f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = touch {ran}\n\tsshCommand = touch {ran}\n"
    (home / ".gitconfig").write_text(planted)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {ran}")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert keys(local(repository, tmp_path)) == ["a.md"]
    assert not ran.exists()


REFUSED = [
    "ext::sh -c 'touch /tmp/x'",
    "ssh://git@example.com/x.git",
    "git@example.com:x.git",
    "git://example.com/x.git",
    "ftp://example.com/x.git",
    "--upload-pack=touch /tmp/x",
    "-u./x",
    "https://user:password@example.com/x.git",
    "https://user@example.com/x.git",
    "https://good.example\\@evil.example/x.git",
    "https://good.example#@evil.example/x.git",
    "https://good.example./x.git",
    "https://exa mple.com/x.git",
    "https://example.com",
    "https://example.com/x.git?service=y",
    "https://[::1/x.git",
    "file:///etc",
    "file://server/share",
    "/etc",
    "../work",
    "",
    "http://127.0.0.1/x.git",
    "http://2130706433/x.git",
    "http://0x7f.1/x.git",
    "http://[::ffff:127.0.0.1]/x.git",
    "http://169.254.169.254/x.git",
    "https://93.184.216.34:22/x.git",
]


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_is_not_plainly_allowed_never_reaches_git(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git.subprocess, "Popen", _never)
    with pytest.raises(OriginError):
        remote_of(GitOptions(url=url), {}, HostRules(("*",)), (tmp_path / "work",))


def _never(*_arguments: object, **_more: object) -> None:
    raise AssertionError("git was started")


@pytest.mark.parametrize("branch", ["--upload-pack=x", "a:b", "a..b", "a b", "*"])
def test_a_branch_that_is_no_name_is_refused(branch: str, repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(OriginRefusedError, match="branch"):
        local(repository, tmp_path, branch=branch)


def web(server: GitServer, tmp_path: Path, host: str = "", **secrets: str) -> Origin:
    port = server.url.rpartition(":")[2]
    url = f"http://{host or '127.0.0.1'}:{port}/handbook/.git"
    options = GitOptions(url=url)
    remote = remote_of(options, secrets, HostRules((f"{host or '127.0.0.1'}:{port}",)), ())
    return GitOrigin(options, remote, tmp_path / "mirror.git")


def test_git_connects_to_the_address_that_was_judged(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name exists for the guard alone: git can only find it by the address it was given."""

    def lookup(_host: str, port: int, **_more: object) -> Any:
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert keys(web(server, tmp_path, "only-for-the-guard.example")) == ["a.md"]
    assert all(host.startswith("only-for-the-guard.example:") for host in server.hosts)


def test_a_redirect_is_not_followed(server: GitServer, tmp_path: Path, repository: Repository) -> None:
    with git_server(tmp_path / "work") as other:
        server.redirects_to = other.url
        with pytest.raises(OriginError):
            keys(web(server, tmp_path))
        assert other.requests == []


def test_the_token_goes_to_the_server_and_nowhere_else(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.needs = "Basic b2F1dGgyOmh1c2g="
    commands: list[Any] = []
    started = git.subprocess.Popen

    def noted(command: Any, **more: Any) -> Any:
        commands.append(command)
        return started(command, **more)

    monkeypatch.setattr(git.subprocess, "Popen", noted)
    assert keys(web(server, tmp_path, token="hush")) == ["a.md"]
    assert server.authorizations[-1] == server.needs
    written = [path.read_bytes() for path in (tmp_path / "mirror.git").rglob("*") if path.is_file()]
    for secret in (b"hush", b"b2F1dGgyOmh1c2g"):
        assert not any(secret in content for content in written)
        assert secret not in repr(commands).encode()


def test_without_the_token_it_fails_at_once_and_asks_nobody(server: GitServer, tmp_path: Path) -> None:
    server.needs = "Basic b2F1dGgyOmh1c2g="
    with pytest.raises(OriginError) as caught:
        keys(web(server, tmp_path, token="wrong-hush"))
    assert "wrong-hush" not in str(caught.value)


def test_a_proxy_in_the_environment_is_not_used(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert keys(web(server, tmp_path)) == ["a.md"]


def test_a_repository_that_is_too_large_is_given_up(
    server: GitServer, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "MAX_MIRROR_BYTES", 200_000)
    monkeypatch.setattr(git, "WATCH_SECONDS", 0.001)
    repository.write("big.txt", os.urandom(30_000_000))
    repository.commit()
    with pytest.raises(OriginRefusedError, match="larger"):
        keys(web(server, tmp_path))
    assert not (tmp_path / "mirror.git").exists()
