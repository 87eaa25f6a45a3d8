"""The S3 wire protocol: signatures, pages, odd keys, broken answers."""

from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest

from ingest.connectors.errors import OriginError, OriginRefusedError
from ingest.connectors.guard import HostRules, guarded_client
from ingest.connectors.options import S3Options
from ingest.connectors.origin import Item, Problem
from ingest.connectors.s3 import S3Origin
from tests.servers.s3 import PAGE_KEYS, REGION, Bucket, s3_store, signature
from tests.servers.site import Answer, site_server

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("path", "query", "more", "expected"),
    [
        (
            "/test.txt",
            "",
            {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "/",
            "max-keys=2&prefix=J",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_store_checks_signatures_as_amazon_describes_them(
    path: str, query: str, more: dict[str, str], expected: str
) -> None:
    """Amazon's own examples (S3 API reference, "Signature Calculations for the Authorization Header")."""
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
        **more,
    }
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    scope = "20130524/us-east-1/s3/aws4_request"
    assert signature(secret, "GET", path, parse_qsl(query), headers, scope=scope) == expected


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with s3_store() as bucket:
        yield bucket


def listed(store: Bucket, secrets: dict[str, str] | None = None, **options: object) -> list[Item | Problem]:
    if secrets is None:
        secrets = {"access_key": store.access_key, "secret_key": store.secret_key}
    chosen = {"endpoint": store.url, "bucket": "files", "region": REGION, **options}
    with guarded_client(HostRules((store.url.removeprefix("http://"),))) as http:
        origin = S3Origin(S3Options(**chosen), secrets, http, max_item_bytes=1000)  # type: ignore[arg-type]
        return list(origin.list(None))


def test_a_prefix_is_listed_without_itself(bucket: Bucket) -> None:
    bucket.objects = {"hr/a.md": b"1", "hr/sub/b.md": b"2", "it/c.md": b"3", "hr/": b""}
    items = listed(bucket, prefix="hr/")
    assert [(each.key, each.path) for each in items if isinstance(each, Item)] == [
        ("hr/a.md", "a.md"),
        ("hr/sub/b.md", "sub/b.md"),
    ]


def test_a_listing_goes_over_all_its_pages(bucket: Bucket) -> None:
    bucket.objects = {f"{number:03}.md": b"x" for number in range(4 * PAGE_KEYS + 1)}
    assert len(listed(bucket)) == 4 * PAGE_KEYS + 1


def test_a_listing_that_breaks_off_is_an_error(bucket: Bucket) -> None:
    bucket.objects = {f"{number}.md": b"x" for number in range(9)}
    bucket.fails_after_pages = 2
    with pytest.raises(OriginError, match="500 InternalError"):
        listed(bucket)


@pytest.mark.parametrize(
    "key",
    ["../up.md", "a/../b.md", "a//b.md", "a/./b.md", "back\\slash.md", "line\nbreak.md", "/lead/../x.md"],
)
def test_a_key_that_makes_no_path_is_told_and_left_out(bucket: Bucket, key: str) -> None:
    bucket.objects = {key: b"x", "good.md": b"y"}
    found = listed(bucket)
    assert [each.key for each in found if isinstance(each, Item)] == ["good.md"]
    assert [each.key for each in found if isinstance(each, Problem)] == [key]


def test_two_keys_with_one_path_are_not_taken_for_one_document(bucket: Bucket) -> None:
    bucket.objects = {"a.md": b"1", "/a.md": b"2"}
    found = listed(bucket)
    assert len([each for each in found if isinstance(each, Item)]) == 1
    assert len([each for each in found if isinstance(each, Problem)]) == 1


@pytest.mark.parametrize(
    ("secrets", "error", "match"),
    [
        ({"access_key": "AKIDEXAMPLE", "secret_key": "wrong"}, OriginError, "403 SignatureDoesNotMatch"),
        ({}, OriginError, "403"),
        ({"access_key": "AKIDEXAMPLE"}, OriginRefusedError, "both"),
    ],
)
def test_wrong_secrets_are_told_without_being_shown(
    bucket: Bucket, secrets: dict[str, str], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match) as caught:
        listed(bucket, secrets)
    assert "wrong" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_an_error(bucket: Bucket) -> None:
    with pytest.raises(OriginError, match="NoSuchBucket"):
        listed(bucket, bucket="missing")


@pytest.mark.parametrize(
    "endpoint", ["ftp://x.example", "https://user:password@x.example", "x.example", "http://127.0.0.1:1"]
)
def test_an_odd_or_forbidden_store_is_refused(bucket: Bucket, endpoint: str) -> None:
    with pytest.raises(OriginRefusedError):
        listed(bucket, endpoint=endpoint)
    assert bucket.requests == []


@pytest.mark.parametrize(
    "content", [b"<html></html>", b"", b"\x00", b'<!DOCTYPE x [<!ENTITY e "x">]><x>&e;</x>']
)
def test_an_answer_that_is_no_listing_is_an_error(content: bytes) -> None:
    with site_server() as site:
        site.has_etags = False
        site.answers["/files?encoding-type=url&list-type=2&prefix="] = Answer(body=content)
        with pytest.raises(OriginError):
            listed(Bucket(url=site.url))
