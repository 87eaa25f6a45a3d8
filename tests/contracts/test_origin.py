"""What every origin does, whatever it follows. A new one joins by a class like those below."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from ingest.connectors.connectors import ConnectorId
from ingest.connectors.errors import ItemError, OriginError, OriginRefusedError
from ingest.connectors.opening import Origins
from ingest.connectors.options import FolderOptions, GitOptions, Options, S3Options, WebsiteOptions
from ingest.connectors.origin import Cursor, Item, Origin, Problem, fault_of_path
from ingest.connectors.settings import ConnectorsSettings
from tests.servers.repository import GitServer, Repository, git_server
from tests.servers.s3 import REGION, s3_store
from tests.servers.site import Answer, site_server

CONNECTOR = ConnectorId("con_1")
LIMIT = 100_000


class World(Protocol):
    """A place to follow that a test can change."""

    @property
    def options(self) -> Options: ...

    @property
    def secrets(self) -> dict[str, str]: ...

    @property
    def settings(self) -> ConnectorsSettings: ...

    @property
    def keys(self) -> dict[str, str]:
        """The key of each path, where it is not the path itself."""
        ...

    def put(self, path: str, content: bytes) -> None: ...

    def delete(self, path: str) -> None: ...

    def go_away(self) -> None:
        """The whole place does not answer any more."""
        ...


class FolderWorld:
    def __init__(self, tmp_path: Path, _stack: ExitStack) -> None:
        self.root = tmp_path / "folder"
        self.root.mkdir()
        self.options = FolderOptions(path=str(self.root))
        self.secrets, self.keys = dict[str, str](), dict[str, str]()
        self.settings = ConnectorsSettings(allowed_folders=(tmp_path,), max_item_bytes=LIMIT)

    def put(self, path: str, content: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)

    def delete(self, path: str) -> None:
        (self.root / path).unlink()

    def go_away(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))


class LocalGitWorld:
    def __init__(self, tmp_path: Path, _stack: ExitStack) -> None:
        self.repository = Repository(tmp_path / "work" / "handbook")
        self.options = GitOptions(url=str(self.repository.folder))
        self.secrets, self.keys = dict[str, str](), dict[str, str]()
        self.settings = ConnectorsSettings(allowed_folders=(tmp_path / "work",), max_item_bytes=LIMIT)
        self.repository.commit()

    def put(self, path: str, content: bytes) -> None:
        self.repository.write(path, content)
        self.repository.commit()

    def delete(self, path: str) -> None:
        (self.repository.folder / path).unlink()
        self.repository.commit()

    def go_away(self) -> None:
        self.repository.folder.rename(self.repository.folder.with_name("elsewhere"))


class WebGitWorld(LocalGitWorld):
    def __init__(self, tmp_path: Path, stack: ExitStack) -> None:
        super().__init__(tmp_path, stack)
        self.server: GitServer = stack.enter_context(git_server(tmp_path / "work"))
        host = self.server.url.removeprefix("http://")
        self.options = GitOptions(url=f"{self.server.url}/handbook/.git")
        self.secrets = {"token": "hush"}
        self.settings = ConnectorsSettings(allowed_hosts=(host,), max_item_bytes=LIMIT)
        self.server.needs = "Basic b2F1dGgyOmh1c2g="  # oauth2:hush


class S3World:
    def __init__(self, _tmp_path: Path, stack: ExitStack) -> None:
        self.bucket = stack.enter_context(s3_store())
        self.options = S3Options(endpoint=self.bucket.url, bucket="files", region=REGION)
        self.secrets = {"access_key": self.bucket.access_key, "secret_key": self.bucket.secret_key}
        self.keys = dict[str, str]()
        host = self.bucket.url.removeprefix("http://")
        self.settings = ConnectorsSettings(allowed_hosts=(host,), max_item_bytes=LIMIT)

    def put(self, path: str, content: bytes) -> None:
        self.bucket.objects[path] = content

    def delete(self, path: str) -> None:
        del self.bucket.objects[path]

    def go_away(self) -> None:
        self.bucket.fails_after_pages = 0


class WebsiteWorld:
    """Text files below `/docs/`, named by an index page that is no document itself."""

    is_sitemap = False

    def __init__(self, _tmp_path: Path, stack: ExitStack) -> None:
        self.site = stack.enter_context(site_server())
        start = "sitemap.xml" if self.is_sitemap else "index.html"
        self.options = WebsiteOptions(
            url=f"{self.site.url}/docs/{start}", is_sitemap=self.is_sitemap, pause_seconds=0
        )
        self.secrets, self.keys = dict[str, str](), dict[str, str]()
        self.settings = ConnectorsSettings(allowed_hosts=(self.site.host,), max_item_bytes=LIMIT)
        self._index()

    def put(self, path: str, content: bytes) -> None:
        media_type = "application/pdf" if path.endswith(".pdf") else "text/plain"
        if path.endswith(".md"):
            media_type = "text/markdown"
        self.site.answers[f"/docs/{path}"] = Answer(body=content, media_type=media_type)
        self.keys[path] = f"{self.site.url}/docs/{path}"
        self._index()

    def delete(self, path: str) -> None:
        del self.site.answers[f"/docs/{path}"]
        self._index()

    def go_away(self) -> None:
        for answer in self.site.answers.values():
            answer.status = 503

    def _index(self) -> None:
        pages = [path for path in self.site.answers if not path.endswith(("index.html", "sitemap.xml"))]
        self.site.page("/docs/index.html", *pages, head='<meta name="robots" content="noindex">')
        listed = "".join(f"<url><loc>{self.site.url}{path}</loc></url>" for path in pages)
        namespace = "http://www.sitemaps.org/schemas/sitemap/0.9"
        xml = f'<?xml version="1.0"?><urlset xmlns="{namespace}">{listed}</urlset>'
        self.site.answers["/docs/sitemap.xml"] = Answer(body=xml.encode(), media_type="application/xml")


class SitemapWorld(WebsiteWorld):
    is_sitemap = True


WORLDS = {
    "folder": FolderWorld,
    "git-local": LocalGitWorld,
    "git-http": WebGitWorld,
    "s3": S3World,
    "website": WebsiteWorld,
    "sitemap": SitemapWorld,
}


@pytest.fixture(params=list(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield WORLDS[request.param](tmp_path, stack)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


class Follower:
    """Opens the origin anew for every listing, as one sync after the other does."""

    def __init__(self, world: World, data: Path) -> None:
        self._world = world
        self._origins = Origins(world.settings, data)
        self.cursor: Cursor | None = None

    def open(self) -> AbstractContextManager[Origin]:
        return self._origins.open(CONNECTOR, self._world.options, lambda: self._world.secrets)

    def list(self) -> dict[str, Item]:
        """Items by path; fails on a problem, and on a key or path that comes twice."""
        with self.open() as origin:
            found = list(origin.list(self.cursor))
            self.cursor = origin.cursor()
        items = [each for each in found if isinstance(each, Item)]
        assert [each for each in found if isinstance(each, Problem)] == []
        assert len({item.key for item in items}) == len({item.path for item in items}) == len(items)
        return {item.path: item for item in items}

    def read(self, item: Item) -> bytes:
        with self.open() as origin, origin.fetch(item) as content:
            return content.read()


@pytest.fixture
def follower(world: World, data: Path) -> Follower:
    return Follower(world, data)


def test_nothing_is_listed_where_nothing_is(follower: Follower) -> None:
    assert follower.list() == {}


def test_every_item_is_listed_and_can_be_read(world: World, follower: Follower) -> None:
    contents = {f"a/{number}.md": f"# {number}".encode() * (number + 1) for number in range(8)}
    contents["top.txt"] = b"plain"
    for path, content in contents.items():
        world.put(path, content)
    items = follower.list()
    assert items.keys() == contents.keys()
    assert {path: follower.read(item) for path, item in items.items()} == contents
    for path, item in items.items():
        assert item.key == world.keys.get(path, path)
        assert item.size_bytes in (len(contents[path]), None)


def test_one_opening_can_list_and_then_fetch(world: World, follower: Follower) -> None:
    world.put("a.md", b"# A")
    with follower.open() as origin:
        (item,) = [each for each in origin.list(None) if isinstance(each, Item)]
        with origin.fetch(item) as content:
            assert content.read(2) == b"# "
            assert content.read() == b"A"


def test_what_did_not_change_keeps_its_revision(world: World, follower: Follower) -> None:
    world.put("a.md", b"# A")
    world.put("b.md", b"# B")
    before = follower.list()
    world.put("c.md", b"# C")
    after = follower.list()
    assert {path: after[path] for path in before} == before


def test_what_changed_has_another_revision(world: World, follower: Follower) -> None:
    world.put("a.md", b"# A")
    before = follower.list()["a.md"]
    world.put("a.md", b"# A, longer")
    after = follower.list()["a.md"]
    assert (after.key, after.path) == (before.key, before.path)
    assert after.revision != before.revision
    assert follower.read(after) == b"# A, longer"


def test_what_is_deleted_is_not_listed(world: World, follower: Follower) -> None:
    world.put("a.md", b"# A")
    world.put("b.md", b"# B")
    follower.list()
    world.delete("a.md")
    assert follower.list().keys() == {"b.md"}


def test_what_moved_has_the_same_bytes_under_another_key(world: World, follower: Follower) -> None:
    world.put("a.md", b"# A")
    follower.list()
    world.delete("a.md")
    world.put("deep/er/z.md", b"# A")
    items = follower.list()
    assert items.keys() == {"deep/er/z.md"}
    assert follower.read(items["deep/er/z.md"]) == b"# A"


def test_a_place_that_went_away_is_an_error_and_not_an_empty_listing(
    world: World, follower: Follower
) -> None:
    world.put("a.md", b"# A")
    follower.list()
    world.go_away()
    with pytest.raises(OriginError) as caught:
        follower.list()
    assert str(caught.value).endswith((".", "?"))


def test_an_item_that_vanished_since_the_listing_is_that_items_error(
    world: World, follower: Follower
) -> None:
    world.put("a.md", b"# A")
    item = follower.list()["a.md"]
    ghost = Item(
        key=item.key.replace("a.md", "ghost.md"),
        path="ghost.md",
        revision=hashlib.sha1(b"ghost").hexdigest(),
        size_bytes=1,
    )
    with pytest.raises(ItemError):
        follower.read(ghost)


@pytest.mark.parametrize("key", ["../secret.md", "a/../../secret.md", "/etc/passwd", "..", "a\x00b.md"])
def test_a_key_that_leads_out_reads_nothing(world: World, follower: Follower, data: Path, key: str) -> None:
    (data.parent / "secret.md").write_text("canary")
    world.put("a.md", b"# A")
    follower.list()
    hostile = Item(key=key, path="x.md", revision=key, size_bytes=1)
    with pytest.raises((ItemError, OriginError)):
        follower.read(hostile)


def test_odd_but_harmless_names_arrive_as_they_are(world: World, follower: Follower) -> None:
    names = ["with space.md", "üml/äut.md", "per%20cent.md", "plus+plus.md", "q&a.md", "emoji 🎉.md"]
    if "website" in type(world).__name__.lower() or "sitemap" in type(world).__name__.lower():
        pytest.skip("a page's name is an address, which has its own tests")
    for name in names:
        world.put(name, name.encode())
    items = follower.list()
    assert sorted(items) == sorted(names)
    assert {path: follower.read(item).decode() for path, item in items.items()} == {n: n for n in names}


def test_hidden_and_unreadable_kinds_are_left_out(world: World, follower: Follower) -> None:
    if not hasattr(world.options, "include"):
        pytest.skip("a website's kinds of content have their own tests")
    for path in (".hidden.md", ".git-like/a.md", "program.exe", "noending", "a.md"):
        world.put(path, b"x")
    assert follower.list().keys() == {"a.md"}


def test_nothing_is_opened_that_the_administrator_does_not_allow(world: World, data: Path) -> None:
    origins = Origins(ConnectorsSettings(), data)
    with (
        pytest.raises(OriginRefusedError, match="SOURCEBOOK_CONNECTORS__ALLOWED"),
        origins.open(CONNECTOR, world.options, lambda: world.secrets) as origin,
    ):
        list(origin.list(None))


def test_every_listed_path_is_fit_to_be_a_document(world: World, follower: Follower) -> None:
    world.put("a/b/c.md", b"# C")
    assert [fault_of_path(path) for path in follower.list()] == [None]
