"""A real vLLM server on CPU with a real, tiny model: the whole path from passages to a streamed answer.

The model is far too weak to answer well, so nothing here looks at what it says.
"""

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from corpus.documents import Chunk, DocumentId
from generation.adapters.openai import OpenAILanguageModel
from generation.answers import AnswerDelta, AnswerDone, CitationMade, FinishReason, Support
from generation.errors import PromptTooLongError
from generation.language_model import Finished, Message, TextDelta
from generation.language_model_writer import LanguageModelWriter
from generation.settings import LanguageModelSettings
from retrieval.passages import Passage

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("SOURCEBOOK_VLLM_ENV") or ROOT / ".venv-vllm") / "bin" / "python"
MODEL = Path(os.environ.get("SOURCEBOOK_VLLM_MODEL") or ROOT / ".cache" / "smollm2")
START_SECONDS = 400
TEXTS = (
    "Full-time staff receive 25 days of annual leave. Up to 5 days may be carried over to the next year.",
    "Parking permits are renewed every January. The fee is 40 euros.",
    "Sick leave needs a medical certificate from the third day on.",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    if not PYTHON.is_file() or not (MODEL / "config.json").is_file():
        pytest.skip(f"no {PYTHON} or no {MODEL}: run `make vllm-env`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(port), env=environment(), stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_until_healthy(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)
    assert not is_alive(process.pid), "the server left a process behind"


def command(port: int) -> list[str]:
    module = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server"]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    model = ["--model", str(MODEL), "--served-model-name", "smollm2"]
    return [*module, *address, *model, "--enforce-eager", "--max-model-len", "4096", "--max-num-seqs", "4"]


def environment() -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
    }


def wait_until_healthy(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")[-4000:]
        with suppress(httpx.TransportError):
            if httpx.get(address, trust_env=False).status_code == 200:
                return
        time.sleep(0.5)
    pytest.fail("vLLM did not start:\n" + log.read_text(errors="replace")[-4000:])


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the server and its engine, which share a process group."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def is_alive(group: int) -> bool:
    """Whether a process of the group, zombies aside, is still there after a grace period."""
    for _ in range(100):
        states = [
            stat.read_text().rpartition(")")[2].split()
            for stat in Path("/proc").glob("[0-9]*/stat")
            if stat.is_file()
        ]
        if not any(int(fields[2]) == group and fields[0] != "Z" for fields in states):
            return False
        time.sleep(0.1)
    return True


def language_model(server: str, *, max_tokens: int = 64) -> OpenAILanguageModel:
    return OpenAILanguageModel(
        LanguageModelSettings(
            base_url=f"{server}/v1",
            max_tokens=max_tokens,
            first_token_timeout_seconds=180,
            token_timeout_seconds=120,
        )
    )


def passages() -> list[Passage]:
    return [
        Passage(
            rank=number,
            score=1 / number,
            similarity=0.5,
            chunk=Chunk(
                document_id=DocumentId(f"doc_{number}"),
                version=1,
                number=0,
                start=10,
                end=10 + len(text),
                text=text,
                heading_path=("Leave",),
                page=None,
                regions=(),
                language="en",
                tokens=30,
            ),
            title="Staff handbook",
            path="handbook.md",
            media_type="text/markdown",
            collection="hr",
        )
        for number, text in enumerate(TEXTS, start=1)
    ]


def shares_words(sentence: str, quotes: Sequence[str]) -> Support:
    found = set(sentence.split()) & set(" ".join(quotes).split())
    return Support.SUPPORTED if found else Support.UNSUPPORTED


def running_requests(server: str) -> float:
    metrics = httpx.get(f"{server}/metrics", trust_env=False, timeout=60).text
    return sum(
        float(value) for value in re.findall(r"^vllm:num_requests_running\{.*\} (\S+)$", metrics, re.M)
    )


def test_an_answer_streams_from_a_real_server(server: str) -> None:
    async def run() -> list[AnswerDelta | CitationMade | AnswerDone]:
        model = language_model(server)
        writer = LanguageModelWriter(model, support_of=shares_words, max_prompt_tokens=3000)
        events = [event async for event in writer.write("How many days of leave do staff get?", passages())]
        assert writer.model == "smollm2"
        return events

    *before, done = asyncio.run(run())
    assert isinstance(done, AnswerDone)
    answer = done.answer
    deltas = [event.delta for event in before if isinstance(event, AnswerDelta)]
    assert "".join(deltas) == answer.text
    if answer.answerable:
        assert len(deltas) > 3
        assert answer.usage.input_tokens > 100
        assert answer.usage.output_tokens >= 1
    assert {int(n) for n in re.findall(r"\[(\d{1,3})\]", answer.text)} == {c.n for c in answer.citations}
    for citation in answer.citations:
        text = citation.passage.chunk.text
        assert text[citation.start - 10 : citation.end - 10] == citation.quote


def test_the_reply_comes_in_pieces_and_stops_at_its_limit(server: str) -> None:
    async def run() -> list[TextDelta | Finished]:
        story = [Message(role="user", content="Tell me a very long story about the sea.")]
        return [event async for event in language_model(server, max_tokens=24).stream(story)]

    *deltas, finished = asyncio.run(run())
    assert len(deltas) > 5
    assert isinstance(finished, Finished)
    assert finished.finish_reason is FinishReason.LENGTH
    assert finished.usage.output_tokens == 24


def test_closing_the_stream_stops_the_model(server: str) -> None:
    async def run() -> None:
        story = [Message(role="user", content="Count from one to two thousand in words.")]
        stream = language_model(server, max_tokens=3000).stream(story)
        for _ in range(3):
            assert isinstance(await anext(stream), TextDelta)
        assert running_requests(server) == 1
        await stream.aclose()
        for _ in range(300):
            if running_requests(server) == 0:
                return
            await asyncio.sleep(0.1)
        pytest.fail("the server still works on a reply that nobody reads")

    asyncio.run(run())


def test_a_prompt_beyond_the_model_is_told_as_such(server: str) -> None:
    async def run() -> None:
        question = [Message(role="user", content="word " * 6000)]
        async for _ in language_model(server).stream(question):
            pass

    with pytest.raises(PromptTooLongError):
        asyncio.run(run())
