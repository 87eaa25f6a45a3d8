"""Which files are source code, and in which language, by the end of their name or their first line."""

import re
from pathlib import PurePosixPath

LANGUAGES: dict[str, str] = {
    ".bash": "shell",
    ".bat": "batch",
    ".c": "c",
    ".cc": "c++",
    ".cfg": "ini",
    ".clj": "clojure",
    ".cpp": "c++",
    ".cs": "c#",
    ".css": "css",
    ".dart": "dart",
    ".erl": "erlang",
    ".ex": "elixir",
    ".f90": "fortran",
    ".go": "go",
    ".groovy": "groovy",
    ".h": "c",
    ".hpp": "c++",
    ".hs": "haskell",
    ".ini": "ini",
    ".java": "java",
    ".jl": "julia",
    ".js": "javascript",
    ".jsx": "javascript",
    ".kt": "kotlin",
    ".lua": "lua",
    ".m": "matlab",
    ".mjs": "javascript",
    ".php": "php",
    ".pl": "perl",
    ".properties": "ini",
    ".proto": "protobuf",
    ".ps1": "powershell",
    ".py": "python",
    ".pyi": "python",
    ".r": "r",
    ".rb": "ruby",
    ".rs": "rust",
    ".scala": "scala",
    ".scss": "css",
    ".sh": "shell",
    ".sql": "sql",
    ".svelte": "svelte",
    ".swift": "swift",
    ".tf": "terraform",
    ".toml": "toml",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".vb": "visual basic",
    ".vue": "vue",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".zsh": "shell",
}
_WHOLE_NAMES = {"dockerfile": "dockerfile", "makefile": "makefile", "jenkinsfile": "groovy"}
_INTERPRETER = re.compile(
    r"#![^\n]*?\b(python|bash|zsh|sh|perl|ruby|node|php|lua|Rscript)[\d.]*\s*(?:\n|$| )"
)
_INTERPRETERS = {"bash": "shell", "zsh": "shell", "sh": "shell", "node": "javascript", "Rscript": "r"}


def language_of(name: str, beginning: str = "") -> str | None:
    """The programming language of the file called `name`, or `None` where it is not source code."""
    path = PurePosixPath(name.replace("\\", "/"))
    if language := LANGUAGES.get(path.suffix.lower()) or _WHOLE_NAMES.get(path.name.lower()):
        return language
    if path.suffix in ("", ".txt") and (found := _INTERPRETER.match(beginning)):
        return _INTERPRETERS.get(found[1], found[1])
    return None
