"""The seam to whatever continues a conversation in words."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from generation.answers import FinishReason, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """A piece of the reply, never empty."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of a whole reply; always last."""

    finish_reason: Literal[FinishReason.STOP, FinishReason.LENGTH]
    usage: Usage


ReplyEvent = TextDelta | Finished


class LanguageModel(Protocol):
    @property
    def model(self) -> str:
        """Name of the model, shown beside its answers."""
        ...

    def stream(self, messages: Sequence[Message]) -> AsyncGenerator[ReplyEvent, None]:
        """Yields the reply as it is made, then one `Finished`.

        Closing the generator stops the model. Raises the errors of `generation.errors`, at any point.
        """
        ...
