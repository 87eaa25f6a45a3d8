"""The list of what is readable says neither more nor less than what the parsers read."""

from ingest.archives import ARCHIVES
from ingest.parsers.formats import PARSERS, PICTURED
from ingest.readable import READABLE, readable_extensions, readable_media_types
from ingest.sniffing import KINDS

READ = {*PARSERS, *PICTURED, *ARCHIVES}


def test_the_list_names_exactly_what_has_a_parser_or_is_unpacked() -> None:
    assert {one.media_types[0] for one in READABLE} == READ


def test_every_kind_has_words_for_its_uploader() -> None:
    assert set(KINDS) >= READ


def test_extensions_and_media_types_can_be_compared_as_they_are_sent() -> None:
    assert all(extension == extension.lower() and extension[0] == "." for extension in readable_extensions())
    assert all(media_type == media_type.lower() for media_type in readable_media_types())
    assert {".docx", ".msg", ".tgz", ".py"} <= set(readable_extensions())
