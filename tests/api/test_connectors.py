"""Connectors over HTTP and on the command line."""

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from api.settings import Settings
from api.wiring import Sourcebook, open_sourcebook
from ingest.connectors.settings import ConnectorsSettings
from tests.servers.s3 import REGION, Bucket, s3_store

URL = "/api/v1/connectors"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("files") / "handbook"
    root.mkdir()
    (root / "leave.md").write_text("# Leave\n\nEvery employee has 27 days of paid leave a year.\n")
    (root / "travel.md").write_text("# Travel\n\nA hotel night may cost up to 140 euros.\n")
    return root


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with s3_store() as bucket:
        bucket.objects = {"a.md": b"# A\n\nThe pump runs.\n", "../b.md": b"# B"}
        yield bucket


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, root: Path, bucket: Bucket) -> Settings:
    allowed = ConnectorsSettings(allowed_folders=(root,), allowed_hosts=(bucket.url.removeprefix("http://"),))
    return Settings(data=tmp_path_factory.mktemp("owned") / "data", connectors=allowed)


@pytest.fixture(scope="module")
def sourcebook(settings: Settings) -> Iterator[Sourcebook]:
    with open_sourcebook(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(sourcebook: Sourcebook) -> Iterator[TestClient]:
    with TestClient(
        create_app(sourcebook), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as opened:
        yield opened


def create(client: TestClient, **body: Any) -> dict[str, Any]:
    response = client.post(URL, json=body)
    assert response.status_code == 201, response.text
    return settled(client, response.json()["id"])


def settled(client: TestClient, connector_id: str) -> dict[str, Any]:
    while True:
        shown = client.get(f"{URL}/{connector_id}").json()
        if shown["last_sync"]["state"] not in ("queued", "running"):
            return shown


def test_a_folder_connector_lives_from_creation_to_removal(client: TestClient, root: Path) -> None:
    options = {"kind": "folder", "path": str(root)}
    shown = create(client, collection="hr", options=options, interval_seconds=3600)
    assert (shown["name"], shown["collection"], shown["items"]) == ("handbook", "hr", 2)
    assert shown["last_sync"]["added"] == 2
    assert shown["last_sync"]["finished_at"]
    assert shown["next_sync_at"]
    listed = client.get(URL, params={"collection": "hr"}).json()["data"]
    assert [each["id"] for each in listed] == [shown["id"]]
    for path in (root / "leave.md", root / "travel.md"):
        path.rename(path.with_suffix(".md.away"))
    assert client.post(f"{URL}/{shown['id']}/sync", json={}).status_code == 202
    stopped = settled(client, shown["id"])["last_sync"]
    assert stopped["state"] == "needs_confirmation"
    assert "2 of 2" in stopped["reason"]
    client.post(f"{URL}/{shown['id']}/sync", json={"confirm_deletions": True})
    assert settled(client, shown["id"])["last_sync"]["deleted"] == 2
    for path in root.glob("*.away"):
        path.rename(path.with_suffix(""))
    assert client.delete(f"{URL}/{shown['id']}").status_code == 422, "say what becomes of the documents"
    assert client.delete(f"{URL}/{shown['id']}", params={"documents": "delete"}).status_code == 204
    assert client.get(f"{URL}/{shown['id']}").status_code == 404


def test_problems_are_shown_item_by_item_and_secrets_never(
    client: TestClient, bucket: Bucket, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = {"access_key": bucket.access_key, "secret_key": bucket.secret_key}
    body: dict[str, Any] = {
        "collection": "store",
        "options": {"kind": "s3", "endpoint": bucket.url, "bucket": "files", "region": REGION},
        "secrets": secrets,
    }
    shown = create(client, **body)
    assert shown["secret_names"] == ["access_key", "secret_key"]
    assert shown["last_sync"]["failed"] == 1
    assert [problem["key"] for problem in shown["problems"]] == ["../b.md"]
    bucket.secret_key = "rotated"
    client.post(f"{URL}/{shown['id']}/sync", json={})
    failed = settled(client, shown["id"])
    assert failed["last_sync"]["state"] == "failed"
    everything = [client.get(path).text for path in (URL, f"{URL}/{shown['id']}", "/api/openapi.json")]
    for secret in secrets.values():
        assert not any(secret in text for text in everything)
        assert secret not in caplog.text
    assert settings.data.stat().st_mode & 0o077 == 0, "only its owner reads the data folder"


def test_a_connector_is_changed_and_what_is_left_out_stays(client: TestClient, bucket: Bucket) -> None:
    secrets = {"access_key": "AKIDCHANGED", "secret_key": "hush-hush"}
    options = {"kind": "s3", "endpoint": bucket.url, "bucket": "files", "region": REGION}
    shown = create(client, collection="changed", name="old", options=options, secrets=secrets)
    url = f"{URL}/{shown['id']}"
    body = {"name": "new", "interval_seconds": 3600, "options": {"prefix": "hr/"}, "is_paused": True}
    response = client.patch(url, json=body)
    assert response.status_code == 200, response.text
    changed = response.json()
    assert (changed["name"], changed["interval_seconds"], changed["is_paused"]) == ("new", 3600, True)
    assert changed["options"] == {**shown["options"], "prefix": "hr/"}
    assert changed["secret_names"] == ["access_key", "secret_key"]
    changed = client.patch(url, json={"secrets": {"access_key": None, "secret_key": None}}).json()
    assert changed["secret_names"] == []
    assert changed["interval_seconds"] == 3600
    assert client.patch(url, json={"interval_seconds": None}).json()["interval_seconds"] is None
    for wrong, word in (
        ({"options": {"kind": "git"}}, "kind"),
        ({"options": {"endpoint": "http://169.254.169.254"}}, "ALLOWED_HOSTS"),
        ({"secrets": {"token": "hush-hush"}}, "secret"),
        ({"secrets": {"access_key": ["hush-hush"]}}, "access_key"),
    ):
        refused = client.patch(url, json=wrong)
        assert refused.status_code == 422
        assert word in refused.text
        assert "hush-hush" not in refused.text
    assert client.patch(f"{URL}/con_unknown", json={"name": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"options": {"kind": "folder", "path": "/x", "colour": "red"}}, "colour"),
        ({"options": {"kind": "folder", "path": "/etc"}}, "ALLOWED_FOLDERS"),
        ({"options": {"kind": "website", "url": "http://169.254.169.254/"}}, "ALLOWED_HOSTS"),
        ({"options": {"kind": "website", "url": "file:///etc/passwd"}}, "https://"),
        ({"options": {"kind": "s3", "bucket": "files"}}, "ALLOWED_HOSTS"),
        ({"options": {"kind": "git", "url": "https://example.com/x.git"}}, "ALLOWED_HOSTS"),
        ({"options": {"kind": "git", "url": "ext::sh -c id"}}, "https://"),
        ({"options": {"kind": "ftp", "url": "ftp://x"}}, "kind"),
        ({"options": {"kind": "s3", "bucket": "../x"}}, "bucket"),
        ({"options": {"kind": "website", "url": "http://x.example", "max_depth": 99}}, "max_depth"),
        ({"options": {"kind": "folder", "path": "/x"}, "secrets": {"token": "hush"}}, "secret"),
        ({"options": {"kind": "folder", "path": "/x"}, "interval_seconds": 0}, "interval"),
        ({}, "options"),
    ],
)
def test_what_makes_no_sense_is_a_problem_in_words(
    client: TestClient, body: dict[str, Any], word: str
) -> None:
    response = client.post(URL, json={"collection": "c", "name": f"n{abs(hash(str(body)))}", **body})
    assert response.status_code == 422
    assert word in response.text
    assert "hush" not in response.text


def test_an_unknown_connector_is_not_found(client: TestClient) -> None:
    for response in (
        client.get(f"{URL}/con_unknown"),
        client.post(f"{URL}/con_unknown/sync", json={}),
        client.delete(f"{URL}/con_unknown", params={"documents": "keep"}),
    ):
        assert response.status_code == 404


def test_what_is_allowed_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/connectors.md writes it."""
    monkeypatch.setenv("SOURCEBOOK_CONNECTORS__ALLOWED_HOSTS", "docs.example.com, *.example.org")
    monkeypatch.setenv("SOURCEBOOK_CONNECTORS__ALLOWED_FOLDERS", "/srv/handbook")
    monkeypatch.setenv("SOURCEBOOK_CONNECTORS__MAX_ITEM_BYTES", "1000")
    connectors = Settings().connectors
    assert connectors.allowed_hosts == ("docs.example.com", "*.example.org")
    assert connectors.allowed_folders == (Path("/srv/handbook"),)
    assert connectors.max_item_bytes == 1000


def test_what_is_allowed_can_be_set_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sourcebook.toml").write_text('[connectors]\nallowed_hosts = ["docs.example.com"]\n')
    assert Settings().connectors.allowed_hosts == ("docs.example.com",)


def test_nothing_is_allowed_by_default() -> None:
    assert Settings().connectors.allowed_hosts == ()
    assert Settings().connectors.allowed_folders == ()


@pytest.mark.slow
def test_the_command_line_does_the_same(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, sourcebook: Sourcebook
) -> None:
    """Through the server's own application: the job queue exists once per process."""
    with TestClient(create_app(sourcebook), base_url="http://127.0.0.1") as served:
        monkeypatch.setattr("api.remote.httpx.Client", partial(_Mounted, served))

        def run(*arguments: str) -> Any:
            ran = CliRunner().invoke(app, ["connectors", *arguments, "--server", "http://127.0.0.1"])
            return ran.exit_code, ran.stdout

        code, out = run("add", "folder", str(root), "--collection", "cli", "--every", "60", "--json")
        assert code == 0, out
        added = json.loads(out)
        assert added["last_sync"]["added"] == 2
        code, out = run("list", "--json")
        assert added["id"] in [each["id"] for each in json.loads(out)]
        (root / "new.md").write_text("# New\n\nSomething new.\n")
        code, out = run("sync", added["id"], "--json")
        assert (code, json.loads(out)["last_sync"]["added"]) == (0, 1)
        code, out = run("show", added["id"])
        assert code == 0
        assert "done" in out
        code, out = run("update", added["id"], "--every", "0", "--exclude", "new.md", "--pause", "--json")
        changed = json.loads(out)
        assert (code, changed["interval_seconds"], changed["is_paused"]) == (0, None, True)
        assert changed["options"]["exclude"] == ["new.md"]
        code, out = run("update", added["id"], "--option", "nonsense=1")
        assert code == 1
        code, out = run("remove", added["id"], "--documents", "delete")
        assert code == 0
        assert run("remove", added["id"], "--documents", "perhaps")[0] == 2
        (root / "new.md").unlink()


class _Mounted:
    """httpx's client, but every request goes to the application in this process."""

    def __init__(self, served: TestClient, **_options: object) -> None:
        self._served = served
        self.base_url = "http://127.0.0.1/api/v1"

    def request(self, method: str, path: str, **content: Any) -> Any:
        return self._served.request(method, f"/api/v1{path}", **content)

    def close(self) -> None:
        pass
