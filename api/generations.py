"""From settings to index generations: how they are named, recorded and opened."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from api.settings import Settings
from corpus.errors import ConfigurationError
from corpus.generations import Generation
from corpus.reserve import Reserve
from ingest.chunking import CHUNKER, Chunker, ChunkingSettings
from ingest.generations import OpenGeneration
from ingest.rebuilding import Recipe
from retrieval.adapters.qdrant_edge import QdrantEdgeIndex
from retrieval.embedding import Embedder
from retrieval.index import Index, generation_name
from retrieval.indexing import Indexer
from retrieval.truncation import TruncatedEmbedder

OpenEmbedder = Callable[[str], Embedder]
"""By the folder of the model; an empty one is the model that is installed with us."""


def recipe(settings: Settings, embedder: Embedder) -> Recipe:
    """What the settings ask for; `embedder` is theirs."""
    dimension = settings.embedding.dimension or embedder.dimension
    chunking = settings.chunking
    chunker = f"{CHUNKER}-{chunking.max_tokens}-{chunking.min_tokens}"
    return Recipe(
        name=generation_name(embedder.model, dimension, chunker),
        parts={
            "folder": settings.embedder_folder,
            "model": embedder.model,
            "dimension": dimension,
            "chunker": CHUNKER,
            "max_tokens": chunking.max_tokens,
            "min_tokens": chunking.min_tokens,
        },
    )


def generation_opener(
    settings: Settings, open_embedder: OpenEmbedder
) -> Callable[[Generation], OpenGeneration]:
    """Opens a generation by its own recipe, whatever the settings want by now."""

    def open_one(generation: Generation) -> OpenGeneration:
        wanted = generation.recipe
        embedder = used = open_embedder(wanted["folder"])
        if wanted["model"] != embedder.model:
            raise ConfigurationError(
                f"The index '{generation.name}' was built with the embedder {wanted['model']}, and in"
                f" {wanted['folder'] or 'this installation'} is {embedder.model}. Put the former back."
            )
        if wanted["dimension"] != embedder.dimension:
            used = TruncatedEmbedder(embedder, wanted["dimension"])
        index = open_index(settings, used.dimension, generation.name)
        chunking = ChunkingSettings(max_tokens=wanted["max_tokens"], min_tokens=wanted["min_tokens"])
        return OpenGeneration(
            number=generation.number,
            chunker=Chunker(used, chunking),
            embedder=used,
            indexer=Indexer(index, used),
            index=index,
        )

    return open_one


def open_index(settings: Settings, dimension: int, name: str, folder: Path | None = None) -> Index:
    """The index of that name: in the data folder (or in `folder`), or on the server that is set."""
    if settings.index.url:
        key = settings.index.api_key.get_secret_value() or None
        # The client of a server is 50 MB and a second of loading: the embedded shape does without.
        qdrant = import_module("retrieval.adapters.qdrant")
        return qdrant.QdrantIndex(
            settings.index.url, name=name, dimension=dimension, settings=settings.retrieval, api_key=key
        )
    place = folder or settings.data / "index" / name
    reserve = Reserve(place if folder else settings.data, settings.reserve_bytes)
    return QdrantEdgeIndex(place, dimension=dimension, settings=settings.retrieval, reserve=reserve)
