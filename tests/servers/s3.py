"""An S3 store over real HTTP: listing in pages, reading, and a check of every request's signature.

The check is written from Amazon's description of Signature Version 4, and is itself checked against the
examples there (tests/ingest/connectors/test_s3.py).
"""

import hashlib
import hmac
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit
from xml.sax.saxutils import escape

REGION = "eu-central-1"
PAGE_KEYS = 3
"""Keys in one page of a listing, so that a handful makes several pages."""


@dataclass
class Bucket:
    """One bucket named `files`, in memory."""

    access_key: str = "AKIDEXAMPLE"
    secret_key: str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: list[str] = field(default_factory=list[str])
    fails_after_pages: int | None = None
    url: str = ""


def signature(
    secret: str, method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], *, scope: str
) -> str:
    """The signature of a request: `path` decoded, `headers` those that are signed, `scope` date/region/…"""
    names = sorted(headers)
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            "&".join(
                f"{name}={value}"
                for name, value in sorted(
                    (quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query
                )
            ),
            "".join(f"{name}:{headers[name].strip()}\n" for name in names),
            ";".join(names),
            headers["x-amz-content-sha256"],
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@contextmanager
def s3_store() -> Generator[Bucket]:
    bucket = Bucket()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, bucket)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bucket.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, bucket: Bucket) -> None:
    bucket.requests.append(request.path)
    url = urlsplit(request.path)
    query = parse_qsl(url.query, keep_blank_values=True)
    if not _is_signed(request.headers, request.path, bucket):
        _send(request, 403, _error("SignatureDoesNotMatch", "The signature is not what it should be."))
    elif not url.path.startswith("/files"):
        _send(request, 404, _error("NoSuchBucket", "There is no such bucket."))
    elif ("list-type", "2") in query:
        pages = sum("list-type" in each for each in bucket.requests)
        if bucket.fails_after_pages is not None and pages > bucket.fails_after_pages:
            _send(request, 500, _error("InternalError", "Try again."))
        else:
            _send(request, 200, _listing(bucket, dict(query)))
    else:
        content = bucket.objects.get(unquote(url.path.removeprefix("/files/"), errors="surrogateescape"))
        _send(request, 200 if content is not None else 404, content or b"")


def _is_signed(headers: Message, path: str, bucket: Bucket) -> bool:
    given = headers.get("Authorization", "")
    if not given.startswith("AWS4-HMAC-SHA256 "):
        return False
    parts = dict(part.strip().split("=", 1) for part in given.removeprefix("AWS4-HMAC-SHA256 ").split(","))
    access, _, scope = parts["Credential"].partition("/")
    signed = {name: headers.get(name, "") for name in parts["SignedHeaders"].split(";")}
    url = urlsplit(path)
    expected = signature(
        bucket.secret_key,
        "GET",
        unquote(url.path),
        parse_qsl(url.query, keep_blank_values=True),
        signed,
        scope=scope,
    )
    is_whole = {"host", "x-amz-date", "x-amz-content-sha256"} <= signed.keys()
    return is_whole and access == bucket.access_key and hmac.compare_digest(expected, parts["Signature"])


def _listing(bucket: Bucket, query: dict[str, str]) -> bytes:
    keys = sorted(key for key in bucket.objects if key.startswith(query.get("prefix", "")))
    start = int(query.get("continuation-token", "0"))
    page = keys[start : start + PAGE_KEYS]
    has_more = start + PAGE_KEYS < len(keys)
    contents = "".join(
        f"<Contents><Key>{escape(quote_plus(key, safe='/', errors='surrogateescape'))}</Key>"
        f'<ETag>"{hashlib.md5(bucket.objects[key]).hexdigest()}"</ETag>'
        f"<Size>{len(bucket.objects[key])}</Size></Contents>"
        for key in page
    )
    more = f"<NextContinuationToken>{start + PAGE_KEYS}</NextContinuationToken>" if has_more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>'
        f"<IsTruncated>{str(has_more).lower()}</IsTruncated>{more}{contents}</ListBucketResult>"
    ).encode()


def _error(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
