"""A Parquet file whose bytes or schema cannot be trusted is refused with the reason, before any of it is loaded."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.ledger.pending import NeedsFiles
from tests.source import Source

Make = Callable[..., Source]
PARQUET = {"type": "parquet"}
SALES = {"id": pa.array([1, 2, 3]), "amount": pa.array([100, 200, 300])}
PLAIN = {"compression": "none", "use_dictionary": False, "write_statistics": False}


def written(path: Path, columns: Mapping[str, pa.Array] | pa.Table, **options: Any) -> bytes:
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(dict(columns)), path, **options)
    return path.read_bytes()


def flipped(content: bytes, at: int, bit: int = 64) -> bytes:
    return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]


def swapped(content: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert content.count(old) == 1
    return content.replace(old, new)


def outcome(make: Make, content: bytes, columns: Mapping[str, str], **contract: Any) -> Source:
    """A source that got the file, and a good one beside it."""
    source = make(columns, format=PARQUET, **contract)
    source.put("a.parquet", content)
    source.run()
    return source


BIGINTS = {"id": "bigint", "amount": "bigint"}


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"use_dictionary": False, "compression": "none"}, "value"),
        ({"use_dictionary": True, "compression": "none"}, "value"),
        ({"compression": "zstd"}, "dictionary"),
        ({"compression": "snappy", "data_page_version": "2.0"}, "dictionary"),
        ({"use_dictionary": False, "compression": "snappy"}, "data"),
    ],
)
def test_one_flipped_bit_of_a_page_with_a_checksum_refuses_the_file(
    make: Make, tmp_path: Path, options: dict[str, Any], place: str
) -> None:
    """The 200 was loaded as 136."""
    content = written(tmp_path / "made", SALES, write_page_checksum=True, **options)
    chunk = pq.ParquetFile(tmp_path / "made").metadata.row_group(0).column(1)
    at = {
        "value": content.find(struct.pack("<q", 200)),
        "dictionary": (chunk.dictionary_page_offset or 0) + 40,
        "data": chunk.data_page_offset + chunk.total_compressed_size - 3,
    }[place]
    source = outcome(make, flipped(content, at), BIGINTS)
    assert source.files() == {"a.parquet": "refused"}
    assert "CRC checksum verification failed" in source.reason("a.parquet")
    assert source.sightings() == [("a.parquet", "refused")]
    assert outcome(make, content, BIGINTS).rows() == [(1, 100), (2, 200), (3, 300)]


def test_a_damaged_page_of_a_column_that_the_contract_does_not_name_refuses_the_file_too(
    make: Make, tmp_path: Path
) -> None:
    content = written(tmp_path / "made", SALES, write_page_checksum=True, **PLAIN)
    at = content.find(struct.pack("<q", 200))
    source = outcome(make, flipped(content, at), {"id": "bigint"})
    assert source.files() == {"a.parquet": "refused"}


def test_the_second_of_two_row_groups_is_verified_too(make: Make, tmp_path: Path) -> None:
    many = {"id": pa.array(range(10_000)), "amount": pa.array([7] * 9_999 + [200])}
    content = written(tmp_path / "made", many, write_page_checksum=True, row_group_size=6_000, **PLAIN)
    at = content.find(struct.pack("<qq", 7, 200)) + 8
    assert outcome(make, flipped(content, at), BIGINTS).files() == {"a.parquet": "refused"}


def test_a_file_without_checksums_is_loaded_as_it_stands(make: Make, tmp_path: Path) -> None:
    """Nothing in it says what the value was; DuckDB and most other programs write no checksums."""
    content = written(tmp_path / "made", SALES, **PLAIN)
    source = outcome(make, flipped(content, content.find(struct.pack("<q", 200))), BIGINTS)
    assert source.rows() == [(1, 100), (2, 136), (3, 300)]


LISTS = {"id": pa.array([1, 2]), "l": pa.array([[1, 2], [3]], pa.list_(pa.int64()))}


def test_a_nested_column_with_levels_that_the_readers_take_differently_refuses_the_file(
    make: Make, tmp_path: Path
) -> None:
    """Its first value continues a list that never began."""
    content = written(tmp_path / "made", LISTS, **PLAIN)
    runs = struct.pack("<i", 2) + bytes([3, 0b010])  # a bit-packed run: 0, 1, 0
    assert content.count(runs) == 1
    broken = content.replace(runs, runs[:-1] + bytes([0b011]))
    source = outcome(make, broken, {"id": "bigint", "l": "varchar"})
    assert source.files() == {"a.parquet": "refused"}, source.rows()
    assert "Parquet" in source.reason("a.parquet")
    assert outcome(make, content, {"id": "bigint", "l": "varchar"}).rows("l") == [("[1,2]",), ("[3]",)]


def test_a_footer_that_counts_other_records_than_the_pages_refuses_the_file(make: Make, tmp_path: Path) -> None:
    """A file of 1,000 records says that it has 1,008; the number is written once for the file, once for its group."""
    content = written(tmp_path / "made", {"id": pa.array(range(1_000))}, **PLAIN)
    footer = len(content) - 8 - struct.unpack("<i", content[-8:-4])[0]
    count, other = bytes([0xD0, 0x0F]), bytes([0xE0, 0x0F])  # zigzag varints
    for at in (content.find(b"\x16" + count, footer), content.rfind(b"\x16" + count)):
        broken = content[: at + 1] + other + content[at + 3 :]
        source = outcome(make, broken, {"id": "bigint"})
        assert source.files() == {"a.parquet": "refused"}, at


def test_a_decimal_with_more_digits_than_its_type_refuses_the_file(make: Make, tmp_path: Path) -> None:
    """DuckDB holds DECIMAL(4,2) in 16 bits and reads -76.16; the file says 1234.56."""
    array = pa.array([Decimal("12.34")], pa.decimal128(4, 2))
    content = written(tmp_path / "made", {"id": array}, store_decimal_as_integer=True, **PLAIN)
    broken = swapped(content, struct.pack("<i", 1234), struct.pack("<i", 123_456))
    source = outcome(make, broken, {"id": "decimal(4,2)"})
    assert source.files() == {"a.parquet": "refused"}
    assert "123456 does not fit in precision" in source.reason("a.parquet")


def test_bytes_that_are_no_utf8_in_a_column_of_text_refuse_the_file(make: Make, tmp_path: Path) -> None:
    content = written(tmp_path / "made", {"id": pa.array(["caf\u00e9"])}, **PLAIN)
    broken = swapped(content, "caf\u00e9".encode(), b"caf\xc3\x28")
    assert outcome(make, broken, {"id": "varchar"}).files() == {"a.parquet": "refused"}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["id", "a", "a"], "its columns a have one name, or differ only in upper and lower case"),
        (["id", "a", "A"], "its columns A, a have one name, or differ only in upper and lower case"),
        (["id", "ID"], "its columns ID, id have one name"),
        (["id", ""], "one of its columns has no name"),
    ],
)
def test_names_that_no_reader_keeps_apart_refuse_the_file(
    make: Make, tmp_path: Path, names: list[str], reason: str
) -> None:
    """DuckDB calls the second one `a_1`, and one without a name `C0`."""
    table = pa.Table.from_arrays([pa.array([at]) for at in range(len(names))], names=names)
    source = outcome(make, written(tmp_path / "made", table), {"id": "bigint"})
    assert source.files() == {"a.parquet": "refused"}
    assert reason in source.reason("a.parquet")


STRUCT_TWINS = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["x", "X"])


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (STRUCT_TWINS, "is nested with two fields of one name"),
        (pa.ListArray.from_arrays([0, 1], STRUCT_TWINS), "is nested with two fields of one name"),
        (pa.array([[Decimal("1.50")]], pa.list_(pa.decimal256(39, 2))), "holds DECIMAL(39,2) inside list"),
        (pa.array([{"at": 1_001}], pa.struct([("at", pa.timestamp("ns", "UTC"))])), "would lose data"),
        (pa.array([[1_001]], pa.list_(pa.time64("ns"))), "would lose data"),
    ],
)
def test_a_nested_column_that_cannot_be_shown_exactly_refuses_the_file(
    make: Make, tmp_path: Path, array: pa.Array, reason: str
) -> None:
    content = written(tmp_path / "made", {"id": pa.array([1]), "v": array})
    for columns in ({"id": "bigint", "v": "varchar"}, {"id": "bigint"}):
        source = outcome(make, content, columns)
        assert source.files() == {"a.parquet": "refused"}
        assert reason in source.reason("a.parquet")


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (pa.array([[1]]), "bigint"),
        (pa.array([{"a": 1}]), "double"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "date"),
    ],
)
def test_a_nested_column_under_a_type_refuses_the_file(
    make: Make, tmp_path: Path, array: pa.Array, wanted: str
) -> None:
    source = outcome(make, written(tmp_path / "made", {"id": pa.array([1]), "v": array}), {"id": "bigint", "v": wanted})
    assert source.files() == {"a.parquet": "refused"}
    assert f"where the contract has {wanted}; declare it as varchar to keep it as JSON" in source.reason("a.parquet")


@pytest.mark.parametrize(
    ("stored", "reason"), [(0, "None"), (8, "None"), (40, "its column v has the Parquet type BSON")]
)
def test_a_type_is_known_or_refuses_the_file(make: Make, tmp_path: Path, stored: int, reason: str) -> None:
    """UTF8, ENUM and BSON, by the number that stands for them in a footer."""
    content = _duckdb_writes(tmp_path / "made", "select 1 as id, 'x' as v")
    stored_as = swapped(content, b"\x18\x01v\x25\x00", b"\x18\x01v\x25" + bytes([stored]))
    source = outcome(make, stored_as, {"id": "bigint", "v": "varchar"})
    assert reason in source.reason("a.parquet")
    assert source.rows("v") == ([("x",)] if reason == "None" else [])


def test_a_type_that_the_readers_take_for_different_things_refuses_the_file(make: Make, tmp_path: Path) -> None:
    """DuckDB reads the value of a VARIANT, pyarrow the fields that it is stored in."""
    content = _duckdb_writes(tmp_path / "made", "select 1 as id, 5::variant as v")
    source = outcome(make, content, {"id": "bigint", "v": "varchar"})
    assert "read different values in its nested columns v" in source.reason("a.parquet")


@pytest.mark.parametrize(("months", "status"), [((1 << 31) - 1, "loaded"), (1 << 31, "refused")])
def test_an_interval_that_duckdb_would_make_negative_refuses_the_file(
    make: Make, tmp_path: Path, months: int, status: str
) -> None:
    content = _duckdb_writes(tmp_path / "made", "select 1 as id, interval '1 month 2 days 3 ms' as v")
    stored = swapped(content, struct.pack("<III", 1, 2, 3), struct.pack("<III", months, 2, 3))
    assert outcome(make, stored, {"id": "bigint", "v": "varchar"}).files() == {"a.parquet": status}


def test_the_careful_way_counts_and_explains_what_the_fast_one_refuses(make: Make, tmp_path: Path) -> None:
    """A full refresh of a file that a version before loaded, and whose page is found damaged now, changes nothing."""
    content = written(tmp_path / "made", SALES, write_page_checksum=True, **PLAIN)
    source = outcome(make, content, BIGINTS)
    path = source.landing / "sales" / "a.parquet"
    source.put("a.parquet", flipped(content, content.find(struct.pack("<q", 200))))
    assert path.exists()
    source.sql("update ops.files set (size_bytes, mtime_ns, ctime_ns, inode) = (?, ?, ?, ?)", _hint(path))
    with pytest.raises(NeedsFiles, match="CRC checksum verification failed"):
        source.load(is_full_refresh=True)
    assert source.rows() == [(1, 100), (2, 200), (3, 300)]


def _hint(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _duckdb_writes(path: Path, query: str) -> bytes:
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return path.read_bytes()
