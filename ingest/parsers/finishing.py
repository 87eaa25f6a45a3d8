"""The last step of every parser: a title, a language, and no document without text."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ingest.errors import EmptyDocumentError
from ingest.parsed import BlockKind, ParsedDocument, ParsedDocumentBuilder
from ingest.parsers.language import UNKNOWN, detect_language

_LONGEST_TITLE = 300
_HEADING_WITHIN_BLOCKS = 10
_COVER_HEADINGS = 3


def finish(
    builder: ParsedDocumentBuilder,
    *,
    name: str,
    title: str | None = None,
    pages: int | None = None,
    warnings: Sequence[str] = (),
    heading_as_title: bool = False,
) -> ParsedDocument:
    """The parsed document, titled by itself, by its first heading where asked, or else by its file name.

    Raises `EmptyDocumentError` when the builder holds no text.
    """
    if not builder.has_text:
        raise EmptyDocumentError(f"'{name}' holds no text.")
    document = builder.build(title="", language=UNKNOWN, pages=pages, warnings=warnings)
    titles = [title, _first_heading(document) if heading_as_title else None, file_stem(name)]
    shown = next(words for one in titles if (words := " ".join((one or "").split())))
    return replace(document, title=shown[:_LONGEST_TITLE], language=detect_language(document.text))


def _first_heading(document: ParsedDocument) -> str | None:
    """The first heading, if it stands near the beginning; all headings of a cover page that holds no more."""
    first = document.blocks[0]
    cover = [block for block in document.blocks if block.page == first.page] if first.page else [first]
    if first.kind is BlockKind.HEADING and all(block.kind is BlockKind.HEADING for block in cover):
        return ": ".join(document.text[block.start : block.end] for block in cover[:_COVER_HEADINGS])
    for block in document.blocks[:_HEADING_WITHIN_BLOCKS]:
        if block.kind is BlockKind.HEADING:
            return document.text[block.start : block.end]
    return None


def file_stem(name: str) -> str:
    """`report` for `folder/report.pdf`."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem or name
