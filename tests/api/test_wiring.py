"""Which parts the settings choose."""

from pathlib import Path

import pytest

from api.settings import Settings
from api.wiring import open_passages
from corpus.catalog import Catalog
from corpus.database import Database
from generation.settings import LanguageModelSettings
from retrieval.adapters.in_memory import InMemoryIndex
from retrieval.adapters.sentence_transformers import MiniLmEmbedder
from retrieval.retriever import Retriever
from retrieval.sections import SectionRetriever


@pytest.mark.parametrize(
    ("base_url", "section_tokens", "reader"),
    [
        ("http://127.0.0.1:1/v1", 512, SectionRetriever),
        ("http://127.0.0.1:1/v1", 0, Retriever),
        ("", 512, Retriever),
    ],
)
def test_only_a_language_model_reads_sections(
    base_url: str, section_tokens: int, reader: type, tmp_path: Path, embedder: MiniLmEmbedder
) -> None:
    catalog = Catalog(Database(f"sqlite:///{tmp_path / 'record.db'}"))
    language_model = LanguageModelSettings(base_url=base_url, section_tokens=section_tokens)
    settings = Settings(data=tmp_path, generation=language_model)
    assert type(open_passages(settings, Retriever(InMemoryIndex(), embedder, catalog), catalog)) is reader
