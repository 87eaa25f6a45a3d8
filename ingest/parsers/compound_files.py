"""Opening OLE compound files ([MS-CFB]), in which Office 97-2003 and Outlook keep their streams."""

import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import olefile

from ingest.errors import CorruptDocumentError
from ingest.parsers.decoding import decode


class CompoundFile:
    """Its streams by path, such as `WordDocument` or `folder/stream`."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __contains__(self, path: str) -> bool:
        return bool(self._file.exists(path))

    def read(self, path: str) -> bytes:
        """Raises `OSError` for a damaged, shortened or missing stream."""
        with self._file.openstream(path) as stream:
            data: bytes = stream.read()
        if len(data) < self._file.get_size(path):
            raise OSError(f"{path} breaks off")
        return data

    def title(self) -> str | None:
        """The title among the document's properties."""
        properties = self._file.get_metadata()
        title = properties.title
        if not isinstance(title, bytes):
            return title
        code_page = properties.codepage or 0
        return decode(title, "utf-8" if code_page == 65001 else f"cp{code_page}").strip()


_open: Any = olefile.OleFileIO


@contextmanager
def open_compound_file(path: Path, name: str, kind: str) -> Generator[CompoundFile]:
    """`kind` says in the error what the file should be. Raises `CorruptDocumentError`, in the body too."""
    try:
        with path.open("rb") as source, _open(source) as file:
            yield CompoundFile(file)
    except (OSError, IndexError, ValueError, KeyError, EOFError, struct.error) as error:
        raise CorruptDocumentError(f"'{name}' is damaged and cannot be opened as {kind}.") from error
