"""Where PowerPoint 97 to 2003 keeps slides, shapes and text ([MS-PPT], drawings in [MS-ODRAW])."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_SLIDE, _SLIDE_ATOM, _NOTES = 0x03EE, 0x03EF, 0x03F0
_PERSIST_ATOM = 0x03F3
_TEXT_HEADER, _TEXT_CHARS, _TEXT_BYTES, _TEXT_REFERENCE = 0x0F9F, 0x0FA0, 0x0FA8, 0x0F9E
_SLIDE_LIST, _USER_EDIT, _PERSIST_DIRECTORY = 0x0FF0, 0x0FF5, 0x1772
_GROUP, _SHAPE, _TEXT_BOX, _ANCHOR = 0xF003, 0xF004, 0xF00D, 0xF00F
_OPTIONS = frozenset({0xF00B, 0xF121, 0xF122})
_TABLE_OPTION = 0x039F
_CONTAINER = 0x0F
_TITLES, _BODIES, _NOTES_TEXT = (0, 6), (1, 5, 7, 8), 2
_SLIDES_INSTANCE, _NOTES_INSTANCE = 0, 2
_DEEPEST = 50
_MOST_EDITS = 1000
_OTHER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    text: str = ""
    text_type: int = _OTHER
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def is_title(self) -> bool:
        return self.text_type in _TITLES

    @property
    def is_body(self) -> bool:
        return self.text_type in _BODIES


@dataclass(slots=True, kw_only=True)
class Slide:
    shapes: list[Shape] = field(default_factory=list[Shape])
    notes: str = ""


@dataclass(frozen=True, slots=True)
class _Record:
    instance: int
    kind: int
    is_container: bool
    data: bytes

    def children(self) -> Iterator["_Record"]:
        return _records(self.data) if self.is_container else iter(())


@dataclass(slots=True)
class _Listed:
    """A slide as the document lists it, with the texts of its placeholders."""

    persist_id: int
    slide_id: int
    texts: list[Shape]


class Presentation:
    """Raises `ValueError` for a damaged structure."""

    def __init__(self, stream: bytes, last_edit: int) -> None:
        self._stream = stream
        self._offsets, document_id = self._read_directory(last_edit)
        self._document = self._stored(document_id)

    def slides(self) -> list[Slide]:
        """In the order in which they are shown."""
        notes = {listed.slide_id: listed for listed in self._listed(_NOTES_INSTANCE)}
        return [self._slide(listed, notes) for listed in self._listed(_SLIDES_INSTANCE)]

    def _slide(self, listed: _Listed, notes: dict[int, _Listed]) -> Slide:
        record = self._stored(listed.persist_id)
        slide = Slide()
        if record is None:
            slide.shapes = listed.texts
            return slide
        slide.shapes = list(_shapes(record, listed.texts, 0))
        atom = next((child for child in record.children() if child.kind == _SLIDE_ATOM), None)
        if atom is not None and len(atom.data) >= 20:
            (notes_id,) = struct.unpack_from("<I", atom.data, 16)
            if notes_id in notes and (page := self._stored(notes[notes_id].persist_id)):
                texts = _shapes(page, notes[notes_id].texts, 0)
                lines = [shape.text for shape in texts if shape.text_type == _NOTES_TEXT]
                slide.notes = "\n".join(lines).replace("\r", "\n").replace("\x0b", "\n")
        return slide

    def _listed(self, instance: int) -> list[_Listed]:
        found: list[_Listed] = []
        records = self._document.children() if self._document else ()
        for record in records:
            if record.kind == _SLIDE_LIST and record.instance == instance:
                for child in record.children():
                    if child.kind == _PERSIST_ATOM:
                        persist_id, _, _, slide_id = struct.unpack_from("<IIII", child.data.ljust(16, b"\0"))
                        found.append(_Listed(persist_id, slide_id, []))
                    elif found:
                        _gather_text(found[-1].texts, child)
        return found

    def _read_directory(self, edit: int) -> tuple[dict[int, int], int]:
        """Where each object was last stored, from the newest edit back to the first."""
        offsets: dict[int, int] = {}
        document_id = 0
        for _ in range(_MOST_EDITS):
            record = _record_at(self._stream, edit)
            if record is None or record.kind != _USER_EDIT:
                break
            _, _, previous, directory, reference = struct.unpack_from("<IIIII", record.data.ljust(20, b"\0"))
            document_id = document_id or reference
            listed = _record_at(self._stream, directory)
            if listed is not None and listed.kind == _PERSIST_DIRECTORY:
                for persist_id, offset in _directory_entries(listed.data):
                    offsets.setdefault(persist_id, offset)
            if not previous:
                break
            edit = previous
        if not offsets:
            raise ValueError("no directory")
        return offsets, document_id

    def _stored(self, persist_id: int) -> _Record | None:
        offset = self._offsets.get(persist_id)
        return None if offset is None else _record_at(self._stream, offset)


def _directory_entries(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 4 <= len(data):
        (head,) = struct.unpack_from("<I", data, at)
        first, count = head & 0xFFFFF, head >> 20
        at += 4
        for number in range(min(count, (len(data) - at) // 4)):
            yield first + number, struct.unpack_from("<I", data, at + 4 * number)[0]
        at += 4 * count


def _record_at(data: bytes, at: int) -> _Record | None:
    if at + 8 > len(data):
        return None
    head, kind, length = struct.unpack_from("<HHI", data, at)
    return _Record(head >> 4, kind, head & 0xF == _CONTAINER, data[at + 8 : at + 8 + length])


def _records(data: bytes) -> Iterator[_Record]:
    at = 0
    while (record := _record_at(data, at)) is not None:
        yield record
        at += 8 + len(record.data)


def _gather_text(texts: list[Shape], record: _Record) -> None:
    """Adds to the list what a text record says: a header begins a text, characters are its content."""
    if record.kind == _TEXT_HEADER:
        (text_type,) = struct.unpack_from("<I", record.data.ljust(4, b"\0"))
        texts.append(Shape(text_type=text_type))
    elif record.kind in (_TEXT_CHARS, _TEXT_BYTES):
        encoding = "utf-16-le" if record.kind == _TEXT_CHARS else "latin-1"
        kind = texts.pop().text_type if texts else _OTHER
        texts.append(Shape(text=record.data.decode(encoding, "replace"), text_type=kind))


def _shapes(record: _Record, outline: list[Shape], depth: int) -> Iterator[Shape]:
    """The texts of all shapes in drawing order; a group that is a table is one shape."""
    if depth > _DEEPEST:
        return
    if record.kind == _TEXT_BOX:
        yield from _text_box(record, outline)
    elif record.kind == _GROUP and (rows := _table(record)):
        yield Shape(rows=rows)
    else:
        for child in record.children():
            yield from _shapes(child, outline, depth + 1)


def _text_box(record: _Record, outline: list[Shape]) -> Iterator[Shape]:
    texts: list[Shape] = []
    for child in _records(record.data):
        if child.kind == _TEXT_REFERENCE:
            (index,) = struct.unpack_from("<I", child.data.ljust(4, b"\0"))
            texts += outline[index : index + 1]
        else:
            _gather_text(texts, child)
    yield from texts


def _table(group: _Record) -> tuple[tuple[str, ...], ...]:
    """The cells of a table by where they stand; nothing where the group is none."""
    members = list(group.children())
    if not members or not any(_is_table_mark(option) for option in members[0].children()):
        return ()
    cells: dict[tuple[int, int], str] = {}
    for member in members[1:]:
        anchor = next((child for child in member.children() if child.kind == _ANCHOR), None)
        words = " ".join(shape.text for shape in _shapes(member, [], 0))
        if member.kind == _SHAPE and anchor is not None and len(anchor.data) >= 16:
            left, top = struct.unpack_from("<ii", anchor.data)
            # Lines between cells are shapes too, but hold no text.
            if words or (top, left) not in cells:
                cells[top, left] = words
    tops = sorted({top for (top, _), words in cells.items() if words})
    lefts = sorted({left for (_, left), words in cells.items() if words})
    return tuple(tuple(cells.get((top, left), "") for left in lefts) for top in tops)


def _is_table_mark(options: _Record) -> bool:
    if options.kind not in _OPTIONS:
        return False
    count = min(options.instance, len(options.data) // 6)
    return any(
        struct.unpack_from("<H", options.data, 6 * number)[0] & 0x3FFF == _TABLE_OPTION
        for number in range(count)
    )
