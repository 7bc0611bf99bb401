"""What the log says of a table becomes rows of a file: each change once, in the order of commits, cut at commits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.connectors.postgres.change_rows import COLUMNS, ChangedRow, ChangeTables, changed_rows, position_in, unified
from assay.connectors.postgres.change_spool import IN_MEMORY, ChangeSpool, last_end
from assay.connectors.postgres.column_types import SourceColumn, SourceType, elements
from assay.connectors.postgres.pgoutput import UNCHANGED, Relation, UnknownMessage
from assay.feeds.content import Rows
from assay.feeds.errors import Permanent
from tests import log_messages as log

ORDERS = log.relation([("id", log.INT4, True), ("note", log.TEXT, False)])
FULL = log.relation([("id", log.INT4, True), ("note", log.TEXT, True)], identity="f")


def no_fill(*_: object) -> Mapping[str, bytes | None]:
    raise AssertionError("nothing is read for it")


def rows(*messages: bytes, key: Sequence[str] = ("id",), fill: object = no_fill) -> list[ChangedRow]:
    whole = [log.begin(16, 1), *messages, log.commit(16, 32, 1)]
    return list(changed_rows(whole, log.TABLE, None, key, fill))  # type: ignore[arg-type]


def test_each_operation_is_a_row_and_their_order_is_their_position() -> None:
    got = rows(
        ORDERS, log.insert(b"1", b"a"), log.update(b"1", UNCHANGED), log.delete(key=log.row(b"1", None)),
        log.truncate(log.TABLE),
    )  # fmt: skip
    assert [(row.operation, dict(row.values), row.unchanged, row.before) for row in got] == [
        ("insert", {"id": b"1", "note": b"a"}, (), None),
        ("update", {"id": b"1"}, ("note",), None),
        ("delete", {"id": b"1"}, (), {"id": b"1"}),
        ("truncate", {}, (), None),
    ]
    assert [row.position for row in got] == [f"0000000000000010-000000000{number}" for number in (1, 2, 3, 4)]
    assert position_in(9, 10) < position_in(9, 11) < position_in(10, 1) < position_in(1 << 63, 0)


def test_a_change_of_the_key_is_a_delete_and_an_insert_and_lacks_nothing() -> None:
    asked: list[tuple[dict[str, bytes], list[str]]] = []

    def fill(relation: Relation, by: Mapping[str, bytes], names: Sequence[str]) -> Mapping[str, bytes | None]:
        assert relation.name == "orders"
        asked.append((dict(by), list(names)))
        return {"note": b"as it is by now"}

    by_key = rows(ORDERS, log.update(b"2", UNCHANGED, key=log.row(b"1", None)), fill=fill)
    assert [(row.operation, dict(row.values), row.unchanged) for row in by_key] == [
        ("delete", {"id": b"1"}, ()),
        ("insert", {"id": b"2", "note": b"as it is by now"}, ()),
    ]
    assert asked == [({"id": b"2"}, ["note"])]
    by_row = rows(FULL, log.update(b"2", UNCHANGED, old=log.row(b"1", b"long")))
    assert [dict(row.values) for row in by_row] == [{"id": b"1", "note": b"long"}, {"id": b"2", "note": b"long"}]
    assert by_row[0].position < by_row[1].position


def test_a_row_before_fills_what_did_not_change_and_is_kept_beside_it() -> None:
    (row,) = rows(FULL, log.update(b"1", UNCHANGED, old=log.row(b"1", b"long")))
    assert (row.operation, row.unchanged, row.values["note"]) == ("update", (), b"long")
    assert row.before == {"id": b"1", "note": b"long"}
    (other,) = rows(FULL, log.update(b"1", b"new", old=log.row(b"1", None)))
    assert (other.operation, other.values["note"], other.before) == ("update", b"new", {"id": b"1", "note": None})


def test_other_tables_are_none_of_its_rows(tmp_path: Path) -> None:
    other = log.relation([("id", log.INT4, True)], oid=99)
    with ChangeSpool(log.TABLE, tmp_path) as spool:
        for message in (
            *(log.begin(1), other, log.insert(b"7", oid=99), log.truncate(99), log.commit(1, 2)),
            *(log.begin(3), other, log.insert(b"7", oid=99), ORDERS, log.insert(b"1", b"a"), log.commit(3, 4)),
            *(log.begin(5), log.delete(key=log.row(b"7"), oid=99), log.commit(5, 6)),
        ):
            spool.add(message)
        (batch,) = spool.batches
        (row,) = changed_rows(spool.messages(batch), log.TABLE, batch.relation, ["id"], no_fill)
    assert (batch.changes, batch.end_lsn, row.values["id"]) == (1, 4, b"1")
    assert (
        last_end([log.begin(1), log.insert(b"1", b""), log.commit(1, 2), log.begin(3), log.commit(3, 4)], log.TABLE)
        == 2
    )
    assert last_end([log.begin(1), log.truncate(99, log.TABLE), log.commit(1, 2)], log.TABLE) == 2
    assert last_end([log.begin(1), log.insert(b"1", oid=99), log.commit(1, 2)], log.TABLE) == 0


def test_batches_end_at_commits_and_have_one_form_of_the_table_each(tmp_path: Path) -> None:
    wider = log.relation([("id", log.INT4, True), ("note", log.TEXT, False), ("more", log.INT8, False)])
    long = b"x" * 400
    with ChangeSpool(log.TABLE, tmp_path, most=1_000) as spool:
        for message in (
            *(log.begin(10), ORDERS, *[log.insert(b"1", long)] * 9, log.commit(10, 11)),  # larger than a batch
            *(log.begin(12), log.insert(b"2", b""), log.commit(12, 13)),
            *(log.begin(14), ORDERS, log.insert(b"3", b""), log.commit(14, 15)),  # told again, and the same
            *(log.begin(16), wider, log.insert(b"4", b"", b"1"), log.commit(16, 17)),
            *(log.begin(18), log.insert(b"5", b"", b"1"), ORDERS, log.insert(b"6", b""), log.commit(18, 19)),
        ):
            spool.add(message)
        batches = spool.batches
        got = [
            [row.values["id"] for row in changed_rows(spool.messages(b), log.TABLE, b.relation, ["id"], no_fill)]
            for b in batches
        ]
    assert got == [[b"1"] * 9, [b"2", b"3"], [b"4"], [b"5", b"6"]]
    assert [batch.end_lsn for batch in batches] == [11, 15, 17, 19]
    assert [len(batch.shapes) for batch in batches] == [1, 1, 1, 2]


def test_a_transaction_larger_than_memory_is_read_back_as_it_came(tmp_path: Path) -> None:
    size = IN_MEMORY // 4
    with ChangeSpool(log.TABLE, tmp_path) as spool:
        for message in (
            log.begin(1),
            ORDERS,
            *(log.insert(b"%d" % i, b"x" * size) for i in range(6)),
            log.commit(1, 2),
        ):
            spool.add(message)
        (batch,) = spool.batches
        for _ in range(2):  # it may be read again, with other types
            back = list(changed_rows(spool.messages(batch), log.TABLE, None, ["id"], no_fill))
            assert [row.values["id"] for row in back] == [b"%d" % i for i in range(6)]
            assert {len(row.values["note"] or b"") for row in back} == {size}
    assert not list(tmp_path.iterdir())


def test_a_spool_takes_nothing_that_is_no_message(tmp_path: Path) -> None:
    with ChangeSpool(log.TABLE, tmp_path) as spool, pytest.raises(UnknownMessage):
        spool.add(b"S\0")


def test_a_damaged_change_is_told_and_lands_nothing(tmp_path: Path) -> None:
    for damaged in (log.insert(b"1"), log.insert(b"1", b"x") + b"more"):
        read = lambda: iter(rows(ORDERS, damaged))  # noqa: B023, E731 - read at once
        tables = ChangeTables("feed orders", (column("id", "int4"),), read, list, 16)
        with pytest.raises(Permanent, match="feed orders: the server sent what cannot be read"):
            Rows(tables).write(tmp_path / str(len(damaged)))


def column(name: str, kind: str, modifier: int = -1, *, is_array: bool = False) -> SourceColumn:
    return SourceColumn.of(name, SourceType(kind, modifier, is_array, kind))


CENTS = 4 + (8 << 16) + 2
"""How the catalogue writes the precision and scale of numeric(8,2)."""


def written(path: Path, columns: tuple[SourceColumn, ...], values: Sequence[Sequence[bytes | None]]) -> pa.Table:
    names = [one.name for one in columns]
    made = [
        ChangedRow("insert", position_in(1, at), at, dict(zip(names, row, strict=True)), ("x",) if at else ())
        for at, row in enumerate(values)
    ]
    tables = ChangeTables("feed orders", columns, lambda: iter(made), lambda texts: [f"{text}!" for text in texts], 16)
    assert Rows(tables).write(path) == len(values)
    return pq.read_table(path)


def test_values_have_the_types_of_the_table_and_text_where_one_does_not_hold(tmp_path: Path) -> None:
    columns = (
        column("id", "int4"),
        column("price", "numeric", CENTS),
        column("at", "timestamptz"),
        column("tags", "int4", is_array=True),
        column("cash", "money"),
        column("note", "text"),
    )
    first = (b"1", b"1.50", b"2024-02-29 23:59:59.5+00", b"{1,NULL}", b"$1", b'a"b,\n')
    plain = written(tmp_path / "plain", columns, [first, (b"2", None, None, b"{}", None, b"")])
    assert plain.schema.names == [*(one.name for one in columns), *COLUMNS]
    assert plain.to_pylist()[0] == {
        "id": 1, "price": Decimal("1.50"), "at": datetime(2024, 2, 29, 23, 59, 59, 500_000, UTC), "tags": [1, None],
        "cash": "$1!", "note": 'a"b,\n', "_operation": "insert", "_position": "0000000000000001-0000000000",
        "_source_time": datetime(2000, 1, 1, tzinfo=UTC), "_unchanged": None, "_before": None,
    }  # fmt: skip
    assert plain.to_pylist()[1]["note"] == "" and plain.to_pylist()[1]["_unchanged"] == ["x"]
    odd = written(tmp_path / "odd", columns, [first, (b"2", b"NaN", None, b"{}", None, None)])
    assert odd.schema.field("price").type == pa.string() and odd.column("price").to_pylist() == ["1.50", "NaN"]
    assert odd.schema.field("tags").type == pa.list_(pa.int32()), "no other column changes"
    grid = written(tmp_path / "grid", columns, [first, (b"2", None, b"infinity", b"{{1},{2}}", None, None)])
    assert grid.column("tags").to_pylist() == ["{1,NULL}", "{{1},{2}}"]
    assert grid.column("at").to_pylist() == ["2024-02-29 23:59:59.5+00", "infinity"]
    with pytest.raises(Permanent, match="cannot be read as it declares"):
        written(tmp_path / "wrong", (column("id", "int4"),), [(b"x",)])


def test_forms_of_a_table_in_one_transaction_are_unified() -> None:
    before = (column("id", "int4"), column("gone", "text"), column("price", "int4"))
    after = (column("id", "int4"), column("price", "numeric", CENTS), column("more", "int8"))
    both = unified([before, after])
    assert [(one.name, str(one.arrow)) for one in both] == [
        ("id", "int32"), ("price", "string"), ("more", "int64"), ("gone", "string"),
    ]  # fmt: skip


def test_a_row_before_is_json_of_the_server_s_texts(tmp_path: Path) -> None:
    row = ChangedRow("delete", "p", 0, {"id": b"1"}, (), {"id": b"1", "n": b"1.10", "x": None, "ö": 'ß"'.encode()})
    tables = ChangeTables("feed orders", (column("id", "int4"),), lambda: iter([row]), list, 16)
    Rows(tables).write(tmp_path / "one")
    (before,) = pq.read_table(tmp_path / "one").column("_before").to_pylist()
    assert json.loads(before) == {"id": "1", "n": "1.10", "x": None, "ö": 'ß"'} and "ß" in before


ARRAYS = [
    ("{1,NULL,3}", "int4", ["1", None, "3"]),
    ("{}", "text", []),
    ('{""}', "text", [""]),
    ('{"a,b","{",NULL,"NULL","\\"","\\\\",c d}', "text", ["a,b", "{", None, "NULL", '"', "\\", "c d"]),
    ("{t,f,NULL}", "bool", ["true", "false", None]),
    ("{(1,1),(0,0);(2,2),(1,1)}", "box", ["(1,1),(0,0)", "(2,2),(1,1)"]),
]


@pytest.mark.parametrize(("array", "of", "expected"), ARRAYS, ids=[array for array, _, _ in ARRAYS])
def test_elements_of_arrays_are_their_texts(array: str, of: str, expected: list[str | None]) -> None:
    assert elements(array, of) == expected


@pytest.mark.parametrize("array", ["{{1,2},{3,4}}", "[0:1]={1,2}", '{{"a,b"}}'])
def test_what_is_no_list_is_told(array: str) -> None:
    with pytest.raises(ValueError, match=r"dimensions|numbered"):
        elements(array, "int4")
