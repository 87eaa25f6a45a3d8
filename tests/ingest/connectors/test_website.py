"""A website is read politely and remembered exactly."""

import gzip
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.connectors import sitemaps
from ingest.connectors.connectors import ConnectorId
from ingest.connectors.errors import ItemError, OriginError, OriginRefusedError
from ingest.connectors.guard import HostRules, guarded_client
from ingest.connectors.opening import Origins
from ingest.connectors.options import WebsiteOptions
from ingest.connectors.origin import Cursor, Item, Problem
from ingest.connectors.pages import path_of, plain_address, read_page
from ingest.connectors.settings import ConnectorsSettings
from ingest.connectors.visits import Visits
from ingest.connectors.website import WebsiteOrigin, is_below
from tests.servers.site import Answer, Site, site_server


@pytest.fixture
def site() -> Iterator[Site]:
    with site_server() as site:
        yield site


class Crawl:
    def __init__(self, site: Site, folder: Path) -> None:
        self._site, self._folder = site, folder
        self.pauses: list[float] = []
        self.cursor: Cursor | None = None
        self._count = 0

    @contextmanager
    def open(self, **options: object) -> Generator[WebsiteOrigin]:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        chosen = {"url": f"{self._site.url}/", "pause_seconds": 0.0, **options}
        website = WebsiteOptions(**chosen)  # type: ignore[arg-type]
        start = plain_address(website.url) or ""
        with guarded_client(HostRules((self._site.host,))) as http:
            visits = Visits(
                http,
                lambda address: is_below(address, start),
                pause_seconds=website.pause_seconds,
                pause=self.pauses.append,
            )
            yield WebsiteOrigin(website, start, visits, folder, max_item_bytes=10_000)

    def run(self, **options: object) -> tuple[dict[str, Item], dict[str, str]]:
        """Items by path, and problems by path of their address."""
        with self.open(**options) as origin:
            found = list(origin.list(self.cursor))
            self.cursor = origin.cursor()
        items = {each.path: each for each in found if isinstance(each, Item)}
        problems = {
            each.key.removeprefix(self._site.url): each.detail for each in found if isinstance(each, Problem)
        }
        return items, problems


@pytest.fixture
def crawl(site: Site, tmp_path: Path) -> Crawl:
    return Crawl(site, tmp_path)


def visited(site: Site) -> list[str]:
    return [path for path in site.requests if path != "/robots.txt"]


def test_links_are_followed_to_the_depth_and_no_further(site: Site, crawl: Crawl) -> None:
    for number in range(5):
        site.page(f"/{number}", f"/{number + 1}", "/")
    site.page("/", "/0")
    items, _ = crawl.run(max_depth=2)
    assert items.keys() == {"index.html", "0.html", "1.html"}


def test_only_the_same_host_and_folder_are_read(site: Site, crawl: Crawl) -> None:
    elsewhere = f"http://localhost:{site.url.rpartition(':')[2]}/docs/evil"
    site.page(
        "/docs/start", "/docs/a", "/blog/b", "/documents", elsewhere, "//evil.example/x", "mailto:a@b.c"
    )
    for path in ("/docs/a", "/docs/evil", "/blog/b", "/documents"):
        site.page(path)
    items, _ = crawl.run(url=f"{site.url}/docs/start")
    assert items.keys() == {"start.html", "a.html"}
    assert visited(site) == ["/docs/start", "/docs/a"]


def test_every_page_is_asked_for_once(site: Site, crawl: Crawl) -> None:
    site.page("/", "/a", "/a#part", "/a?utm_source=x", "a", "./a", "/b/../a", "/%61")
    site.page("/a", "/")
    crawl.run()
    assert sorted(set(visited(site))) == sorted(visited(site))
    assert "/a" in visited(site)


def test_robots_txt_is_obeyed(site: Site, crawl: Crawl) -> None:
    rules = b"User-agent: *\nDisallow: /private\nAllow: /private/open\nDisallow: /*.pdf$\n"
    site.answers["/robots.txt"] = Answer(body=rules, media_type="text/plain")
    site.page("/", "/private/a", "/private/open/b", "/c.pdf", "/d")
    for path in ("/private/a", "/private/open/b", "/d"):
        site.page(path)
    site.answers["/c.pdf"] = Answer(body=b"%PDF-1.7", media_type="application/pdf")
    items, _ = crawl.run()
    assert items.keys() == {"index.html", "private/open/b.html", "d.html"}
    assert not {"/private/a", "/c.pdf"} & set(site.requests)


def test_rules_for_our_own_name_come_before_those_for_all(site: Site, crawl: Crawl) -> None:
    rules = b"User-agent: *\nDisallow:\n\nUser-agent: sourcebook\nDisallow: /\n"
    site.answers["/robots.txt"] = Answer(body=rules, media_type="text/plain")
    site.page("/")
    with pytest.raises(OriginRefusedError, match="robots"):
        crawl.run()
    assert visited(site) == []


@pytest.mark.parametrize("status", [500, 503])
def test_a_robots_txt_that_cannot_be_had_forbids_everything(site: Site, crawl: Crawl, status: int) -> None:
    site.answers["/robots.txt"] = Answer(status=status)
    site.page("/")
    with pytest.raises(OriginError):
        crawl.run()
    assert visited(site) == []


def test_there_is_a_pause_between_any_two_requests(site: Site, crawl: Crawl) -> None:
    site.page("/", "/a", "/b")
    site.page("/a")
    site.page("/b")
    crawl.run(pause_seconds=20.0)
    assert len(crawl.pauses) == len(site.requests) - 1
    assert all(19 < pause <= 20 for pause in crawl.pauses)


def test_robots_txt_may_ask_for_longer_pauses(site: Site, crawl: Crawl) -> None:
    site.answers["/robots.txt"] = Answer(body=b"User-agent: *\nCrawl-delay: 30\n", media_type="text/plain")
    site.page("/", "/a")
    site.page("/a")
    crawl.run(pause_seconds=1.0)
    assert max(crawl.pauses) > 29


def test_what_is_known_is_asked_for_conditionally_and_its_links_are_remembered(
    site: Site, crawl: Crawl
) -> None:
    site.page("/", "/a")
    site.page("/a", "/b")
    site.page("/b")
    before, _ = crawl.run()
    site.requests.clear()
    site.request_headers.clear()
    after, _ = crawl.run()
    assert after == before
    asked = [headers.get("if-none-match") for headers in site.request_headers if headers]
    assert sum(each is not None for each in asked) == 3
    site.page("/b", text="new")
    changed, _ = crawl.run()
    assert [path for path in changed if changed[path] != before[path]] == ["b.html"]


def test_an_etag_that_changes_by_itself_changes_no_revision(site: Site, crawl: Crawl) -> None:
    site.has_etags = False
    site.page("/", "/a")
    site.page("/a")
    before, _ = crawl.run()
    for answer in site.answers.values():
        answer.headers = {"ETag": '"another"'}
    after, _ = crawl.run()
    assert after == before


def test_redirects_lead_to_the_page_they_end_at(site: Site, crawl: Crawl) -> None:
    site.page("/", "/old", "/new")
    site.redirect("/old", "/older")
    site.redirect("/older", "/new")
    site.page("/new", "/beyond")
    site.page("/beyond")
    items, problems = crawl.run()
    assert items.keys() == {"index.html", "new.html", "beyond.html"}
    assert problems == {}


def test_a_long_chain_of_redirects_is_given_up(site: Site, crawl: Crawl) -> None:
    site.page("/", "/1")
    for number in range(1, 9):
        site.redirect(f"/{number}", f"/{number + 1}")
    _, problems = crawl.run()
    assert "redirects" in problems["/1"]
    assert "/5" not in site.requests


def test_a_redirect_to_another_host_is_not_followed(site: Site, crawl: Crawl) -> None:
    with site_server() as other:
        other.page("/secret")
        site.page("/", "/out")
        site.redirect("/out", f"{other.url}/secret")
        items, _ = crawl.run()
        assert items.keys() == {"index.html"}
        assert other.requests == []


def test_pages_that_do_not_want_to_be_read_are_not(site: Site, crawl: Crawl) -> None:
    site.page("/", "/noindex", "/nofollow", "/canonical")
    site.page("/noindex", "/behind-noindex", head='<meta name="ROBOTS" content="noindex, follow">')
    site.page("/nofollow", "/behind-nofollow", head='<meta name="robots" content="nofollow">')
    site.page("/canonical", head='<link rel="canonical" href="/true">')
    for path in ("/behind-noindex", "/behind-nofollow", "/true"):
        site.page(path)
    items, _ = crawl.run()
    assert items.keys() == {"index.html", "behind-noindex.html", "nofollow.html", "true.html"}


def test_the_kind_of_content_names_the_file_and_others_are_left_out(site: Site, crawl: Crawl) -> None:
    kinds = {
        "/page": "text/html; charset=utf-8",
        "/manual.pdf": "application/pdf",
        "/download?id=7": "application/pdf",
        "/notes": "text/plain",
        "/picture.pdf": "image/png",
        "/style.css": "text/css",
    }
    site.page("/", *kinds)
    for path, kind in kinds.items():
        site.answers[path] = Answer(body=b"content of " + path.encode(), media_type=kind)
    items, _ = crawl.run()
    names = sorted(path.partition("~")[0] for path in items)
    assert names == ["download", "index.html", "manual.pdf", "notes.txt", "page.html"]
    assert [path for path in items if path.startswith("download~") and path.endswith(".pdf")]


@pytest.mark.parametrize("status", [500, 502, 403, 401])
def test_a_page_that_fails_is_kept_and_so_is_what_only_it_led_to(
    site: Site, crawl: Crawl, status: int
) -> None:
    site.page("/", "/hub")
    site.page("/hub", "/a", "/b")
    site.page("/a")
    site.page("/b")
    before, _ = crawl.run()
    site.answers["/hub"] = Answer(status=status)
    after, problems = crawl.run()
    assert str(status) in problems["/hub"]
    assert {**after, "hub.html": before["hub.html"]} == before
    site.page("/hub", "/a", "/b")
    assert crawl.run() == (before, {})


def test_a_crawl_with_a_gap_keeps_what_it_did_not_reach_but_not_what_is_gone(
    site: Site, crawl: Crawl
) -> None:
    site.page("/", "/old-index", "/gone")
    site.page("/old-index", "/a")
    site.page("/a")
    site.page("/gone")
    crawl.run()
    site.page("/", "/new-index", "/gone")
    site.answers["/new-index"] = Answer(status=500)
    del site.answers["/gone"]
    items, _ = crawl.run()
    assert items.keys() == {"index.html", "old-index.html", "a.html"}


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_not_listed(site: Site, crawl: Crawl, status: int) -> None:
    site.page("/", "/a")
    site.page("/a")
    crawl.run()
    site.answers["/a"] = Answer(status=status)
    items, problems = crawl.run()
    assert (items.keys(), problems) == ({"index.html"}, {})


def test_a_page_that_nothing_links_to_any_more_is_not_listed(site: Site, crawl: Crawl) -> None:
    site.page("/", "/a")
    site.page("/a")
    crawl.run()
    site.page("/")
    items, _ = crawl.run()
    assert items.keys() == {"index.html"}


def test_the_limit_of_pages_is_told_and_deletes_nothing(site: Site, crawl: Crawl) -> None:
    site.page("/", *(f"/{number}" for number in range(8)))
    for number in range(8):
        site.page(f"/{number}")
    before, _ = crawl.run(max_pages=9)
    after, problems = crawl.run(max_pages=4)
    assert after == before
    assert "limit of 4" in problems["/#limit"]


def test_a_website_that_falls_silent_is_given_up(site: Site, crawl: Crawl) -> None:
    site.page("/", *(f"/{number}" for number in range(30)))
    for number in range(30):
        # The connection breaks before the body that was announced.
        headers = {"Content-Length": "1000", "Connection": "close"}
        site.answers[f"/{number}"] = Answer(body=b"x", headers=headers)
    with pytest.raises(OriginError):
        crawl.run()
    assert len(visited(site)) < 10


def test_a_page_that_is_too_large_fails_alone(site: Site, crawl: Crawl) -> None:
    site.page("/", "/big", "/small")
    site.page("/big", text="x" * 20_000)
    site.page("/small")
    items, problems = crawl.run()
    assert items.keys() == {"index.html", "small.html"}
    assert "larger" in problems["/big"]


def test_a_compressed_answer_is_refused(site: Site, crawl: Crawl) -> None:
    """Nobody asked for it, and a small one may unpack to gigabytes."""
    site.page("/", "/bomb")
    site.answers["/bomb"] = Answer(body=gzip.compress(bytes(100_000)), headers={"Content-Encoding": "gzip"})
    _, problems = crawl.run()
    assert "compressed" in problems["/bomb"]
    assert {headers["accept-encoding"] for headers in site.request_headers} == {"identity"}


def test_the_start_must_be_there(site: Site, crawl: Crawl) -> None:
    with pytest.raises(OriginError, match="no page"):
        crawl.run()


def test_a_page_is_fetched_from_the_crawl_or_else_anew(site: Site, crawl: Crawl) -> None:
    site.page("/", "/a")
    site.page("/a", text="hello")
    with crawl.open() as origin:
        items = {each.path: each for each in origin.list(None) if isinstance(each, Item)}
        before = len(site.requests)
        with origin.fetch(items["a.html"]) as content:
            assert b"hello" in content.read()
        assert len(site.requests) == before
    with crawl.open() as another, another.fetch(items["a.html"]) as content:
        assert b"hello" in content.read()
    assert len(site.requests) > before
    del site.answers["/a"]
    with crawl.open() as another, pytest.raises(ItemError), another.fetch(items["a.html"]):
        pass


# Sitemaps


def sitemap(*addresses: str, kind: str = "urlset") -> bytes:
    entry = "url" if kind == "urlset" else "sitemap"
    listed = "".join(f"<{entry}><loc>{address}</loc></{entry}>" for address in addresses)
    return f'<{kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</{kind}>'.encode()


def xml(body: bytes) -> Answer:
    return Answer(body=body, media_type="application/xml")


def test_a_sitemap_names_the_pages_also_packed_and_in_parts(site: Site, crawl: Crawl) -> None:
    first, second = f"{site.url}/first.xml", f"{site.url}/second.xml.gz"
    site.answers["/sitemap.xml"] = xml(sitemap(first, second, first, kind="sitemapindex"))
    site.answers["/first.xml"] = xml(sitemap(f"{site.url}/a", "http://evil.example/x"))
    packed = gzip.compress(sitemap(f"{site.url}/b"))
    site.answers["/second.xml.gz"] = Answer(body=packed, media_type="application/gzip")
    site.page("/a", "/not-in-the-sitemap")
    site.page("/b")
    site.page("/not-in-the-sitemap")
    items, _ = crawl.run(url=f"{site.url}/sitemap.xml", is_sitemap=True)
    assert items.keys() == {"a.html", "b.html"}


def test_a_part_of_a_sitemap_that_is_missing_lists_nothing(site: Site, crawl: Crawl) -> None:
    index = sitemap(f"{site.url}/first.xml", f"{site.url}/missing.xml", kind="sitemapindex")
    site.answers["/sitemap.xml"] = xml(index)
    site.answers["/first.xml"] = xml(sitemap(f"{site.url}/a"))
    with pytest.raises(OriginError):
        crawl.run(url=f"{site.url}/sitemap.xml", is_sitemap=True)


BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><urlset><url><loc>http://x/&c;</loc></url></urlset>"""
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<urlset><url><loc>http://x/&x;</loc></url></urlset>"""


@pytest.mark.parametrize(
    "content", [BILLION_LAUGHS, EXTERNAL, b"<urlset", b"", b"<html></html>", b"\x1f\x8bxx"]
)
def test_a_hostile_or_broken_sitemap_is_refused(content: bytes) -> None:
    with pytest.raises(OriginError):
        sitemaps.read_sitemap("http://x.example/sitemap.xml", lambda _address: content, max_pages=10)


def test_a_packed_sitemap_that_blows_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_SITEMAP_BYTES", 1000)
    bomb = gzip.compress(bytes(100_000))
    with pytest.raises(OriginError, match="unpacks"):
        sitemaps.read_sitemap("http://x.example/sitemap.xml", lambda _address: bomb, max_pages=10)


def test_sitemaps_that_name_each_other_come_to_an_end() -> None:
    def get(address: str) -> bytes:
        return sitemap("http://x.example/1.xml", "http://x.example/2.xml", address, kind="sitemapindex")

    assert sitemaps.read_sitemap("http://x.example/1.xml", get, max_pages=10) == []


# Addresses


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("HTTP://Example.COM:80/a/./b/../c?b=1&utm_source=x#part", "http://example.com/a/c?b=1"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com:443/%7Euser", "https://example.com/%7Euser"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com/../../etc/passwd", "https://example.com/etc/passwd"),
        ("http://user@example.com/", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_an_address_has_one_spelling(written: str, plain: str | None) -> None:
    assert plain_address(written) == plain


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://x.example/docs/", "index.html"),
        ("https://x.example/docs/a", "a.html"),
        ("https://x.example/docs/a.html", "a.html"),
        ("https://x.example/docs/a.htm", "a.htm"),
        ("https://x.example/docs/a/b.php", "a/b.php.html"),
        ("https://x.example/docs/%C3%BCber%20uns", "über uns.html"),
        ("https://x.example/docs/v1.2/notes", "v1.2/notes.html"),
    ],
)
def test_a_page_is_named_after_its_address(address: str, path: str) -> None:
    assert path_of(address, "/docs/", "text/html") == path


def test_links_are_read_against_the_base_of_the_page() -> None:
    html = b"""<base href="/deep/"><a href="a">a</a><a href="b" rel="NoFollow noopener">b</a>
    <a href="javascript:x">c</a><a>d</a><area href="/e">"""
    facts = read_page(html, "http://x.example/start")
    assert facts.links == ("http://x.example/deep/a", "http://x.example/e")


def test_a_password_goes_to_the_pages_of_its_own_host_only(tmp_path: Path) -> None:
    with site_server() as site, site_server() as other:
        site.page("/", "/a", "/away")
        site.page("/a")
        site.redirect("/away", f"{other.url}/")
        site.redirect("/robots.txt", f"{other.url}/robots.txt")
        other.page("/")
        settings = ConnectorsSettings(allowed_hosts=(site.host, other.host))
        options = WebsiteOptions(url=f"{site.url}/", username="reader", pause_seconds=0)
        origins = Origins(settings, tmp_path)
        with origins.open(ConnectorId("con_1"), options, lambda: {"password": "hush"}) as origin:
            assert len(list(origin.list(None))) == 2
        sent = [headers.get("authorization") for headers in site.request_headers]
        assert set(sent) == {"Basic cmVhZGVyOmh1c2g="}
        assert other.requests == ["/robots.txt"]
        assert [headers.get("authorization") for headers in other.request_headers] == [None]


@pytest.mark.parametrize(("username", "secrets"), [("reader", {}), ("", {"password": "hush"})])
def test_a_name_without_a_password_or_the_other_way_round_is_refused(
    site: Site, tmp_path: Path, username: str, secrets: dict[str, str]
) -> None:
    origins = Origins(ConnectorsSettings(allowed_hosts=(site.host,)), tmp_path)
    options = WebsiteOptions(url=f"{site.url}/", username=username)
    with (
        pytest.raises(OriginRefusedError, match="both"),
        origins.open(ConnectorId("con_1"), options, lambda: secrets),
    ):
        pass
    assert site.requests == []
