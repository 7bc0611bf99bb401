"""A full build that does not fit into memory is made in parts of the key, and is the same, cell for cell."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from assay.tables import keyed, parts
from assay.tables.parts import PARTS, build_within_memory
from tests.keyed import SALES, Tables, regions, sales

ROWS = [(n, ["north", "south", None][n % 3], None if n % 5 == 0 else n / 4, n) for n in range(500)]


def sold() -> Tables:
    """Tables of keys of every kind: a number, a text that may be NULL, and two columns."""
    tables = regions()
    tables.add(
        "gold_rates",
        {"region": "varchar", "rate": "double", "buyers": "bigint"},
        "select region, rate, count(distinct id) as buyers from silver.x where AFFECTED(region, rate) group by all",
        {"key": ["region", "rate"], "inputs": {"silver_x": ["region", "rate"]}},
    )
    tables.put("a", ROWS)
    return tables


@pytest.fixture(params=PARTS[1:])
def in_parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Lets a build of fewer parts fail after its last one; gives the number of each build that was tried."""
    tried: list[int] = []
    real = keyed.each_part

    def fail_below(connection: duckdb.DuckDBPyConnection, count: int) -> Iterator[int]:
        tried.append(count)
        yield from real(connection, count)
        if count < request.param:
            raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block")

    monkeypatch.setattr(keyed, "each_part", fail_below)
    yield tried


def test_a_build_in_parts_is_the_build_at_once(in_parts: list[int]) -> None:
    tables = sold()
    tables.build()
    assert max(in_parts) == in_parts[len(set(in_parts)) - 1] > 1
    for name in ("silver_x", "gold_regions", "gold_rates"):
        assert tables.rows(name) == tables.whole(name)
    assert tables.connection.execute("select table_name, seq from ops.tables order by all").fetchall() == [
        ("gold.rates", 1), ("gold.regions", 1), ("silver.x", 1)
    ]  # fmt: skip


def test_what_was_built_in_parts_is_rebuilt_by_key_and_whole(in_parts: list[int]) -> None:
    tables = sold()
    tables.build()
    tables.put("b", [(1000, None, None, 1), (1001, "east", 2.0, 2)])
    tries = len(in_parts)
    tables.build()
    assert len(in_parts) == tries
    for name in ("silver_x", "gold_regions", "gold_rates"):
        assert tables.rows(name) == tables.whole(name)
    tables.build(is_full=True)
    assert tables.rows("gold_rates") == tables.whole("gold_rates")


def test_a_part_that_does_not_fit_either_ends_the_build_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = sold()
    tables.build()
    before = tables.rows("gold_rates")

    def fail(connection: duckdb.DuckDBPyConnection, count: int) -> Iterator[int]:
        yield from parts.each_part(connection, count)
        raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block")

    monkeypatch.setattr(keyed, "each_part", fail)
    with pytest.raises(duckdb.OutOfMemoryException):
        tables.build(is_full=True)
    assert tables.rows("gold_rates") == before


def test_other_errors_are_not_tried_again() -> None:
    tried: list[int] = []

    def build(count: int) -> None:
        tried.append(count)
        raise duckdb.ConversionException("Conversion Error: x")

    with pytest.raises(duckdb.ConversionException):
        build_within_memory(build, "gold.x")
    assert tried == [1]


def test_distinct_counts_of_more_groups_than_memory_holds_are_made_in_parts() -> None:
    tables = Tables(SALES, ["id"])
    sales(tables, "x")
    tables.put("a", [])
    connection = tables.connection
    rows = "select i, md5(i::varchar), null, i // 3, null, null, 1 from range(600_000) as r(i)"
    connection.execute(f"insert into bronze.x {rows}")
    tables.build()
    tables.add(
        "gold_pairs",
        {"amount": "bigint", "buyers": "bigint", "regions": "bigint"},
        "select amount, count(distinct id) as buyers, count(distinct region) as regions from silver.x "
        "where AFFECTED(amount) group by amount",
        {"key": ["amount"], "inputs": {"silver_x": ["amount"]}},
    )
    [(used,)] = connection.execute("select sum(memory_usage_bytes) from duckdb_memory()").fetchall()
    connection.execute("set temp_directory = ''")
    connection.execute(f"set memory_limit = '{int(used) + 60_000_000}B'")
    with pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(f"create table at_once as {tables.sql['gold_pairs'].replace('AFFECTED', 'everything')}")
    tables.build()
    sums = "select count(*), sum(buyers), sum(regions) from gold.pairs"
    assert connection.execute(sums).fetchall() == [(200_000, 600_000, 600_000)]
