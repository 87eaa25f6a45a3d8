"""What can be set about answering."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModelSettings:
    """Where the language model is, and how long to wait for it."""

    base_url: str = ""
    """Of an OpenAI-style server, with its `/v1`; empty means that there is no language model."""
    model: str = ""
    """Name of the model; empty takes the first that the server lists."""
    api_key: str = field(default="", repr=False)
    temperature: float = 0.0
    max_tokens: int = 1024
    """The longest answer, in the model's tokens."""
    max_prompt_tokens: int = 6000
    """What instructions, passages and question may take together, by a rough estimate."""
    section_tokens: int = 512
    """The longest section read around a passage where the prompt has room, in the embedder's tokens.

    With 0 passages are read alone.
    """
    connect_timeout_seconds: float = 5.0
    first_token_timeout_seconds: float = 60.0
    """From the question to the first word, retries and waiting in the server's queue included."""
    token_timeout_seconds: float = 30.0
    """The longest silence within an answer."""
    total_timeout_seconds: float = 300.0
    max_retries: int = 2
    """How often a request is repeated that was refused before its first word."""
    max_retry_wait_seconds: float = 5.0
    """A server that asks for more patience than this is reported as busy at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweringSettings:
    passages: int = 10
    """How many passages are retrieved for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionSettings:
    """How the extractive writer reads and when it keeps silent."""

    passages: int = 8
    """How many of the retrieved passages are read."""
    max_candidates: int = 20
    """How many sentences are embedded: most of what an answer costs in time."""
    remembered_sentences: int = 20_000
    """How many sentences keep their vector in memory, at 1.5 kB each."""
    max_sentences: int = 3
    min_share: float = 0.06
    """A further sentence is quoted that answers with this probability, supposing that any does."""
    min_probability: float = 0.2
    """Probability of an answer below which the writer refuses.

    Low on purpose: over all styles of question refusals are balanced best at 0.5, but there only 40 % of the
    sample's answerable questions are answered, here 87 % (docs/benchmarks.md, Answers).
    """
