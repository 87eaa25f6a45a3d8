"""From a connector's options to its origin, within what the administrator allows."""

import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from ingest.connectors.connectors import ConnectorId
from ingest.connectors.errors import OriginRefusedError
from ingest.connectors.folder import FolderOrigin
from ingest.connectors.git import GitOrigin, remote_of
from ingest.connectors.guard import HostRules, guarded_client
from ingest.connectors.options import FolderOptions, GitOptions, Options, S3Options, WebsiteOptions
from ingest.connectors.origin import Origin, Selection
from ingest.connectors.pages import plain_address
from ingest.connectors.s3 import S3Origin, endpoint_of
from ingest.connectors.settings import ConnectorsSettings
from ingest.connectors.visits import Login, Visits
from ingest.connectors.website import WebsiteOrigin, is_below


class Origins:
    def __init__(self, settings: ConnectorsSettings, data: Path) -> None:
        """`data`: Sourcebook's own folder, which no connector reads and where mirrors of repositories lie."""
        self._settings = settings
        self._data = data.resolve()
        self._rules = HostRules(tuple(host.lower() for host in settings.allowed_hosts))
        self._folders = tuple(folder.expanduser().resolve() for folder in settings.allowed_folders)

    def check(self, options: Options, secrets: dict[str, str]) -> None:
        """Raises `OriginRefusedError` for what could never be opened. Contacts nobody but the resolver."""
        with self.open(ConnectorId("unsaved"), options, lambda: secrets):
            if isinstance(options, S3Options):
                self._judge(endpoint_of(options))
            if isinstance(options, WebsiteOptions):
                self._judge(options.url)

    @contextmanager
    def open(
        self, connector_id: ConnectorId, options: Options, secrets: Callable[[], dict[str, str]]
    ) -> Generator[Origin]:
        match options:
            case FolderOptions():
                selection = Selection(include=options.include, exclude=options.exclude)
                yield FolderOrigin(self._allowed_folder(options.path), selection)
            case GitOptions():
                remote = remote_of(options, secrets(), self._rules, self._folders)
                yield GitOrigin(options, remote, self._mirror(connector_id))
            case S3Options():
                with guarded_client(self._rules) as http:
                    yield S3Origin(options, secrets(), http, max_item_bytes=self._settings.max_item_bytes)
            case WebsiteOptions():
                with self._website(options, secrets().get("password", "")) as website:
                    yield website

    def _judge(self, address: str) -> None:
        """Asks the guard beforehand, while an administrator waits; it decides again at every connection."""
        url = httpx.URL(address)
        self._rules.resolve(url.host, url.port or (443 if url.scheme == "https" else 80))

    def forget(self, connector_id: ConnectorId) -> None:
        """Removes what an origin keeps on disk from one sync to the next."""
        shutil.rmtree(self._mirror(connector_id), ignore_errors=True)

    @contextmanager
    def _website(self, options: WebsiteOptions, password: str) -> Generator[WebsiteOrigin]:
        start = plain_address(options.url)
        if start is None:
            raise OriginRefusedError("A website's address reads https://host/path, without a password in it.")
        if bool(options.username) != bool(password):
            raise OriginRefusedError(
                "A website needs both, the option username and the secret password, or neither."
            )
        login = Login(start=start, username=options.username, password=password) if password else None
        with (
            guarded_client(self._rules) as http,
            tempfile.TemporaryDirectory(prefix="sourcebook-crawl-") as folder,
        ):
            visits = Visits(
                http,
                lambda address: is_below(address, start),
                pause_seconds=options.pause_seconds,
                login=login,
            )
            limit = self._settings.max_item_bytes
            yield WebsiteOrigin(options, start, visits, Path(folder), max_item_bytes=limit)

    def _allowed_folder(self, path: str) -> Path:
        folder = Path(path).expanduser().resolve()
        if folder.is_relative_to(self._data) or self._data.is_relative_to(folder):
            raise OriginRefusedError("A connector cannot follow a folder that holds Sourcebook's own data.")
        if not any(folder.is_relative_to(allowed) for allowed in self._folders):
            raise OriginRefusedError(
                f"Connectors may not read {folder}. "
                "An administrator can add it to SOURCEBOOK_CONNECTORS__ALLOWED_FOLDERS."
            )
        return folder

    def _mirror(self, connector_id: ConnectorId) -> Path:
        return self._data / "connectors" / connector_id / "mirror.git"
