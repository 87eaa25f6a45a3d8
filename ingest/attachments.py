"""A mail and what it carries become one document.

They belong together for their reader: found under one title, replaced and deleted as one. As documents of
their own, attachments would be left behind when their mail is deleted, and lose who sent them when. The
price: an attached PDF is cited by its text, not by boxes on its pages.

Runs outside of the sandbox and trusts nothing: it only joins texts. Each attachment is parsed in a child
of its own, so that one which crashes its reader costs a warning and not the mail.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.archives import ArchiveLimits, ArchiveMember, Budget, expand_within
from ingest.errors import ArchiveRefusedError, EmptyDocumentError, IngestError
from ingest.parsed import Attachment, ParsedDocument, ParsedDocumentBuilder
from ingest.sniffing import sniff

ParseAlone = Callable[[Path, str, str], ParsedDocument]
"""Parses the file at a path, of a name and media type, and leaves its attachments unread."""

LIMITS = ArchiveLimits(total_bytes=1 << 30, members=1000)
"""What all attachments of one upload may amount to, with those in attached mails and archives."""


def read_with_attachments(
    parse: ParseAlone, path: Path, name: str, media_type: str, limits: ArchiveLimits = LIMITS
) -> ParsedDocument:
    """The file at `path` with every attachment that can be read; the others are named in its warnings.

    Raises what `parse` raises for the file itself.
    """
    return _Reader(parse, Budget(limits, name)).read(path, name, media_type, limits.depth)


class _Reader:
    """Reads one upload: all its attachments draw on one budget."""

    def __init__(self, parse: ParseAlone, budget: Budget) -> None:
        self._parse = parse
        self._budget = budget

    def read(self, path: Path, name: str, media_type: str, depth: int) -> ParsedDocument:
        document = self._parse(path, name, media_type)
        if not document.attachments:
            return document
        builder = ParsedDocumentBuilder()
        warnings = list(document.warnings)
        done = 0
        for attachment in document.attachments:
            builder.include(document.text, document.blocks[done : attachment.position])
            done = attachment.position
            warnings += self._add(builder, attachment, depth - 1)
        builder.include(document.text, document.blocks[done:])
        return replace(
            builder.build(title=document.title, language=document.language), warnings=tuple(warnings)
        )

    def _add(self, builder: ParsedDocumentBuilder, attachment: Attachment, depth: int) -> Sequence[str]:
        """Adds the attachment under its name; returns what could not be read of it."""
        warnings: list[str] = []
        try:
            for member in self._files(attachment, depth):
                warnings += self._add_file(builder, member, attachment.level, depth)
        except IngestError as error:
            warnings.append(_not_read(error))
        return warnings

    def _files(self, attachment: Attachment, depth: int) -> Iterator[ArchiveMember]:
        """The attachment, or the files in it where it is an archive."""
        if depth < 0:
            raise ArchiveRefusedError(f"'{attachment.name}' lies too deep in other mails.")
        self._budget.take_member()
        self._budget.take_bytes(len(attachment.data))
        with tempfile.TemporaryDirectory(prefix="sourcebook-") as folder:
            path = Path(folder) / "attachment"
            path.write_bytes(attachment.data)
            yield from expand_within(path, attachment.name, Path(folder), self._budget, depth)

    def _add_file(
        self, builder: ParsedDocumentBuilder, file: ArchiveMember, level: int, depth: int
    ) -> Sequence[str]:
        try:
            document = self.read(file.path, file.name, sniff(file.path, file.name), depth)
        except EmptyDocumentError:
            # Signatures and logos come with every second mail: nothing is missed without them.
            return ()
        except IngestError as error:
            return (_not_read(error),)
        builder.heading(f"Attachment: {file.name}", level)
        builder.include(document.text, document.blocks, below=level)
        return document.warnings


def _not_read(error: IngestError) -> str:
    return f"An attachment was not read: {error}"
