"""Archives unpack within one budget, under names of ours, and one bad part does not spoil the rest."""

import gzip
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tarfile import TarInfo
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from ingest.archives import ArchiveLimits, ArchiveMember, expand
from ingest.errors import ArchiveRefusedError, CorruptDocumentError, EncryptedDocumentError

Unpack = Callable[..., list[ArchiveMember]]


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def unpack(tmp_path: Path) -> Unpack:
    def unpack(content: bytes, limits: ArchiveLimits | None = None) -> list[ArchiveMember]:
        path = tmp_path / "upload"
        path.write_bytes(content)
        folder = tmp_path / "unpacked"
        folder.mkdir()
        return list(expand(path, "outer.zip", folder, limits))

    return unpack


def test_nested_archives_show_the_whole_way(unpack: Unpack) -> None:
    inner = zipped({"folder/note.md": b"# Note"})
    members = unpack(zipped({"inner.zip": inner, "top.txt": b"top"}))
    assert {member.name: member.path.read_bytes() for member in members} == {
        "outer.zip/inner.zip/folder/note.md": b"# Note",
        "outer.zip/top.txt": b"top",
    }


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil.txt", "..\\..\\evil.txt", "C:\\evil.txt"])
def test_a_member_s_name_never_decides_where_it_is_written(unpack: Unpack, tmp_path: Path, name: str) -> None:
    (member,) = unpack(zipped({name: b"evil"}))
    assert member.path.parent == tmp_path / "unpacked"
    assert ".." not in member.name
    assert not member.name.removeprefix("outer.zip/").startswith(("/", "C:"))
    assert member.name.endswith("evil.txt")


def test_folders_links_and_litter_are_left_out(unpack: Unpack) -> None:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name in ("folder/", "__MACOSX/._a.txt", "folder/.DS_Store", "a.txt"):
            archive.writestr(name, b"x")
        link = ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, b"/etc/passwd")
    assert [member.name for member in unpack(buffer.getvalue())] == ["outer.zip/a.txt"]


def test_names_in_utf_8_are_read_as_such_though_not_flagged(unpack: Unpack) -> None:
    content = zipped({"aou.txt": b"x"}).replace(b"aou", "äu".encode())
    assert [member.name for member in unpack(content)] == ["outer.zip/äu.txt"]


def test_a_broken_archive_inside_is_handed_on_and_the_rest_unpacked(unpack: Unpack) -> None:
    broken = zipped({"lost.txt": b"lost" * 100})[:-30]
    members = unpack(zipped({"a.txt": b"a", "broken.zip": broken, "z.txt": b"z"}))
    assert [member.name for member in members] == [
        "outer.zip/a.txt",
        "outer.zip/broken.zip",
        "outer.zip/z.txt",
    ]
    assert members[1].path.read_bytes() == broken


def test_a_damaged_member_is_reported_after_the_others(tmp_path: Path) -> None:
    stored = BytesIO()
    with ZipFile(stored, "w") as archive:
        archive.writestr("bad.txt", b"original")
        archive.writestr("good.txt", b"good")
    path = tmp_path / "upload"
    path.write_bytes(stored.getvalue().replace(b"original", b"tampered"))
    members = expand(path, "outer.zip", tmp_path)
    assert next(members).path.read_bytes() == b"good"
    with pytest.raises(CorruptDocumentError, match=r"'bad\.txt'"):
        next(members)


def test_too_deep_an_archive_is_handed_on_closed(unpack: Unpack) -> None:
    content = zipped({"note.txt": b"deep"})
    for level in range(3):
        content = zipped({f"level{level}.zip": content})
    (member,) = unpack(content, ArchiveLimits(depth=2))
    assert member.name == "outer.zip/level2.zip/level1.zip"


def test_a_bomb_is_refused_by_what_it_unpacks_to(unpack: Unpack) -> None:
    with pytest.raises(ArchiveRefusedError, match="exhaust"):
        unpack(zipped({"zeros.txt": bytes(64 << 20)}))


def test_a_member_that_lies_about_its_size_is_refused(unpack: Unpack) -> None:
    content = bytearray(zipped({"zeros.txt": bytes(3 << 20)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        position = content.index(signature) + offset
        content[position : position + 4] = (10).to_bytes(4, "little")
    with pytest.raises((ArchiveRefusedError, CorruptDocumentError)):
        unpack(bytes(content))


def test_nested_archives_share_one_budget(unpack: Unpack) -> None:
    inner = zipped({"text.txt": bytes(range(256)) * 2000})
    limits = ArchiveLimits(total_bytes=1_200_000, ratio=10_000)
    with pytest.raises(ArchiveRefusedError, match="MB"):
        unpack(zipped({f"{number}.zip": inner for number in range(3)}), limits)


def test_too_many_members_are_refused(unpack: Unpack) -> None:
    with pytest.raises(ArchiveRefusedError, match="more than 10"):
        unpack(zipped({f"{number}.txt": b"x" for number in range(11)}), ArchiveLimits(members=10))


def test_a_directory_too_large_for_memory_is_refused_unread(unpack: Unpack) -> None:
    content = bytearray(zipped({"a.txt": b"x"}))
    end = content.rindex(b"PK\x05\x06")
    content[end + 12 : end + 16] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(ArchiveRefusedError):
        unpack(bytes(content))


def test_an_encrypted_archive_says_so(unpack: Unpack) -> None:
    content = bytearray(zipped({"secret.txt": b"secret"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    with pytest.raises(EncryptedDocumentError, match=r"'outer\.zip'"):
        unpack(bytes(content))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(5), b"no zip at all"])
def test_a_broken_archive_says_so(unpack: Unpack, content: bytes) -> None:
    with pytest.raises(CorruptDocumentError, match=r"'outer\.zip'"):
        unpack(content)


def tarred(*members: tuple[TarInfo, bytes], mode: str = "w") -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownVariableType]
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, BytesIO(content))  # pyright: ignore[reportUnknownMemberType]
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> TarInfo:
    member = TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tar_files_are_unpacked_nested_too(unpack: Unpack, mode: str) -> None:
    inner = tarred((entry("folder/note.md"), b"# Note"), mode="w:gz")
    content = tarred((entry("inner.tar.gz"), inner), (entry("a.zip"), zipped({"b.txt": b"b"})), mode=mode)
    members = unpack(content)
    assert {member.name: member.path.read_bytes() for member in members} == {
        "outer.zip/inner.tar.gz/folder/note.md": b"# Note",
        "outer.zip/a.zip/b.txt": b"b",
    }


def test_a_single_gzipped_file_is_unpacked(unpack: Unpack) -> None:
    (member,) = unpack(zipped({"log.txt.gz": gzip.compress(b"logged")}))
    assert (member.name, member.path.read_bytes()) == ("outer.zip/log.txt.gz/log.txt", b"logged")


def test_links_devices_and_ways_out_of_a_tar_lead_nowhere(unpack: Unpack, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s3cr3t")
    members = unpack(
        tarred(
            (entry("soft.txt", tarfile.SYMTYPE, str(secret)), b""),
            (entry("hard.txt", tarfile.LNKTYPE, str(secret)), b""),
            (entry("folder", tarfile.SYMTYPE, str(tmp_path)), b""),
            (entry("folder/through.txt"), b"harmless"),
            (entry("device", tarfile.CHRTYPE), b""),
            (entry("pipe", tarfile.FIFOTYPE), b""),
            (entry("../../evil.txt"), b"evil"),
            (entry("/etc/evil.txt"), b"evil"),
        )
    )
    assert [member.name for member in members] == [
        "outer.zip/folder/through.txt",
        "outer.zip/evil.txt",
        "outer.zip/etc/evil.txt",
    ]
    assert all(member.path.parent == tmp_path / "unpacked" for member in members)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "unpacked", "upload"]


def test_a_gzip_bomb_is_refused_by_what_it_unpacks_to(unpack: Unpack) -> None:
    with pytest.raises(ArchiveRefusedError, match="exhaust"):
        unpack(gzip.compress(bytes(64 << 20)))


def test_tar_and_zip_share_one_budget(unpack: Unpack) -> None:
    part = tarred((entry("a.bin"), bytes(range(256)) * 2000))
    with pytest.raises(ArchiveRefusedError, match="MB"):
        unpack(zipped({"a.tar": part, "b.tar": part, "c.tar": part}), ArchiveLimits(total_bytes=2_500_000))


def test_a_header_of_a_tar_that_says_it_is_enormous_is_not_believed(unpack: Unpack) -> None:
    extension = entry("././@PaxHeader", tarfile.XHDTYPE)
    extension.size = 7 << 30
    with pytest.raises((ArchiveRefusedError, CorruptDocumentError)):
        unpack(extension.tobuf(tarfile.GNU_FORMAT) + bytes(4096))


@pytest.mark.parametrize("cut", [600, 1100])
def test_a_tar_that_breaks_off_gives_what_is_whole(tmp_path: Path, cut: int) -> None:
    content = tarred((entry("a.txt"), b"a"), (entry("b.txt"), bytes(5000)))
    path = tmp_path / "upload"
    path.write_bytes(content[: cut + 512])
    members = expand(path, "outer.tar", tmp_path)
    assert next(members).path.read_bytes() == b"a"
    with pytest.raises(CorruptDocumentError, match=r"'outer\.tar'"):
        list(members)
