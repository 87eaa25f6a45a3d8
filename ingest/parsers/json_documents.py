"""JSON and JSON lines: a list of like records is a table, anything else lines of `path: value`."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ingest.errors import LimitExceededError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.decoding import decode
from ingest.parsers.finishing import finish
from ingest.parsers.text import add_paragraphs

MAX_VALUES = 2_000_000
_WIDEST_TABLE = 30
_LONGEST_CELL = 200
_LARGEST_RECORD = 40
"""Values that are kept in one block."""


def parse_json(path: Path, name: str) -> ParsedDocument:
    """What is no JSON is kept as the text that it is.

    Raises `EmptyDocumentError`, or `LimitExceededError` for absurdly deep nesting and above `MAX_VALUES`.
    """
    text = decode(path.read_bytes())
    builder = ParsedDocumentBuilder()
    try:
        _Writer(builder, name).add(_loaded(text))
    except RecursionError as error:
        raise LimitExceededError(f"'{name}' is nested too deep.") from error
    except ValueError:
        add_paragraphs(builder, text, BlockKind.CODE)
    return finish(builder, name=name)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


class _Writer:
    def __init__(self, builder: ParsedDocumentBuilder, name: str) -> None:
        self._builder = builder
        self._name = name
        self._values = 0

    def add(self, value: Any, path: str = "") -> None:
        """Adds one block per small record, and goes on inside of a large one."""
        if isinstance(value, list):
            self._add_list(value, path)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, dict) and (lines := list(islice(_lines(value, path), _LARGEST_RECORD + 1))):  # pyright: ignore[reportUnknownArgumentType]
            if len(lines) > _LARGEST_RECORD or any(line is None for line in lines):
                self._add_object(value, path)  # pyright: ignore[reportUnknownArgumentType]
            else:
                self._add_lines([line for line in lines if line is not None])
        else:
            self._add_lines([(path, value)])

    def _add_list(self, values: list[Any], path: str) -> None:
        if columns := _columns(values):
            if path:
                self._builder.block(BlockKind.CAPTION, path)
            rows = [[_plain(record.get(column)) for column in columns] for record in values]
            self._count(len(rows) * len(columns))
            self._builder.table([columns, *rows])
        elif any(isinstance(value, (list, dict)) for value in values):
            for value in values:
                self.add(value, path)
        else:
            self._add_lines([(path, values)])

    def _add_object(self, record: dict[str, Any], path: str) -> None:
        plain = {key: value for key, value in record.items() if _is_plain(value)}
        self._add_lines([(_joined(path, key), value) for key, value in plain.items()])
        for key, value in record.items():
            if key not in plain:
                self.add(value, _joined(path, key))

    def _add_lines(self, values: list[tuple[str, Any]]) -> None:
        self._count(len(values))
        lines = [f"{path}: {_plain(value)}" if path else _plain(value) for path, value in values]
        self._builder.block(BlockKind.PARAGRAPH, "\n".join(lines))

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise LimitExceededError(f"'{self._name}' has more than {MAX_VALUES:,} values.")


def _columns(values: list[Any]) -> list[str]:
    """The keys of a list of flat records with short values that mostly have the same keys; else nothing."""
    if len(values) < 2 or not all(isinstance(value, dict) for value in values):
        return []
    keys = list(dict.fromkeys(key for record in values for key in record))
    filled = sum(len(record) for record in values)
    is_flat = all(_is_cell(value) for record in values for value in record.values())
    if not is_flat or len(keys) > _WIDEST_TABLE or 2 * filled < len(keys) * len(values):
        return []
    return keys


def _is_cell(value: Any) -> bool:
    return not isinstance(value, (list, dict, str)) or (isinstance(value, str) and len(value) < _LONGEST_CELL)


def _lines(record: dict[str, Any], path: str) -> Iterator[tuple[str, Any] | None]:
    """The plain values in a record and in the records in it; `None` for a list of records."""
    for key, value in record.items():
        inner = _joined(path, key)
        if _is_plain(value):
            yield inner, value
        elif isinstance(value, dict):
            yield from _lines(value, inner)  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield None


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(one, (list, dict)) for one in value)  # pyright: ignore[reportUnknownVariableType]
    return not isinstance(value, dict)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str):
        return value.strip()
    return "" if value is None else json.dumps(value, ensure_ascii=False)
