"""Avro containers as lines of JSON: every value with its digits, every damage refused, the counts of two readers."""

from __future__ import annotations

import io
import json
import math
import random
import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import fastavro
import pyarrow as pa
import pytest

from assay.describing.schema_types import declared_types
from assay.text.avro import avro_lines, count_avro
from assay.text.avro_logical import of_float
from assay.text.stream import Unreadable

LONG = {"type": "record", "name": "r", "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}]}
ROWS = [{"id": n, "name": f"n{n}"} for n in range(-20, 20)]
SYNC = bytes(range(16))


def of_field(kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": "top", "fields": [{"name": "x", "type": kind}]}


def written(schema: Any, records: Sequence[Any], codec: str = "null", interval: int = 200) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, schema, records, codec=codec, sync_marker=SYNC, sync_interval=interval)
    return out.getvalue()


def number(value: int) -> bytes:
    """As Avro writes it."""
    value, out = (value << 1) ^ (value >> 63), b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def container(schema: Any, *blocks: tuple[int, bytes], codec: str = "null") -> bytes:
    """A file made by hand, of blocks with the count that each says."""
    entries = b""
    for key, value in {"avro.schema": json.dumps(schema), "avro.codec": codec}.items():
        entries += number(len(key)) + key.encode() + number(len(value)) + value.encode()
    text = b"Obj\x01" + number(2) + entries + number(0) + SYNC
    return text + b"".join(number(count) + number(len(data)) + data + SYNC for count, data in blocks)


def lines(content: bytes, piece: int = 37) -> list[Any]:
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    return [json.loads(line) for line in b"".join(avro_lines(pieces)).splitlines()]


def value(kind: Any, data: bytes) -> str:
    """What stands in JSON for the bytes of a field."""
    text = b"".join(avro_lines([container(of_field(kind), (1, data))])).decode("utf-8", "surrogateescape")
    return text.removeprefix('{"x":').removesuffix("}\n")


@pytest.mark.parametrize("codec", ["null", "deflate", "zstandard", "bzip2", "xz"])
@pytest.mark.parametrize("piece", [1, 37, 1 << 20])
def test_records_of_any_codec_come_in_their_order_and_are_as_many_as_blocks_say(codec: str, piece: int) -> None:
    content = written(LONG, ROWS, codec)
    assert lines(content, piece) == ROWS
    assert count_avro([content]) == (len(ROWS), ("id", "name"))


def test_snappy_is_held_against_its_checksum() -> None:
    data = b"".join(number(row["id"]) + number(len(row["name"])) + row["name"].encode() for row in ROWS)
    packed = pa.Codec("snappy").compress(data, asbytes=True)
    good = packed + zlib.crc32(data).to_bytes(4, "big")
    assert lines(container(LONG, (len(ROWS), good), codec="snappy")) == ROWS
    with pytest.raises(Unreadable, match="checksum does not match"):
        lines(container(LONG, (len(ROWS), packed + b"0000"), codec="snappy"))


@pytest.mark.parametrize(
    ("kind", "given", "shown"),
    [
        ("null", None, "null"),
        ("boolean", True, "true"),
        ("int", -(2**31), "-2147483648"),
        ("long", 2**63 - 1, "9223372036854775807"),
        ("long", -(2**63), "-9223372036854775808"),
        ("double", 0.1, "0.1"),
        ("double", 1e22, "10000000000000000000000"),
        ("double", 2.5e-7, "0.00000025"),
        ("double", 1e300, "1e+300"),
        ("double", -0.0, "-0.0"),
        ("double", math.nan, '"NaN"'),
        ("double", -math.inf, '"-Infinity"'),
        ("float", 0.1, "0.10000000149011612"),
        ("string", 'a"\\\n\0\u20ac\U0001f642', r'"a\"\\\u000a\u0000' + '\u20ac\U0001f642"'),
        ("bytes", "\u00e9".encode(), '"\u00e9"'),
        ({"type": "fixed", "name": "f", "size": 3}, b"abc", '"abc"'),
        ({"type": "enum", "name": "e", "symbols": ["RED", "BLUE"]}, "BLUE", '"BLUE"'),
        ({"type": "array", "items": ["null", "int"]}, [1, None, -3], "[1,null,-3]"),
        ({"type": "map", "values": "string"}, {"a": "1", "b": ""}, '{"a":"1","b":""}'),
        (["null", "string", "long"], 7, "7"),
        (["null", "string", "long"], "7", '"7"'),
        ({"type": "int", "logicalType": "date"}, date(1, 1, 1), '"0001-01-01"'),
        ({"type": "int", "logicalType": "time-millis"}, time(23, 59, 59, 1000), '"23:59:59.001"'),
        ({"type": "long", "logicalType": "time-micros"}, time(0, 0, 1), '"00:00:01"'),
        ({"type": "string", "logicalType": "uuid"}, UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
        ({"type": "string", "logicalType": "no such"}, "x", '"x"'),
    ],
    ids=str,
)
def test_a_value_keeps_what_it_is(kind: Any, given: Any, shown: str) -> None:
    content = written(of_field(kind), [{"x": given}])
    assert b"".join(avro_lines([content])).decode() == f'{{"x":{shown}}}\n'


@pytest.mark.parametrize(
    ("logical", "unscaled", "shown"),
    [
        ({"precision": 5, "scale": 2}, 5, "0.05"),
        ({"precision": 5, "scale": 2}, -5, "-0.05"),
        ({"precision": 5, "scale": 2}, 123456789, "1234567.89"),  # more digits than it says, and none is dropped
        ({"precision": 60, "scale": 0}, 10**59 + 1, str(10**59 + 1)),
        ({"precision": 60, "scale": 59}, -(10**59) - 1, f"-1.{'0' * 58}1"),
    ],
    ids=str,
)
def test_a_decimal_keeps_all_its_digits(logical: dict[str, Any], unscaled: int, shown: str) -> None:
    raw = unscaled.to_bytes(30, "big", signed=True)
    of_bytes = {"type": "bytes", "logicalType": "decimal", **logical}
    assert value(of_bytes, number(30) + raw) == shown
    assert value({**of_bytes, "type": "fixed", "name": "f", "size": 30}, raw) == shown


@pytest.mark.parametrize(("unit", "zone"), [("timestamp", "Z"), ("local-timestamp", "")])
def test_moments_keep_their_fraction(unit: str, zone: str) -> None:
    seconds = int(datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC).timestamp())
    for name, size in {"millis": 3, "micros": 6, "nanos": 9}.items():
        kind = {"type": "long", "logicalType": f"{unit}-{name}"}
        last = "9" * size
        assert value(kind, number(seconds * 10**size + int(last))) == f'"2024-02-29T23:59:58.{last}{zone}"'
        assert value(kind, number(-1)) == f'"1969-12-31T23:59:59.{last}{zone}"'
        assert value(kind, number(2**62)).startswith('"<4611686018427387904 times 1e-') or size == 9


def test_what_no_calendar_has_is_said_in_its_unit() -> None:
    assert value({"type": "int", "logicalType": "date"}, number(2932897)) == '"<2932897 days since 1970-01-01>"'
    assert value({"type": "int", "logicalType": "time-millis"}, number(86400000)).startswith('"<86400000 times')
    fixed = {"type": "fixed", "name": "d", "size": 12, "logicalType": "duration"}
    assert value(fixed, struct.pack("<III", 14, 400, 90061007)) == '"P14M400DT90061.007S"'
    uuid = {"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"}
    assert value(uuid, bytes(16)) == '"00000000-0000-0000-0000-000000000000"'


def test_branches_that_json_would_not_keep_apart_have_their_names() -> None:
    made = {"type": "record", "name": "Made", "fields": [{"name": "id", "type": "int"}]}
    gone = {**made, "name": "Gone"}
    rows = [{"x": ("a.Made", {"id": 1})}, {"x": ("a.Gone", {"id": 1})}, {"x": None}]
    schema = {**of_field(["null", made, gone]), "namespace": "a"}
    assert lines(written(schema, rows)) == [{"x": {"a.Made": {"id": 1}}}, {"x": {"a.Gone": {"id": 1}}}, {"x": None}]
    assert lines(written([made, gone], [("Made", {"id": 1})])) == [{"Made": {"id": 1}}]
    assert lines(written(of_field(["null", made]), [{"x": {"id": 1}}])) == [{"x": {"id": 1}}]


def test_a_name_that_a_map_has_twice_stands_twice() -> None:
    data = number(2) + (number(1) + b"k" + number(1)) + (number(1) + b"k" + number(2)) + number(0)
    assert value({"type": "map", "values": "int"}, data) == '{"k":1,"k":2}'


def test_records_within_records_by_name_and_namespace() -> None:
    schema = {
        "type": "record", "name": "a.b.Tree", "fields": [
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["X"]}},
            {"name": "again", "type": "Kind"},
            {"name": "also", "type": {"type": "a.b.Kind"}},
            {"name": "next", "type": ["null", "Tree"], "default": None},
        ],
    }  # fmt: skip
    leaf = {"kind": "X", "again": "X", "also": "X", "next": None}
    data = number(0) * 3 + number(1) + number(0) * 4
    assert lines(container(schema, (1, data))) == [{**leaf, "next": leaf}]


def test_the_branch_of_a_union_says_what_a_number_means() -> None:
    kind = ["null", {"type": "long", "logicalType": "timestamp-millis"}, "int"]
    assert value(kind, number(1) + number(7)) == '"1970-01-01T00:00:00.007Z"'
    assert value(kind, number(2) + number(7)) == "7"


def test_records_beside_each_other_are_not_within_each_other() -> None:
    inner = {"type": "record", "name": "i", "fields": [{"name": "n", "type": "int"}]}
    rows = [{"x": [{"n": n} for n in range(300)]}] * 3
    assert lines(written(of_field({"type": "array", "items": inner}), rows)) == rows


def without_end() -> bytes:
    """Deflated bytes of three records that lack what says that they are over."""
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(number(1) * 3) + deflate.flush(zlib.Z_SYNC_FLUSH)


LINKED = {"type": "record", "name": "L", "fields": [{"name": "n", "type": ["null", "L"]}]}
EMPTY = {"type": "record", "name": "E", "fields": []}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "breaks off in its first bytes"),
        (b"PAR1", "is no Avro container file"),
        (container(LONG, codec="lzo"), "its Avro codec is 'lzo', and those that can be read are null, deflate"),
        (container("string", (1, b"\x02a")), "is not one of records"),
        (container({"type": "record", "name": "r", "fields": [{"name": "x", "type": "gone"}]}), "KeyError"),
        (container(of_field({"type": "array", "items": "null"})), "take no bytes"),
        (container(of_field({"type": "array", "items": EMPTY})), "take no bytes"),
        (container(of_field({**EMPTY, "name": "top"})), "two types are called top"),
        (container({**LONG, "fields": [LONG["fields"][0]] * 2}), "two fields of r have one name"),
        (container(of_field("long"), (1, number(1)))[:-1] + b"!", "the sync marker after block 1"),
        (container(of_field("long"), (3, without_end()), codec="deflate"), "does not end where the block does"),
        (container(LONG, (-1, b"")), "says -1 records in 0 bytes"),
        (container(of_field("long"), (2, number(1) * 3)), "says 2 records, and 1 bytes are left behind them"),
        (container(of_field("long"), (4, number(1) * 3)), "record 4 of 4 in block 1 .* it breaks off"),
        (container(of_field("long"), (1, b"\xff" * 10 + b"\x01")), "more than ten bytes"),
        (container(of_field("long"), (1, b"\xff" * 9 + b"\x7f")), "more than 64 bits"),
        (container(of_field("boolean"), (1, b"\x02")), "a boolean is 2"),
        (container(of_field(["null", "int"]), (1, number(-1) + number(5))), "branch -1 of a union of 2"),
        (container(of_field({"type": "enum", "name": "e", "symbols": ["A"]}), (1, number(-1))), "symbol -1 of an enum"),
        (container(of_field("string"), (1, number(-5) + b"abc")), "a text of -5 bytes"),
        (container(of_field("string"), (1, number(1 << 60))), "a text of 1,152,921,504,606,846,976 bytes"),
        (container(LINKED, (1, number(1) * 100_000 + number(0))), "more than 200 records in each other"),
        (container(EMPTY, (1 << 40, b"")), "1,099,511,627,776 records that take no bytes"),
        (container({"type": "record", "name": "A", "fields": [{"name": "a", "type": "A"}]}, (1, b"")), "in each other"),
        (container(EMPTY, (1 << 40, b"a")), "1,099,511,627,776 records that take no bytes"),
        (container(of_field({"type": "fixed", "name": "f", "size": "2"})), "the size of f is '2'"),
        (container(of_field({"type": "fixed", "name": "f", "size": -1, "logicalType": "decimal"})), "size of f is -1"),
    ],
    ids=range(27),
)
def test_what_is_no_sound_container_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        lines(content)


def test_items_have_the_size_that_is_said_of_them() -> None:
    array = {"type": "array", "items": "int"}
    run = number(1) + number(2)
    assert value(array, number(-2) + number(len(run)) + run + number(0)) == "[1,2]"
    with pytest.raises(Unreadable, match="do not have the size"):
        value(array, number(-2) + number(len(run) + 1) + run + number(0))


@pytest.mark.parametrize("codec", ["deflate", "bzip2", "xz", "zstandard"])
def test_a_block_that_unpacks_to_far_more_than_it_is_takes_no_memory(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = written(LONG, [{"id": 1, "name": "a" * (1 << 20)}], codec)
    monkeypatch.setattr("assay.text.avro_blocks.LARGEST_BLOCK", 1 << 16)
    with pytest.raises(Unreadable, match="unpacks to more than 65,536 bytes"):
        lines(content)


def test_a_few_bytes_do_not_become_a_huge_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.text.avro_values._LARGEST", 1000)
    enum = {"type": "enum", "name": "e", "symbols": ["A" * 100]}
    with pytest.raises(Unreadable, match="a record of more than 1,000 bytes"):
        value({"type": "array", "items": enum}, number(20) + number(0) * 20 + number(0))
    rows = [{"x": ["a" * 90] * 10}] * 30
    assert lines(written(of_field({"type": "array", "items": "string"}), rows, interval=1 << 20)) == rows


@pytest.mark.parametrize("codec", ["null", "deflate", "zstandard"])
def test_no_damaged_byte_loses_a_record(codec: str) -> None:
    """A value may become another, as nothing in Avro tells; each record is there, or the file is refused."""
    content = written(LONG, ROWS, codec)
    assert sum(1 for _ in content) > 300
    for at in range(len(content)):
        for flip in (0x02, 0x80):
            damaged = content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]
            try:
                assert len(b"".join(avro_lines([damaged])).splitlines()) == len(ROWS) == count_avro([damaged]).records
            except Unreadable:
                continue


def test_a_file_that_is_cut_off_is_refused_wherever_that_is_but_between_blocks() -> None:
    content = written(LONG, ROWS)
    between = [at + 16 for at in range(len(content)) if content.startswith(SYNC, at)]
    for at in range(len(content)):
        if at in between:
            assert count_avro([content[:at]]).records < len(ROWS)  # Avro does not say how many blocks there are
            continue
        for read in (count_avro, lambda pieces: list(avro_lines(pieces))):
            with pytest.raises(Unreadable):
                read([content[:at]])


def random_kind(rng: random.Random, depth: int, names: list[str]) -> Any:
    names.append(f"n{len(names)}")
    name = names[-1]
    simple = ["boolean", "int", "long", "double", "string"]  # of a decimal, fastavro rounds digits beyond its precision
    if not depth or rng.random() < 0.4:
        return rng.choice([*simple, {"type": "enum", "name": name, "symbols": ["A", "B"]}])
    inner = [random_kind(rng, depth - 1, names) for _ in range(rng.randint(1, 3))]
    return rng.choice(
        [
            {"type": "array", "items": inner[0]},
            {"type": "map", "values": inner[0]},
            {
                "type": "record",
                "name": name,
                "fields": [{"name": f"f{n}", "type": kind} for n, kind in enumerate(inner)],
            },
            inner[0] if isinstance(inner[0], list) else ["null", inner[0]],
        ]
    )


def test_fastavro_reads_the_same_of_generated_schemas() -> None:
    rng = random.Random(7)  # noqa: S311
    for seed in range(20):
        names: list[str] = []
        schema = {**of_field(random_kind(rng, 3, names)), "namespace": rng.choice(["", "a.b"])}
        records = fastavro_records(schema, seed)
        content = written(schema, records, rng.choice(["null", "deflate"]))
        theirs = list(fastavro.reader(io.BytesIO(content)))
        assert lines(content) == theirs
        assert count_avro([content]).records == len(theirs)


def fastavro_records(schema: Any, seed: int) -> list[Any]:
    from fastavro.utils import generate_many  # noqa: PLC0415

    random.seed(seed)
    return list(generate_many(schema, 20))


def test_a_float_gives_itself_back() -> None:
    rng = random.Random(5)  # noqa: S311
    for _ in range(2000):
        [drawn] = struct.unpack("<d", rng.randbytes(8))
        if math.isfinite(drawn):
            assert float(of_float(drawn)) == drawn


def test_a_schema_within_a_type_is_that_schema() -> None:
    assert lines(container({"type": {"type": LONG}}, (1, number(7) + number(1) + b"a"))) == lines(
        container(LONG, (1, number(7) + number(1) + b"a"))
    )


@pytest.mark.parametrize(
    ("precision", "scale", "sql"),
    [(9, 2, "decimal(9,2)"), (2, 9, "varchar"), (9, "2", "varchar"), (0, 0, "varchar"), (9, -1, "varchar")],
)
def test_a_decimal_that_is_none_is_what_is_beneath_it(precision: object, scale: object, sql: str) -> None:
    kind = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
    [declared] = declared_types({"fields": [{"name": "x", "type": kind}]}).values()
    assert declared is not None
    assert declared.sql == sql
