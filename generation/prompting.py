"""What a language model is told: the rules, then the sources, then the question.

The order is fixed, and what changes least comes first, so that a server can reuse what it computed for an
earlier prompt with the same beginning.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

from corpus.documents import Chunk
from generation.answers import NO_ANSWER
from generation.errors import PromptTooLongError
from generation.language_model import Message
from retrieval.passages import Passage

PROMPT_VERSION = "answer.v1"

_RULES = (files("generation") / "prompts" / f"{PROMPT_VERSION}.md").read_text(encoding="utf-8")
_REMINDER = "Answer from the sources, citing each statement."
_OUR_TAGS = re.compile(r"<(?=\s*/?\s*(?:sources?|question)\b)", re.IGNORECASE)
_ROLE_TOKENS = re.compile(r"<(?=\|)|\[(?=/?INST\])")


class Prompt:
    """A conversation that asks `question` of as many of `passages`, best first, as fit.

    What room they leave goes to their sections, again best first: no passage gives way to another's section.
    """

    def __init__(self, question: str, passages: Sequence[Passage], *, max_tokens: int) -> None:
        """Raises `PromptTooLongError` when the question leaves no room for any passage."""
        rules = _RULES.format(no_answer=NO_ANSWER).strip()
        asked = f"<question>\n{_harmless(question.strip())}\n</question>\n\n{_REMINDER}"
        left = max_tokens - rough_tokens(rules) - rough_tokens(asked)
        read: list[Passage] = []
        for number, passage in enumerate(passages, start=1):
            alone = replace(passage, section=())
            left -= rough_tokens(_source(number, alone))
            if left < 0:
                break
            read.append(alone)
        if not read:
            raise PromptTooLongError
        self.sources = _with_sections(read, passages, left)
        """The passages that fit, each with the section that was read: number n is `sources[n - 1]`."""
        sources = [_source(number, passage) for number, passage in enumerate(self.sources, start=1)]
        self.messages = (
            Message(role="system", content=rules),
            Message(role="user", content="\n".join(["<sources>", *sources, "</sources>", "", asked])),
        )


def rough_tokens(text: str) -> int:
    """About how many tokens a language model makes of `text`, rather too many than too few.

    Four ASCII characters a token; every other character counts as one, which Chinese comes near to.
    """
    ascii_characters = len(text.encode("ascii", errors="ignore"))
    return -(-ascii_characters // 4) + len(text) - ascii_characters


def _with_sections(read: Sequence[Passage], found: Sequence[Passage], left: int) -> tuple[Passage, ...]:
    """The passages read, with those of their sections that fit into the tokens left."""
    sources: list[Passage] = []
    for number, (alone, whole) in enumerate(zip(read, found, strict=False), start=1):
        more = rough_tokens(_source(number, whole)) - rough_tokens(_source(number, alone))
        fits = more <= left
        left -= more if fits else 0
        sources.append(whole if fits else alone)
    return tuple(sources)


def _source(number: int, passage: Passage) -> str:
    chunk = passage.chunk
    lines = [f'<source id="{number}">', f"Title: {_one_line(passage.title)}"]
    if chunk.heading_path:
        lines.append(f"Section: {_one_line(' > '.join(chunk.heading_path))}")
    if passage.document_date:
        lines.append(f"Date: {_one_line(passage.document_date)}")
    return "\n".join([*lines, "", _harmless(_read_text(passage.read_chunks).strip()), "</source>"])


def _read_text(chunks: Sequence[Chunk]) -> str:
    """Neighbouring chunks as one text; between them the canonical text has white space only."""
    text = chunks[0].read_text
    for before, chunk in pairwise(chunks):
        text += "\n" * min(chunk.start - before.end, 2) + chunk.text
    return text


def _one_line(text: str) -> str:
    return _harmless(" ".join(text.split()))


def _harmless(text: str) -> str:
    """`text` with a space in whatever could end its source early or pass for a turn of the conversation."""
    return _ROLE_TOKENS.sub(lambda found: found[0] + " ", _OUR_TAGS.sub("< ", text))
