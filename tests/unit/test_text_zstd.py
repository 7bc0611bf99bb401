"""Zstandard: known by its bytes, verified as far as it can be, decompressed in pieces of bounded size."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from assay.contract.format import Format
from assay.text import Unreadable, scan, split
from assay.text.compression import unpacked
from assay.text.stream import PIECE

CSV = Format("csv")
ROWS = b"id,name\n" + b"".join(b"%d,name %d\n" % (i, i) for i in range(2_000))
CHECKSUM = {zstd.CompressionParameter.checksum_flag: 1}
SKIPPABLE = b"\x52\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"


def packed(content: bytes) -> bytes:
    return zstd.compress(content, options=CHECKSUM)


def seen(folder: Path, content: bytes) -> bytes:
    path = folder / "a.csv"
    path.write_bytes(content)
    return b"\n".join(record.raw for record in split(path, CSV, 2))


@pytest.mark.parametrize(
    "content",
    [
        packed(ROWS),
        zstd.compress(ROWS),
        packed(ROWS[:999]) + packed(b"") + packed(ROWS[999:]),
        SKIPPABLE + packed(ROWS) + SKIPPABLE,
    ],
)
def test_frames_are_one_file_whatever_its_name(tmp_path: Path, content: bytes) -> None:
    assert seen(tmp_path, content) == ROWS.partition(b"\n")[2].rstrip(b"\n")
    result = scan(tmp_path / "a.csv", CSV)
    assert (result.compression, result.records, result.size) == ("zstd", 2_000, len(content))


def test_a_stream_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    content = packed(ROWS)
    for size in range(4, len(content)):
        with pytest.raises(Unreadable, match="the zstd stream ends in the middle: the file is cut off"):
            seen(tmp_path, content[:size])


def test_something_else_behind_the_stream_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="the zstd stream is damaged"):
        seen(tmp_path, packed(ROWS) + b"3,c\n")


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_flipped_bit_changes_what_is_read(at: int, bit: int) -> None:
    content = bytearray(packed(ROWS))
    content[at % len(content)] ^= 1 << bit
    try:
        output = b"".join(unpacked(iter([bytes(content)]), "zstd"))
    except Unreadable:
        return
    assert output in (ROWS, b"")  # an empty one where the mark became that of a frame without content


@given(st.lists(st.binary(), min_size=1, max_size=4), st.lists(st.integers(0, 400), max_size=6))
def test_what_was_compressed_comes_back_however_it_arrives(parts: list[bytes], cuts: list[int]) -> None:
    content = b"".join(packed(part) for part in parts)
    bounds = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    pieces = [content[start:end] for start, end in pairwise(bounds)]
    assert b"".join(unpacked(iter(pieces), "zstd")) == b"".join(parts)


def test_a_small_file_of_huge_content_is_decompressed_in_pieces() -> None:
    bomb = packed(b"1,2\n" * 5_000_000)
    sizes = [len(piece) for piece in unpacked(iter([bomb]), "zstd")]
    assert sum(sizes) == 20_000_000
    assert max(sizes) <= PIECE
