"""Writes random passwords for docker-compose.yml to the given file, once: an existing file is kept."""

import os
import secrets
import sys
from pathlib import Path

NAMES = ("POSTGRES_PASSWORD", "QDRANT_API_KEY", "VLLM_API_KEY")


def main() -> None:
    path = Path(sys.argv[1])
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{path} is there already and was kept.")
        return
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={secrets.token_urlsafe(32)}\n" for name in NAMES)
    print(f"Wrote {path}, readable by you only.")


if __name__ == "__main__":
    main()
