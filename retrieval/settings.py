"""What may be tuned about searching."""

from dataclasses import dataclass

from retrieval.fusion import Fusion


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingSettings:
    model: str = ""
    """Folder of a sentence-transformers model; empty takes the MiniLM that is installed with us."""
    dimension: int = 0
    """Numbers of a vector that are kept; 0 keeps all. Fewer make a smaller index that finds less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    fusion: Fusion = Fusion.SCORES
    candidates: int = 200
    """How deep each of the two rankings of a hybrid search goes before they are fused."""
    exploration: int = 128
    """HNSW's `ef`: more finds more of the true neighbours and takes longer."""
