"""Connectors reach nothing but what the administrator allows: a canary must see not one byte."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from ingest.connectors import guard
from ingest.connectors.errors import OriginError, OriginRefusedError
from ingest.connectors.guard import HostRules, guarded_client
from tests.servers.site import Site, site_server


@dataclass
class Canary:
    """Listens on loopback and notes whoever connects."""

    port: int
    seen: list[bytes] = field(default_factory=list[bytes])


@pytest.fixture
def canary() -> Iterator[Canary]:
    listening = socket.create_server(("127.0.0.1", 0))
    canary = Canary(listening.getsockname()[1])

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(1)
                canary.seen.append(connection.recv(100))

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield canary
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


HOSTILE = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1/",
    "http://localhost:{port}/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0.0.0.0:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://[::1]/",
    "http://[::1]:{port}/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[2001:0:7f00:1:0:0:80ff:fffe]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://[::ffff:169.254.169.254]/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://192.0.2.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://user:password@127.0.0.1:{port}/",
    "http://good.example@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http://127.0.0.1:{port}#@good.example/",
    "http://127.0.0.1%00.good.example/",
    "https://127.0.0.1:{port}/",
    "http://93.184.216.34:22/",
    "http://93.184.216.34:6379/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "dict://127.0.0.1:{port}/x",
    "ldap://127.0.0.1:{port}/",
    "unix:///run/docker.sock",
    "//127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http://:{port}/",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_with_every_public_host_allowed_a_hostile_address_reaches_nothing(
    address: str, canary: Canary
) -> None:
    """The rules are the widest that an administrator can set."""
    with guarded_client(HostRules(("*",))) as http, pytest.raises(_REFUSALS):
        http.get(address.format(port=canary.port))
    assert canary.seen == []


_REFUSALS = (OriginError, httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)
"""Our refusal, or httpx's before it asks for a connection. A failed connection would be none of these."""


def test_the_corpus_is_large_and_each_address_is_its_own() -> None:
    assert len(HOSTILE) == len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("rules", [(), ("good.example",), ("*.good.example",)])
@pytest.mark.parametrize(
    "address", ["http://93.184.216.34/", "https://example.com/", "http://good.example.evil.example/"]
)
def test_a_host_that_is_not_listed_is_refused_before_it_is_looked_up(
    rules: tuple[str, ...], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def lookup(*arguments: object, **_more: object) -> Any:
        asked.append(arguments)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with guarded_client(HostRules(rules)) as http, pytest.raises(OriginRefusedError):
        http.get(address)
    assert asked == []


class Resolver:
    """Answers with one list of addresses after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, port: int, *_rest: object, **_more: object) -> Any:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in answer
        ]


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["127.0.0.1", "93.184.216.34"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["169.254.169.254"],
        ["fe80::1%eth0"],
    ],
)
def test_a_name_with_any_inner_address_is_refused(
    answer: list[str], canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(answer))
    with guarded_client(HostRules(("*",))) as http, pytest.raises(OriginRefusedError, match="no public"):
        http.get("http://rebinding.example/")
    assert canary.seen == []


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes its mind between the check and the connection: there is only one look-up."""
    resolver = Resolver(["93.184.216.34"], ["127.0.0.1"])
    connected: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *_rest: object, **_more: object) -> Any:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(socket, "create_connection", connect)
    with guarded_client(HostRules(("*",))) as http, pytest.raises(httpx.ConnectError):
        http.get("http://rebinding.example/")
    assert connected == [("93.184.216.34", 80)]
    assert resolver.asked == 1


@pytest.fixture
def site() -> Iterator[Site]:
    with site_server() as site:
        yield site


def test_a_host_named_with_its_port_may_be_private(site: Site, canary: Canary) -> None:
    site.page("/", text="inside")
    with guarded_client(HostRules((site.host,))) as http:
        assert "inside" in http.get(site.url).text
        with pytest.raises(OriginRefusedError):
            http.get(f"http://127.0.0.1:{canary.port}/")
    assert canary.seen == []


def test_a_private_name_may_not_lead_to_a_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["169.254.169.254"]))
    with guarded_client(HostRules(("wiki.local:8080",))) as http, pytest.raises(OriginRefusedError):
        http.get("http://wiki.local:8080/")


def test_a_chain_of_redirects_is_judged_at_every_hop(site: Site, canary: Canary) -> None:
    """Even for a client that follows redirects, which ours does not do by itself."""
    site.redirect("/a", "/b")
    site.redirect("/b", f"http://127.0.0.1:{canary.port}/secret")
    with guarded_client(HostRules((site.host, "*"))) as http:
        assert http.get(f"{site.url}/a").status_code == 302
        with pytest.raises(OriginRefusedError):
            http.get(f"{site.url}/a", follow_redirects=True)
    assert site.requests == ["/a", "/a", "/b"]
    assert canary.seen == []


def test_a_proxy_in_the_environment_is_not_used(
    site: Site, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    site.page("/", text="direct")
    with guarded_client(HostRules((site.host,))) as http:
        assert "direct" in http.get(site.url).text
    assert canary.seen == []


def test_no_password_of_this_machine_is_sent(
    site: Site, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login somebody password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    site.page("/")
    with guarded_client(HostRules((site.host,))) as http:
        http.get(site.url)
    assert "authorization" not in site.request_headers[0]


def test_the_guard_has_the_last_word_in_the_pool() -> None:
    """Our transport replaces httpx's pool by one that connects through the guard."""
    with guarded_client(HostRules()) as http:
        transport = http._transport  # pyright: ignore[reportPrivateUsage]
        pool = transport._pool  # type: ignore[attr-defined]  # pyright: ignore
        assert isinstance(pool._network_backend, guard.GuardedBackend)  # pyright: ignore
