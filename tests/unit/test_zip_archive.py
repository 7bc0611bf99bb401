"""What the directory of a zip archive says of its members, and what it does not get away with."""

from __future__ import annotations

import io
import os
import random
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.base.archive_limits import ArchiveLimits
from assay.text import Unreadable
from assay.text.zip_archive import content_of, members

LIMITS = ArchiveLimits()
TEXT = b"id,name\n1,a\n"
Edit = Callable[[zipfile.ZipInfo], object]


def build(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, edit: Edit = lambda _: None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings(action="ignore"):
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            edit(info)
            archive.writestr(info, content)
    return out.getvalue()


def put(folder: Path, content: bytes) -> Path:
    path = folder / "a.zip"
    path.write_bytes(content)
    return path


def problems(path: Path, limits: ArchiveLimits = LIMITS) -> dict[str, str]:
    return {member.name: member.problem for member in members(path, limits)}


def contents(path: Path) -> dict[str, bytes]:
    return {member.name: b"".join(content_of(path, member)) for member in members(path, LIMITS)}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_members_come_back_byte_for_byte(tmp_path: Path, method: int) -> None:
    files = {"x/a.csv": TEXT, "empty": b"", "large": os.urandom(300_000) + bytes(300_000)}
    path = put(tmp_path, build(*files.items(), method=method))
    assert contents(path) == files
    assert [(m.name, m.size) for m in members(path, LIMITS)] == [(name, len(text)) for name, text in files.items()]


def test_streams_of_unknown_length_large_archives_and_bytes_before_them_are_read(tmp_path: Path) -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:  # sizes follow the data
        with archive.open("a.csv", "w", force_zip64=True) as member:
            member.write(TEXT)
        archive.writestr("b.csv", TEXT)
    for content in (out.getvalue(), b"#!/bin/sh\n" + build(("a.csv", TEXT), ("b.csv", TEXT))):
        assert contents(put(tmp_path, content)) == {"a.csv": TEXT, "b.csv": TEXT}


def test_folders_are_no_members_and_old_names_are_of_code_page_437(tmp_path: Path) -> None:
    content = build(("x/", b""), ("x/a.csv", TEXT), ("Umsätze.csv", TEXT))
    assert list(contents(put(tmp_path, content))) == ["x/a.csv", "Umsätze.csv"]
    old = build(("Umsxtze.csv", TEXT)).replace(b"Umsxtze", b"Ums\x84tze")
    assert list(contents(put(tmp_path, old))) == ["Umsätze.csv"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../a.csv", "leads out of the archive"),
        ("x/../../a.csv", "leads out of the archive"),
        ("/etc/passwd", "leads out of the archive"),
        ("x//a.csv", "leads out of the archive"),
        ("a" * 300, "longer than the 255 bytes"),
        ("x/" + "ä" * 128 + ".csv", "longer than the 255 bytes"),
    ],
)
def test_names_that_are_no_paths_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    path = put(tmp_path, build((name, TEXT), ("good.csv", TEXT)))
    assert reason in problems(path)[name]
    assert problems(path)["good.csv"] == ""
    with pytest.raises(Unreadable, match=reason[:20]):
        list(content_of(path, members(path, LIMITS)[0]))


def test_a_nul_in_a_name_hides_nothing(tmp_path: Path) -> None:
    path = put(tmp_path, build(("a.csvx.exe", TEXT)).replace(b"a.csvx.exe", b"a.csv\0.exe"))
    assert problems(path) == {"a.csv": "its name holds a NUL character"}


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    modes = {"link": stat.S_IFLNK, "pipe": stat.S_IFIFO, "file": stat.S_IFREG, "unset": 0}

    def edit(info: zipfile.ZipInfo) -> None:
        info.external_attr = (modes[info.filename] | 0o644) << 16

    why = problems(put(tmp_path, build(*((name, b"/etc/passwd") for name in modes), edit=edit)))
    assert why["link"] == "is a link"
    assert "not a regular file" in why["pipe"]
    assert why["file"] == why["unset"] == ""


def test_two_members_of_one_name_are_both_refused(tmp_path: Path) -> None:
    path = put(tmp_path, build(("a.csv", TEXT), ("b.csv", TEXT), ("a.csv", b"other")))
    assert problems(path) == {"a.csv": "2 members of the archive have this name", "b.csv": ""}


def patched(content: bytes, name: bytes, local: tuple[int, str, int], central: tuple[int, str, int]) -> bytes:
    """The archive with a field of the header before a member, and of its entry in the directory, overwritten."""
    data = bytearray(content)
    for mark, (offset, form, value) in ((b"PK\3\4", local), (b"PK\1\2", central)):
        length = 30 if mark == b"PK\3\4" else 46
        at = data.index(name, data.index(mark) if mark == b"PK\3\4" else data.index(b"PK\1\2")) - length
        struct.pack_into(form, data, at + offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("method", "reason"), [(9, "deflate64"), (14, "lzma"), (98, "ppmd"), (99, "AES"), (12345, "number 12345")]
)
def test_methods_that_are_not_known_are_named(tmp_path: Path, method: int, reason: str) -> None:
    content = patched(build(("a.csv", TEXT), ("b.csv", TEXT)), b"a.csv", (8, "<H", method), (10, "<H", method))
    why = problems(put(tmp_path, content))
    assert reason in why["a.csv"]
    assert why["b.csv"] == ""


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    why = problems(put(tmp_path, patched(build(("a.csv", TEXT)), b"a.csv", (6, "<H", 1), (8, "<H", 1))))
    assert "is encrypted" in why["a.csv"]


@pytest.mark.parametrize("size", [3, len(TEXT) + 7])
def test_a_size_that_is_not_true_is_damage(tmp_path: Path, size: int) -> None:
    content = patched(build(("a.csv", TEXT)), b"a.csv", (22, "<L", size), (24, "<L", size))
    [member] = members(put(tmp_path, content), LIMITS)
    with pytest.raises(Unreadable, match="it is damaged"):
        list(content_of(tmp_path / "a.zip", member))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_any_byte_that_is_changed_within_a_member_is_damage(tmp_path: Path, method: int) -> None:
    good = build(("a.csv", TEXT), method=method)
    path = put(tmp_path, good)
    [member] = members(path, LIMITS)
    begin = member.offset + 30 + len("a.csv")
    for at in range(begin, begin + member.packed):
        put(tmp_path, good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
        with pytest.raises(Unreadable):
            assert b"".join(content_of(path, member)) == TEXT  # a bit that pads the last byte may be anything
            raise Unreadable


def test_a_member_that_is_somebody_else_is_damage(tmp_path: Path) -> None:
    content = build(("a.csv", TEXT)).replace(b"a.csv", b"b.csv", 1)
    [member] = members(put(tmp_path, content), LIMITS)
    with pytest.raises(Unreadable, match="another name"):
        list(content_of(tmp_path / "a.zip", member))


def test_an_archive_that_is_cut_off_or_none_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    good = build(("a.csv", TEXT), ("b.csv", TEXT))
    for end in range(0, len(good), 5):
        with pytest.raises(Unreadable, match="cannot be opened as a zip archive"):
            members(put(tmp_path, good[:end]), LIMITS)
    for empty in (build(), build(("x/", b""))):
        with pytest.raises(Unreadable, match="without files"):
            members(put(tmp_path, empty), LIMITS)


def test_no_byte_of_the_directory_makes_anything_but_a_refusal(tmp_path: Path) -> None:
    """Seeded: each archive has a few bytes of it overwritten."""
    good = build(("x/a.csv", TEXT), ("b.csv", TEXT * 50), ("c.csv", b""))
    rng = random.Random(17)  # noqa: S311
    for _ in range(150):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(good.index(b"PK\1\2"), len(good))] = rng.choice(
                (0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))
            )
        path = put(tmp_path, bytes(data))
        try:
            for member in members(path, LIMITS):
                try:
                    read = b"".join(content_of(path, member))
                except Unreadable:
                    continue
                assert (len(read), zlib.crc32(read)) == (member.size, member.crc)
        except Unreadable:
            pass


def overlapping(count: int) -> bytes:
    """One kernel of data that many entries of the directory point to."""
    content = build(("a0000", bytes(100_000)))
    begin, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry = content[begin:end]
    entries = b"".join(entry.replace(b"a0000", b"a%04d" % n) for n in range(count))
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entries), begin, 0)
    return content[:begin] + entries + tail


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """The way in which 10 MB unpack to 281 TB (Fifield, A better zip bomb, 2019)."""
    path = put(tmp_path, overlapping(3))
    assert all("shares bytes of the archive" in problem for problem in problems(path).values())
    assert problems(put(tmp_path, overlapping(1))) == {"a0000": ""}


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (ArchiveLimits(members=2), "it has 3, and archives may have 2 members; raise ASSAY_ARCHIVE_MEMBERS"),
        (ArchiveLimits(size=299), "unpack to 300 bytes and archives may to 299; raise ASSAY_ARCHIVE_SIZE"),
    ],
)
def test_an_archive_that_exceeds_a_limit_is_refused(tmp_path: Path, limits: ArchiveLimits, reason: str) -> None:
    path = put(tmp_path, build(*((f"{n}.csv", bytes(100)) for n in range(3))))
    assert set(problems(path, ArchiveLimits(members=3, size=300)).values()) == {""}
    with pytest.raises(Unreadable, match=reason):
        members(path, limits)


def test_a_directory_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    path = put(tmp_path, build(*((f"{n:0200}", b"") for n in range(5000))))
    with pytest.raises(Unreadable, match=r"its directory takes 1,230,000 bytes, and archives may have 100 members"):
        members(path, ArchiveLimits(members=100))


def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, build(("zeros", bytes(1_000_000)), ("a.csv", TEXT)))
    why = problems(path, ArchiveLimits(ratio=100))
    assert "unpacks to 1,000,000 bytes from 985, and members may to 100" in why["zeros"]
    assert "ASSAY_ARCHIVE_RATIO" in why["zeros"]
    assert why["a.csv"] == problems(path)["a.csv"] == ""
