"""All that can be set, read once: environment (`SOURCEBOOK_…`), then `sourcebook.toml`, then defaults."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from corpus.reserve import RESERVE_BYTES, Reserve
from generation.settings import AnsweringSettings, ExtractionSettings, LanguageModelSettings
from ingest.chunking import ChunkingSettings
from ingest.connectors.settings import ConnectorsSettings
from ingest.jobs import JobsSettings
from retrieval.settings import EmbeddingSettings, IndexSettings


class IndexPlace(BaseModel):
    """Where chunks are indexed: in the data folder (Qdrant Edge), or on a Qdrant server or cluster."""

    url: str = ""
    """Of the server; empty keeps the index in the data folder."""
    api_key: SecretStr = SecretStr("")


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
    reserve_bytes: int = Field(default=RESERVE_BYTES, ge=0)
    """Room kept free on the data folder's disk: with less, uploads are refused and documents wait."""
    index: IndexPlace = IndexPlace()
    retrieval: IndexSettings = IndexSettings()
    generation: LanguageModelSettings = LanguageModelSettings()
    """The language model; with an empty `base_url`, answers quote the documents without one."""
    answering: AnsweringSettings = AnsweringSettings()
    extraction: ExtractionSettings = ExtractionSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    """These two make another index, which `sourcebook reindex` builds; until then the present one answers."""
    jobs: JobsSettings = JobsSettings()
    crash_at: str = ""
    """For tests: `point:n` kills the process at a point of `corpus/crash_points.py`."""
    secret_key: SecretStr = SecretStr("")
    """Seals the connectors' secrets: keys of `sourcebook connectors new-key`, separated by commas, the newest
    first. Empty uses `secret.key` in the data folder."""
    connectors: ConnectorsSettings = ConnectorsSettings()
    """Which hosts and folders connectors may read; none by default."""

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def is_embedded(self) -> bool:
        """Whether one process owns everything in the data folder."""
        return not self.database_url and not self.index.url

    @property
    def embedder_folder(self) -> str:
        """Absolute, since it is kept with the index; empty for the model that is installed with us."""
        return str(Path(self.embedding.model).expanduser().absolute()) if self.embedding.model else ""

    @property
    def reserve(self) -> Reserve:
        return Reserve(self.data, self.reserve_bytes)

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
