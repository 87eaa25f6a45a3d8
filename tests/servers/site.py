"""A website over real HTTP whose pages a test writes, and which notes every request."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(kw_only=True)
class Answer:
    body: bytes = b""
    status: int = 200
    media_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Site:
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    """By path with query; what is not here is 404."""
    requests: list[str] = field(default_factory=list[str])
    request_headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    has_etags: bool = True
    url: str = ""

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def page(self, path: str, *links: str, text: str = "", head: str = "") -> None:
        anchors = "".join(f'<a href="{link}">{link}</a>' for link in links)
        html = f"<html><head>{head}</head><body><h1>{path}</h1><p>{text}</p>{anchors}</body></html>"
        self.answers[path] = Answer(body=html.encode())

    def redirect(self, path: str, target: str) -> None:
        self.answers[path] = Answer(status=302, headers={"Location": target})


@contextmanager
def site_server() -> Generator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, site)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    site.requests.append(request.path)
    site.request_headers.append({name.lower(): value for name, value in request.headers.items()})
    answer = site.answers.get(request.path, Answer(status=404))
    etag = f'"{hashlib.md5(answer.body).hexdigest()}"'
    status, body = answer.status, answer.body
    if site.has_etags and status == 200 and request.headers.get("If-None-Match") == etag:
        status, body = 304, b""
    request.send_response(status)
    if site.has_etags and status in (200, 304):
        request.send_header("ETag", etag)
    headers = {"Content-Type": answer.media_type, "Content-Length": str(len(body)), **answer.headers}
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
