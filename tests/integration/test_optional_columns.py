"""A column may be missing from files, and may come into a contract whose history does not have it."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.tables.versions import ChangedWithData
from tests.source import Source

Make = Callable[..., Source]
BEFORE = {"id": "bigint", "name": "varchar"}
AFTER = {"id": "bigint", "till": "bigint", "name": "varchar"}
OLD_CSV = "id,name,till,clerk\n1,a,7,x\n2,b,,y\n"
NEW_CSV = "id,till,name\n4,9,d\n"
WITHOUT_CSV = "id,name\n3,c\n"


def widen(source: Source, columns: dict[str, str], *optional: str) -> None:
    """Change the contract."""
    source.columns = columns
    source.options["optional"] = optional


def test_files_without_an_optional_column_give_null(make: Make) -> None:
    source = make(AFTER, optional=["till"])
    source.put("a.csv", WITHOUT_CSV)
    source.put("b.csv", NEW_CSV)
    source.put("c.csv", "id,name\n5,e\nsix,f\n")  # the careful way
    source.run()
    assert source.rows() == [(3, None, "c"), (4, 9, "d"), (5, None, "e")]
    assert len(source.malformed()) == 1


def parquet(table: Mapping[str, Sequence[object] | pa.Array]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(table), sink)
    return sink.getvalue()


@pytest.mark.parametrize("bad", [[], ["x"]])
def test_so_do_parquet_and_json_lines(make: Make, tmp_path: Path, bad: list[object]) -> None:
    source = make(AFTER, optional=["till"], format={"type": "parquet"})
    source.put("a.parquet", parquet({"id": ["3", *bad], "name": ["c", *bad]}))
    source.run()
    assert source.rows() == [(3, None, "c")]
    lines = Source(tmp_path / "json", AFTER, optional=["till"], format={"type": "jsonl"})
    lines.put("a.jsonl", "".join(f"{json.dumps(row)}\n" for row in [{"id": 3, "name": "c"}, *bad]))
    lines.run()
    assert lines.rows() == [(3, None, "c")]


def test_a_column_that_is_not_optional_is_still_missed(make: Make) -> None:
    source = make(AFTER)
    source.put("a.csv", WITHOUT_CSV)
    source.run()
    assert "missing columns: till" in source.reason("a.csv")


def test_an_optional_column_is_added_to_history_and_taken_from_what_was_rescued(make: Make) -> None:
    source = make(BEFORE)
    source.put("a.csv", OLD_CSV)
    source.put("b.csv", WITHOUT_CSV)
    source.run()
    loads = source.sql(f"select id, _file_id, _load_id, _loaded_at from {source.table} order by id")
    widen(source, AFTER, "till")
    source.put("c.csv", NEW_CSV)
    source.run()
    assert source.rows() == [(1, 7, "a"), (2, None, "b"), (3, None, "c"), (4, 9, "d")]
    assert source.rescued() == [{"clerk": "x"}, {"clerk": "y"}, None, None]
    assert (
        source.sql(f"select id, _file_id, _load_id, _loaded_at from {source.table} where id < 4 order by id") == loads
    )
    assert set(source.files().values()) == {"loaded"}
    source.run()  # and it is no change any more
    before = source.rows()
    source.load(is_full_refresh=True)
    assert source.rows() == before


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        ("decimal(20,4)", ["2.50", "12345678901234.0001"], ["2.5000", "12345678901234.0001"]),
        ("hugeint", ["123456789012345678901234567890"], ["123456789012345678901234567890"]),
        ("varchar", ["1e2", '"007"', "2.50", "9007199254740993.10"], ["1e2", "007", "2.50", "9007199254740993.10"]),
        ("timestamp", ['"2024-01-01 10:00:00.123456"'], ["2024-01-01 10:00:00.123456"]),
        ("varchar", ['{"a": [1, 2.50]}', "null"], ['{"a":[1,2.50]}', None]),
    ],
)
def test_rescued_values_keep_every_digit(make: Make, kind: str, texts: list[str], expected: list[str | None]) -> None:
    source = make({"id": "bigint"}, format={"type": "jsonl"})
    source.put("a.jsonl", "".join(f'{{"id": {n}, "more": {text}, "rest": 1.50}}\n' for n, text in enumerate(texts)))
    source.run()
    widen(source, {"id": "bigint", "more": kind}, "more")
    source.run()
    assert source.sql(f"select more::varchar from {source.table} order by id") == [(text,) for text in expected]
    assert {row[0] for row in source.sql(f"select _rescued::varchar from {source.table}")} == {'{"rest":1.50}'}


def test_values_that_the_type_cannot_hold_stop_the_change(make: Make) -> None:
    source = make(BEFORE)
    source.put("a.csv", "id,name,till\n1,a,7\n2,b,A7\n3,c,1.5\n")
    source.run()
    widen(source, AFTER, "till")
    with pytest.raises(ChangedWithData, match=r"till is bigint, but 2 stored rows hold something else.*'1.5', 'A7'"):
        source.run()
    widen(source, BEFORE)
    source.run()
    assert source.rescued() == [{"till": "7"}, {"till": "A7"}, {"till": "1.5"}]


def test_quoted_names_and_several_columns_at_once(make: Make) -> None:
    source = make(BEFORE)
    source.put("a.csv", 'id,name,it\'s,"a ""b"""\n1,a,7,x\n2,b,8,\n')
    source.run()
    widen(source, {**BEFORE, "it's": "bigint", 'a "b"': "varchar"}, "it's", 'a "b"')
    source.run()
    assert source.rows() == [(1, "a", 7, "x"), (2, "b", 8, None)]
    assert source.rescued() == [None, None]


def test_tables_that_took_the_rows_in_are_told(make: Make) -> None:
    source = make(BEFORE)
    source.put("a.csv", OLD_CSV)
    source.put("b.csv", WITHOUT_CSV)
    source.run()
    seen = "insert into ops.seen_files (consumer, input, file_id) select 'silver.sales', 'bronze.sales', file_id"
    source.sql(f"{seen} from ops.files")
    widen(source, AFTER, "till")
    source.run()
    left = "select path from ops.seen_files join ops.files using (file_id)"
    assert source.sql(left) == [("sales/b.csv",)]


def test_a_column_that_becomes_optional_is_no_change(make: Make) -> None:
    source = make(AFTER)
    source.put("a.csv", NEW_CSV)
    source.run()
    widen(source, AFTER, "till")
    source.put("b.csv", WITHOUT_CSV)
    source.run()
    assert source.rows() == [(3, None, "c"), (4, 9, "d")]


def test_a_column_that_is_not_optional_is_a_change_that_is_named(make: Make) -> None:
    source = make(BEFORE)
    source.put("a.csv", OLD_CSV)
    source.run()
    widen(source, AFTER)
    with pytest.raises(ChangedWithData, match=r"column till \(none → bigint\)"):
        source.run()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([2**64 - 1], pa.uint64()), "double"),
        (pa.array([Decimal("1.50")], pa.decimal128(10, 2)), "varchar"),
        (pa.array([1e300]), "varchar"),
        (pa.array([math.nan]), "varchar"),
        (pa.array([True]), "varchar"),
    ],
)
def test_what_the_json_of_a_parquet_value_does_not_tell_exactly_is_not_taken_from_it(
    make: Make, values: pa.Array, kind: str
) -> None:
    """The type that the value had in the file is gone, and a load would have made another value of it."""
    source = make({"id": "bigint"}, format={"type": "parquet"})
    source.put("a.parquet", parquet({"id": [1], "more": values}))
    source.run()
    widen(source, {"id": "bigint", "more": kind}, "more")
    with pytest.raises(ChangedWithData, match="hold something else in _rescued"):
        source.run()
    assert source.sql(f"select count(*) from {source.table} where _rescued is not null") == [(1,)]


@pytest.mark.parametrize("personal", [(), ("more",)])
def test_values_of_a_personal_column_that_do_not_fit_are_not_shown(make: Make, personal: tuple[str, ...]) -> None:
    source = make({"id": "bigint"}, format={"type": "jsonl"})
    source.put("a.jsonl", '{"id": 1, "more": "Ann"}\n')
    source.run()
    source.options["personal"] = personal
    widen(source, {"id": "bigint", "more": "bigint"}, "more")
    with pytest.raises(ChangedWithData, match="hold something else in _rescued") as error:
        source.run()
    assert ("Ann" in str(error.value)) is (not personal)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array(["x", "1.50", None]), "varchar"),
        (pa.array([1.5, 0.1, -1e300]), "double"),
        (pa.array([math.inf, -math.inf, 2.0]), "double"),
        (pa.array([2**62, -5, None]), "bigint"),
        (pa.array([2**53, 1, 0]), "double"),
        (pa.array([Decimal("1.50"), Decimal("12345678.90"), None], pa.decimal128(20, 2)), "decimal(20,2)"),
        (pa.array([date(2024, 1, 31), None, date(1, 1, 1)]), "date"),
        (pa.array([datetime(2024, 1, 31, 7, 8, 9, 123456), None, None]), "timestamp"),
    ],
)
def test_what_it_tells_exactly_is_as_a_load_would_have_made_it(make: Make, values: pa.Array, kind: str) -> None:
    source = make({"id": "bigint"}, format={"type": "parquet"})
    source.put("a.parquet", parquet({"id": [1, 2, 3], "more": values}))
    source.run()
    widen(source, {"id": "bigint", "more": kind}, "more")
    source.run()
    taken = source.rows()
    source.load(is_full_refresh=True)
    assert source.rows() == taken


def test_a_snapshot_is_held_against_the_keys_that_are_clean_since_a_column_came(make: Make) -> None:
    """What one snapshot loses of another is counted once; rows that are judged anew make it another number."""
    source = make({"id": "bigint"}, load="snapshot", newest_by={"file_date": "s_%Y-%m-%d.csv"})
    source.put("s_2024-01-01.csv", "id\n" + "".join(f"{n}\n" for n in range(10)))
    source.put("s_2024-01-02.csv", "id,till\n" + "".join(f"{n},{n}\n" for n in range(10)))
    source.run()
    count = "select count(*) from ops.snapshot_losses"
    assert source.sql(count) == [(2,)]
    widen(source, {"id": "bigint", "till": "bigint"}, "till")
    source.model = source.model.replace("null::varchar[]", "case when till > 1 then ['till'] end")
    now = "case when till > 1 then [''till''] end"
    source.sql(f"update ops.tables set definition = replace(definition, 'null::varchar[]', '{now}')")
    source.run()
    state = "select path, state from ops.snapshots order by path"
    shown = source.sql(state)
    assert shown == [("sales/s_2024-01-01.csv", "current"), ("sales/s_2024-01-02.csv", "held back")]
    source.load(is_full_refresh=True)
    assert source.sql(state) == shown
