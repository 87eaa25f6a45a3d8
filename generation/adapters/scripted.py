"""A language model whose replies are given by a function: for demonstrations and tests."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence

from generation.answers import FinishReason, Usage
from generation.language_model import Finished, Message, ReplyEvent, TextDelta
from generation.prompting import rough_tokens

_PIECE = re.compile(r"\s*\S+|\s+\Z")

Reply = Callable[[Sequence[Message]], str | Sequence[str]]
"""From the conversation to the reply: a text, streamed word by word, or its very pieces."""


class ScriptedLanguageModel:
    def __init__(self, reply: Reply, *, model: str = "scripted") -> None:
        self._reply = reply
        self._model = model

    @property
    def model(self) -> str:
        return self._model

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[ReplyEvent, None]:
        reply = self._reply(messages)
        pieces = _PIECE.findall(reply) if isinstance(reply, str) else [piece for piece in reply if piece]
        for piece in pieces:
            yield TextDelta(text=piece)
        usage = Usage(
            input_tokens=sum(rough_tokens(message.content) for message in messages),
            output_tokens=rough_tokens("".join(pieces)),
        )
        yield Finished(finish_reason=FinishReason.STOP, usage=usage)
