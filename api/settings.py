"""All that can be set, read once: environment (`SOURCEBOOK_…`), then `sourcebook.toml`, then defaults."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ingest.chunking import ChunkingSettings
from ingest.jobs import JobsSettings
from retrieval.fusion import Fusion


class IndexPlace(BaseModel):
    """Where chunks are indexed: in the data folder, or on a Qdrant server."""

    url: str = ""
    """Of a Qdrant server or cluster; empty keeps the index in the data folder (Qdrant Edge)."""
    api_key: SecretStr = SecretStr("")
    fusion: Fusion = Fusion.SCORES
    candidates: int = Field(default=200, ge=10)
    exploration: int = Field(default=128, ge=16)


class GenerationPlace(BaseModel):
    """Who writes the answers: the extractive answerer, or a language model on an OpenAI-style server."""

    base_url: str = ""
    """With its `/v1`; empty answers by quoting the documents, without a language model."""
    model: str = ""
    """Empty takes the first model the server lists."""
    api_key: SecretStr = SecretStr("")
    temperature: float = 0.0
    max_tokens: int = 1024
    max_prompt_tokens: int = 6000
    passages: int = Field(default=10, ge=1, le=50)
    """Passages read for an answer."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SOURCEBOOK_",
        env_nested_delimiter="__",
        toml_file="sourcebook.toml",
        extra="ignore",
        frozen=True,
    )

    data: Path = Path("~/.sourcebook")
    """The data folder: record, uploaded files, index."""
    database_url: str = ""
    """Of a PostgreSQL database (`postgresql+psycopg://…`); empty keeps SQLite in the data folder."""
    max_upload_bytes: int = 2 << 30
    index: IndexPlace = IndexPlace()
    generation: GenerationPlace = GenerationPlace()
    chunking: ChunkingSettings = ChunkingSettings()
    jobs: JobsSettings = JobsSettings()

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def is_embedded(self) -> bool:
        """Whether one process owns everything in the data folder."""
        return not self.database_url and not self.index.url

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data / 'sourcebook.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic-settings names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)
