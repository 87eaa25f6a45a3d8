"""The seam between what was found and what is said."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from generation.answers import AnswerDelta, AnswerDone, CitationMade
from retrieval.passages import Passage

WriterEvent = AnswerDelta | CitationMade | AnswerDone


class Writer(Protocol):
    """Writes an answer from passages, best passage first.

    Yields deltas; `CitationMade(n)` before the delta that first shows `[n]`; then one `AnswerDone`.
    The deltas joined are the answer's text. Closing the iterator stops the work behind it.
    """

    @property
    def model(self) -> str:
        """Name shown beside the answer."""
        ...

    def write(self, question: str, passages: Sequence[Passage]) -> AsyncGenerator[WriterEvent, None]: ...
