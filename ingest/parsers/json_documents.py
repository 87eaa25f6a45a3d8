"""JSON and JSON lines: a list of like records is a table, anything else lines of `path: value`."""

import json
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
        """Adds one block per record of a list and per group of plain values of an object."""
        if isinstance(value, list):
            self._add_list(value, path)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, dict):
            self._add_object(value, path)  # pyright: ignore[reportUnknownArgumentType]
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
            self._add_lines([(path, value) for value in values])

    def _add_object(self, record: dict[str, Any], path: str) -> None:
        plain = [(key, value) for key, value in record.items() if not isinstance(value, (list, dict))]
        self._add_lines([(_joined(path, key), value) for key, value in plain])
        for key, value in record.items():
            if isinstance(value, (list, dict)):
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


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return "" if value is None else json.dumps(value, ensure_ascii=False)
