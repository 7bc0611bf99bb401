"""Two tables differ exactly where a comparison row by row in Python says so, whatever their values and names are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.base.spill import database_beside_runs
from assay.contract.names import quoted
from assay.publish.compared_values import Pair
from assay.publish.table_diff import DIFFERING, ONLY_A, ONLY_B, Example, RowComparison, RowDiff

Row = tuple[Any, ...]
COLUMNS = {"k 1": "INTEGER", 'k"2': "DOUBLE", "select": "VARCHAR", "c0": "DOUBLE"}
KEY = ("k 1", 'k"2')
NAN = float("nan")


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def table(connection: duckdb.DuckDBPyConnection, name: str, rows: Iterable[Row]) -> str:
    """A table of `COLUMNS` with rows."""
    typed = ", ".join(f"{quoted(column)} {kind}" for column, kind in COLUMNS.items())
    connection.execute(f"create or replace temp table {name} ({typed})")
    for row in rows:
        connection.execute(f"insert into {name} values (?, ?, ?, ?)", row)
    return name


def compare(connection: duckdb.DuckDBPyConnection, a: Sequence[Row], b: Sequence[Row]) -> RowComparison:
    pairs = [Pair(name, kind, kind) for name, kind in COLUMNS.items()]
    return RowComparison(connection, table(connection, "a", a), table(connection, "b", b), pairs, 0.0, 2)


def plain(row: Row) -> Row:
    """A row in which equal values are equal to Python, too: one NaN, and no -0.0."""
    return tuple("NaN" if isinstance(v, float) and math.isnan(v) else 0.0 if v == 0 else v for v in row)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, 1, 2]),
        st.sampled_from([None, NAN, 0.0, -0.0, 1.5]),
        st.sampled_from([None, "", "NULL", "x"]),
        st.sampled_from([None, NAN, 0.0, -0.0, math.inf, 0.1]),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(a=ROWS, b=ROWS)
def test_rows_differ_where_python_says_so(connection: duckdb.DuckDBPyConnection, a: list[Row], b: list[Row]) -> None:
    comparison = compare(connection, a, b)
    in_a, in_b = Counter(map(plain, a)), Counter(map(plain, b))
    whole = comparison.as_they_are()
    assert (whole.only_a, whole.only_b) == ((in_a - in_b).total(), (in_b - in_a).total())

    by_key = comparison.by_key(KEY)
    keys_a, keys_b = (Counter(plain(row)[:2] for row in rows) for rows in (a, b))
    if any(keys_a[key] > 1 or keys_b[key] > 1 for key in keys_a & keys_b):
        assert by_key is None
        return
    assert by_key is not None
    rows_a, rows_b = ({plain(row)[:2]: plain(row) for row in rows} for rows in (a, b))
    changed = [key for key in rows_a.keys() & rows_b.keys() if rows_a[key] != rows_b[key]]
    assert by_key.only_a == sum(count for key, count in keys_a.items() if key not in rows_b)
    assert by_key.only_b == sum(count for key, count in keys_b.items() if key not in rows_a)
    assert by_key.differing == len(changed)
    assert by_key.columns == tuple(sum(rows_a[key][n] != rows_b[key][n] for key in changed) for n in range(4))
    kinds = Counter(example.kind for example in by_key.examples)
    wanted = {ONLY_A: by_key.only_a, ONLY_B: by_key.only_b, DIFFERING: by_key.differing}
    assert kinds == Counter({kind: min(2, count) for kind, count in wanted.items()})


def test_examples_are_the_first_by_key(connection: duckdb.DuckDBPyConnection) -> None:
    a = [(number, 0.0, "a", None) for number in (5, 3, 9, 1)]
    b = [(number, 0.0, "b", None) for number in (9, 5, 1, 3)]
    outcome = compare(connection, a, b).by_key(KEY)
    assert outcome is not None
    assert [(example.a[0], example.a[2], example.b[2]) for example in outcome.examples] == [
        ("1", "a", "b"),
        ("3", "a", "b"),
    ]


def of_column(connection: duckdb.DuckDBPyConnection, a: str, b: str, tolerance: float = 0.0) -> list[bool]:
    """Whether two values in SQL differ: by key, and as they are."""
    connection.execute(f"create or replace temp table a as select 1 as id, {a} as v")
    connection.execute(f"create or replace temp table b as select 1 as id, {b} as v")
    types = [str(connection.table(name).types[1]) for name in "ab"]
    comparison = RowComparison(
        connection, "a", "b", [Pair("id", "INTEGER", "INTEGER"), Pair("v", *types)], tolerance, 3
    )
    by_key, whole = comparison.by_key(["id"]), comparison.as_they_are()
    assert by_key is not None
    assert (whole.only_a, whole.only_b) in ((0, 0), (1, 1))
    return [bool(by_key.differing), bool(whole.only_a)]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("170141183460469231731687303715884105727::hugeint", "170141183460469231731687303715884105726::hugeint"),
        ("9007199254740993::bigint", "9007199254740992::bigint"),
        ("9007199254740993::bigint", "9007199254740992::double"),
        ("0.1::double", "0.1::double + 1e-17 * 4"),
        ("[1, null]", "[1]"),
        ("{'a': null}", "{'a': 1}"),
        ("map{'a': 1}", "map{'b': 1}"),
        ("interval '30 days'", "interval '1 month'"),
        ("{'a': interval '30 days'}", "{'a': interval '1 month'}"),
        ("''", "null::varchar"),
        ("'NULL'", "null::varchar"),
        ("'0001'::bit", "'001'::bit"),
        ("timestamp_ns '2020-01-01 00:00:00.123456789'", "timestamp_ns '2020-01-01 00:00:00.123456788'"),
        ("1.50::decimal(10,2)", "1.501::decimal(10,3)"),
        ("100::integer", "1::decimal(5,2)"),
        ("[{'a': 1}, null]", "'x'"),
    ],
)
def test_values_that_are_not_the_same_differ(connection: duckdb.DuckDBPyConnection, a: str, b: str) -> None:
    assert of_column(connection, a, b) == [True, True]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1::integer", "1::hugeint"),
        ("1.50::decimal(10,2)", "1.500::decimal(38,3)"),
        ("100::integer", "100.00::decimal(5,2)"),
        ("0::integer", "0.00::decimal(5,2)"),
        ("10::decimal(5,0)", "10.0::decimal(5,1)"),
        ("'x'::enum('x', 'y')", "'x'"),
        ("'nan'::double", "'nan'::double"),
        ("0.0::double", "-0.0::double"),
        ("['nan'::double]", "['nan'::double]"),
        ("null::integer", "null::varchar"),
    ],
)
def test_values_that_are_the_same_do_not_differ(connection: duckdb.DuckDBPyConnection, a: str, b: str) -> None:
    assert of_column(connection, a, b) == [False, False]


def every_type() -> list[str]:
    return [row[0] for row in duckdb.execute("select column_name from (describe from test_all_types())").fetchall()]


@pytest.mark.parametrize("name", every_type())
def test_each_type_is_compared_and_shown(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(
        f"create or replace temp table a as select row_number() over () id, {quoted(name)} as v from test_all_types()"
    )
    connection.execute("create or replace temp table b as from a where id > 1 union all select 1, null")
    pairs = [Pair("id", "BIGINT", "BIGINT"), Pair("v", *[str(connection.table("a").types[1])] * 2)]
    same = RowComparison(connection, "a", "(from a order by random())", pairs, 0.0, 1)
    assert same.by_key(["id"]) == same.as_they_are() == RowDiff(columns=(0, 0))

    [(text,)] = connection.execute("select v::varchar from a where id = 1").fetchall()
    other = RowComparison(connection, "a", "b", pairs, 0.0, 1)
    assert other.by_key(["id"]) == RowDiff(0, 0, 1, (0, 1), (Example(DIFFERING, ("1", text), ("1", None)),))
    gone, new = Example(ONLY_A, ("1", text)), Example(ONLY_B, (), ("1", None))
    assert other.as_they_are() == RowDiff(1, 1, 0, (0, 0), (gone, new))


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "differs"),
    [
        ("0.1", "0.1000001", 1e-6, False),
        ("0.1", "0.1001", 1e-6, True),
        ("1e9", "1e9 + 1", 1e-6, False),
        ("1e9", "1e9 + 1", 0.0, True),
        ("'inf'::double", "'-inf'::double", 0.1, True),
        ("'inf'::double", "1.7e308", 1.0, True),
        ("'nan'::double", "1e0", 0.1, True),
        ("null::double", "1e0", 0.1, True),
    ],
)
def test_floating_point_may_differ_by_a_share(
    connection: duckdb.DuckDBPyConnection, a: str, b: str, tolerance: float, differs: bool
) -> None:
    cast = [f"({value})::double" for value in (a, b)]
    assert of_column(connection, *cast, tolerance)[0] == differs


def test_a_table_of_many_columns_is_compared(connection: duckdb.DuckDBPyConnection) -> None:
    names = [f"column {number}" for number in range(300)]
    for relation, value in (("a", 1), ("b", 2)):
        values = ", ".join(f"{value if n == 123 else 0} as {quoted(name)}" for n, name in enumerate(names))
        connection.execute(f"create or replace temp table {relation} as select 1 as id, {values}")
    pairs = [Pair("id", "INTEGER", "INTEGER"), *(Pair(name, "INTEGER", "INTEGER") for name in names)]
    outcome = RowComparison(connection, "a", "b", pairs, 0.0, 1).by_key(["id"])
    assert outcome is not None
    assert [names[place - 1] for place, count in enumerate(outcome.columns) if count] == ["column 123"]


def test_a_database_beside_runs_spills_into_a_folder_of_its_own(tmp_path: Path) -> None:
    left = tmp_path / "scratch" / "assay-beside-dead"
    left.mkdir(parents=True)
    (left / "alive.lock").write_text("process 1")
    kept = tmp_path / "scratch" / "spill"
    kept.mkdir()
    with (
        database_beside_runs(tmp_path, 256 << 20, None) as one,
        database_beside_runs(tmp_path, 256 << 20, 1 << 30) as other,
    ):
        folders = {c.execute("select current_setting('temp_directory')").fetchall()[0][0] for c in (one, other)}
        assert len(folders) == 2
        assert {path for path in kept.parent.iterdir() if path != kept} == {Path(folder) for folder in folders}
    assert list(kept.parent.iterdir()) == [kept]
