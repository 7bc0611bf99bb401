"""Files packed by bzip2 and xz: known by their bytes, verified, and the same records in each format."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable

import pytest

from tests.source import Source

Make = Callable[..., Source]
Pack = Callable[[bytes], bytes]
COLUMNS = {"id": "bigint", "name": "varchar"}
CSV = b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n) for n in range(5000))
JSON = b"".join(b'{"id": %d, "name": "name %d"}\n' % (n, n) for n in range(5000))


def bzip2(content: bytes) -> bytes:
    return bz2.compress(content)


def xz(content: bytes) -> bytes:
    return lzma.compress(content)


@pytest.mark.parametrize("pack", [bzip2, xz])
@pytest.mark.parametrize(
    ("content", "form"),
    [
        (CSV, {"type": "csv"}),
        (JSON, {"type": "jsonl"}),
        (b"[" + JSON.strip().replace(b"\n", b",") + b"]", {"type": "json"}),
    ],
    ids=["csv", "jsonl", "json"],
)
def test_the_records_are_those_of_the_plain_file(make: Make, pack: Pack, content: bytes, form: dict[str, str]) -> None:
    source = make(COLUMNS, format=form)
    source.put("a", pack(content))
    source.put("b", pack(content))
    source.run()
    assert source.files() == {"a": "loaded", "b": "duplicate"}
    assert source.rows() == [(n, f"name {n}") for n in range(5000)]
    assert source.sql("select distinct records_read from ops.files where status = 'loaded'") == [(5000,)]


@pytest.mark.parametrize("pack", [bzip2, xz])
def test_streams_behind_each_other_are_one_file(make: Make, pack: Pack) -> None:
    source = make(COLUMNS)
    source.put("a.csv", pack(CSV[:1000]) + pack(b"") + pack(CSV[1000:]))
    source.run()
    assert len(source.rows()) == 5000


@pytest.mark.parametrize("pack", [bzip2, xz])
@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-10],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:200] + bytes(byte ^ 1 for byte in packed[200:204]) + packed[204:],
        lambda packed: packed + b"1,x\n",
    ],
    ids=["end cut off", "half", "flipped", "followed"],
)
def test_a_damaged_stream_is_refused_and_none_of_it_is_loaded(make: Make, pack: Pack, damage: Pack) -> None:
    source = make(COLUMNS)
    source.put("a.csv", damage(pack(CSV)))
    source.run()
    assert source.files() == {"a.csv": "refused"}
    assert "stream" in source.reason("a.csv")
    assert source.rows() == []
