"""A Git repository, through the `git` program: the newest commit of one branch, without its history.

The program is kept on a short leash: no shell, no configuration but ours, no hooks, no other protocol than
the one asked for, no redirects, no prompts, and connections only to the address that the guard has judged.
The files are never checked out: they are read from a bare mirror by the hash of their content, so that links
and odd names in a repository lead nowhere.
"""

import base64
import io
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from ingest.connectors.errors import ItemError, OriginError, OriginRefusedError
from ingest.connectors.guard import HostRules
from ingest.connectors.options import GitOptions
from ingest.connectors.origin import Cursor, Item, Problem, Selection, fault_of_path

MIRROR_REF = "refs/heads/mirror"
FETCH_SECONDS = 600
MAX_MIRROR_BYTES = 4 << 30
WATCH_SECONDS = 0.5
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"

_PLAIN_FILES = ("100644", "100755", "100664")
"""Modes of tree entries that are files; links (120000) and submodules (160000) are left out."""


_WEB_ADDRESS = re.compile(
    r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:\d+)?/[\w.~/+%-]*", re.I
)
"""So plain that no two programs can read it differently."""

_NO_ADDRESS = "A repository's address reads https://host/path."


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """An address that git may be given, and the configuration that goes with it."""

    url: str
    settings: tuple[tuple[str, str], ...]


class GitOrigin:
    def __init__(self, options: GitOptions, remote: Remote, mirror: Path) -> None:
        self._options = options
        self._remote = remote
        self._mirror = mirror
        self._selection = Selection(include=options.include, exclude=options.exclude)
        self._commit = ""

    def list(self, cursor: Cursor | None) -> Iterator[Item | Problem]:  # noqa: ARG002  # the mirror remembers
        self._update_mirror()
        self._commit = self._git("rev-parse", "--verify", f"{MIRROR_REF}^{{commit}}").decode().strip()
        listing = self._git("ls-tree", "-r", "-z", "--long", "--full-tree", self._commit)
        for entry in listing.split(b"\0"):
            if entry:
                yield from self._listed(entry)

    def cursor(self) -> Cursor | None:
        return {"commit": self._commit}

    @contextmanager
    def fetch(self, item: Item) -> Generator[IO[bytes]]:
        if not _is_hash(item.revision):
            raise ItemError("It is unknown to the repository.")
        command = ["git", "-C", str(self._mirror), "cat-file", "blob", item.revision]
        with subprocess.Popen(
            command,
            env=self._environment(()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        ) as reading:
            output = io.BufferedReader(_raw(reading.stdout))
            try:
                if output.peek(len(LFS_POINTER)).startswith(LFS_POINTER):
                    raise ItemError("It is kept in Git LFS, which is not read.")
                yield output
                if not output.read(1) and reading.wait() != 0:
                    raise ItemError("The repository's mirror does not have it any more.")
            finally:
                reading.kill()

    def _listed(self, entry: bytes) -> Iterator[Item | Problem]:
        facts, _, raw_path = entry.partition(b"\t")
        mode, _, sha, size = facts.decode().split()
        path = raw_path.decode(errors="surrogateescape")
        if mode not in _PLAIN_FILES or not self._selection.wants(path):
            return
        if fault := fault_of_path(path):
            yield Problem(key=raw_path.decode(errors="replace"), detail=fault)
        else:
            yield Item(key=path, path=path, revision=sha, size_bytes=int(size))

    def _update_mirror(self) -> None:
        if not (self._mirror / "HEAD").exists():
            self._mirror.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._git("init", "--quiet", "--bare", "--template=", ".")
        wanted = f"refs/heads/{self._options.branch}" if self._options.branch else "HEAD"
        try:
            self._git(
                *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--force"),
                *("--no-write-fetch-head", "--", self._remote.url, f"+{wanted}:{MIRROR_REF}"),
                settings=self._remote.settings,
                watched=True,
            )
        except OriginRefusedError:
            shutil.rmtree(self._mirror, ignore_errors=True)
            raise

    def _git(self, *arguments: str, settings: Sequence[tuple[str, str]] = (), watched: bool = False) -> bytes:
        try:
            process = subprocess.Popen(
                ["git", *arguments],  # noqa: S607  # found in PATH, which the server's operator sets
                cwd=self._mirror,
                env=self._environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise OriginError("The program git is not installed on the server.") from error
        with process:
            watch = _SizeWatch(self._mirror, process) if watched else None
            try:
                output, complaint = process.communicate(timeout=FETCH_SECONDS)
            except subprocess.TimeoutExpired as error:
                _kill(process)
                raise OriginError(f"git did not finish within {FETCH_SECONDS} seconds.") from error
            finally:
                if watch:
                    watch.stop()
        if watch and watch.is_exceeded:
            raise OriginRefusedError(
                f"The repository is larger than the {MAX_MIRROR_BYTES >> 20} MB allowed."
            )
        if process.returncode != 0:
            raise OriginError(f"git could not read the repository: {self._told(complaint)}.")
        return output

    def _told(self, complaint: bytes) -> str:
        lines = complaint.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
        return " ".join(lines[-2:])[:300].rstrip(".")

    def _environment(self, settings: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Configuration goes through the environment: others on the machine can read a command line."""
        every = (*_LEASH, *settings)
        pairs = {f"GIT_CONFIG_KEY_{number}": name for number, (name, _) in enumerate(every)}
        pairs |= {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(every)}
        return pairs | {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._mirror),
            "LC_ALL": "C",
            "GIT_CONFIG_COUNT": str(len(every)),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
        }


_LEASH = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("credential.helper", ""),
    ("fetch.writeCommitGraph", "false"),
    ("gc.autoDetach", "false"),
    ("gc.pruneExpire", "now"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
    ("http.proxy", ""),
    ("protocol.allow", "never"),
    ("safe.directory", "*"),
    ("submodule.recurse", "false"),
)
"""What every call of git is told."""


def remote_of(
    options: GitOptions, secrets: dict[str, str], rules: HostRules, folders: Sequence[Path]
) -> Remote:
    """Judges a repository's address. Raises `OriginRefusedError`.

    `folders`: below these, a repository on the server's own disk may be read.
    """
    try:
        url = urlsplit(options.url)
    except ValueError as error:
        raise OriginRefusedError(_NO_ADDRESS) from error
    if options.branch.startswith("-") or any(part in options.branch for part in ("..", ":", "*", " ")):
        raise OriginRefusedError(f"'{options.branch}' is no name of a branch.")
    if url.scheme in ("", "file") and url.path.startswith("/") and not url.netloc:
        place = Path(url.path).resolve()
        if not any(place.is_relative_to(folder) for folder in folders):
            raise OriginRefusedError(
                f"Connectors may not read {place}. "
                "An administrator can add it to SOURCEBOOK_CONNECTORS__ALLOWED_FOLDERS."
            )
        # As a URL and not as a path: git then copies through its protocol instead of linking files.
        return Remote(url=place.as_uri(), settings=(("protocol.file.allow", "always"),))
    if url.username or url.password:
        raise OriginRefusedError("Give the password as the secret 'token', not in the address.")
    if not _WEB_ADDRESS.fullmatch(options.url):
        raise OriginRefusedError(_NO_ADDRESS)
    return Remote(url=options.url, settings=_web_settings(options, url.scheme, secrets, rules))


def _web_settings(
    options: GitOptions, scheme: str, secrets: dict[str, str], rules: HostRules
) -> tuple[tuple[str, str], ...]:
    url = urlsplit(options.url)
    host, port = url.hostname or "", url.port or (443 if scheme == "https" else 80)
    address = rules.resolve(host, port)
    pinned = f"[{address}]" if ":" in address else address
    settings = (
        (f"protocol.{scheme}.allow", "always"),
        # git asks the resolver no more: it connects where the guard has looked.
        ("http.curloptResolve", f"{host}:{port}:{pinned}"),
    )
    if token := secrets.get("token"):
        login = base64.b64encode(f"{options.username}:{token}".encode()).decode()
        settings += (("http.extraHeader", f"Authorization: Basic {login}"),)
    return settings


class _SizeWatch:
    """Ends a fetch that brings more than the mirror may hold: git itself has no such limit."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self._folder = folder
        self._process = process
        self._stopped = threading.Event()
        self.is_exceeded = False
        self._thread = threading.Thread(target=self._run, name="git-size", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(WATCH_SECONDS):
            if _size(self._folder) > MAX_MIRROR_BYTES:
                self.is_exceeded = True
                _kill(self._process)
                return


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except FileNotFoundError:
                continue  # git renamed it meanwhile
    return total


def _kill(process: subprocess.Popen[bytes]) -> None:
    """git works through children: end the whole group, if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, 9)


def _is_hash(text: str) -> bool:
    return len(text) in (40, 64) and all(character in "0123456789abcdef" for character in text)


def _raw(pipe: IO[bytes] | None) -> io.RawIOBase:
    if not isinstance(pipe, io.RawIOBase):
        raise OriginError("git gave no output.")
    return pipe
