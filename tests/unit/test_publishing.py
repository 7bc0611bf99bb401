"""Readers have the whole book-keeping, though most of it is not copied again each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assay.base.warehouse import prepare
from assay.checks.results import CheckResult, Rule, record
from assay.publish.ops_tables import HISTORY, OPS_TABLES
from assay.publish.publishing import publish_ops
from assay.publish.reader import OWN_VIEWS, open_published
from assay.tables.table_definition import Definition
from assay.tables.versions import note_built


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        prepare(connection)
        yield connection


def ask(connection: duckdb.DuckDBPyConnection, *tables: str) -> None:
    rules = (Rule("positive", "price > 0", "holds", True), Rule("known", "is known", "is not", False))
    record(connection, [CheckResult(table, "contract", rules, "so") for table in tables], "run")


def is_whole(connection: duckdb.DuckDBPyConnection, folder: Path) -> bool:
    """Whether readers have every row of every table."""
    published = str((folder / "ops.duckdb").resolve())
    connection.execute(f"attach '{published}' as readers (read_only)")
    try:
        differences = [
            connection.execute(f"(from ops.{t} except all from readers.ops.{t})").fetchall()
            or connection.execute(f"(from readers.ops.{t} except all from ops.{t})").fetchall()
            for t in OPS_TABLES
        ]
    finally:
        connection.execute("detach readers")
    return not any(differences)


def test_what_is_new_is_added(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for tables in ((), ("silver.sales",), ("silver.sales", "gold.days"), (), ("gold.days",)):
        ask(warehouse, *tables)
        publish_ops(warehouse, tmp_path)
        assert is_whole(warehouse, tmp_path)
    assert [path.name for path in sorted(tmp_path.glob("ops_*"))] == [f"ops_{number}.duckdb" for number in (3, 4, 5)]


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_a_warehouse_that_was_put_back_to_an_older_state_is_told_as_it_is(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, rows: int
) -> None:
    """Ids come again then, for other results."""
    ask(warehouse, "silver.sales")
    ask(warehouse, "silver.shops")
    ask(warehouse, "silver.sales")
    publish_ops(warehouse, tmp_path)
    for table in HISTORY:
        warehouse.execute(f"delete from ops.{table} where check_id > 1")
    for _ in range(rows):
        ask(warehouse, "gold.days")
    publish_ops(warehouse, tmp_path)
    assert is_whole(warehouse, tmp_path)


def test_a_file_of_an_older_version_or_one_that_is_broken_is_replaced(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    ask(warehouse, "silver.sales")
    publish_ops(warehouse, tmp_path)
    older = tmp_path / "ops_2.duckdb"
    with duckdb.connect(str(older)) as connection:
        connection.execute("create schema ops; create table ops.checks (check_id bigint)")
        connection.execute("create table ops.check_results as select 1::bigint as check_id, now() as checked_at")
    for path in (older, tmp_path / "broken.duckdb"):
        if path != older:
            path.write_bytes(b"no database")
        (tmp_path / "ops.duckdb").unlink()
        (tmp_path / "ops.duckdb").symlink_to(path.name)
        publish_ops(warehouse, tmp_path)
        assert is_whole(warehouse, tmp_path)


def test_the_file_is_small_even_after_one_of_an_earlier_version(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A column of a table takes a block, so those of DuckDB's own size make megabytes of a few rows."""
    ask(warehouse, "silver.sales")
    publish_ops(warehouse, tmp_path)
    earlier = tmp_path / "ops_2.duckdb"
    warehouse.execute(f"attach '{earlier}' as earlier; attach '{tmp_path / 'ops_1.duckdb'}' as present (read_only)")
    warehouse.execute("copy from database present to earlier")
    warehouse.execute("detach earlier; detach present")
    (tmp_path / "ops.duckdb").unlink()
    (tmp_path / "ops.duckdb").symlink_to(earlier.name)
    publish_ops(warehouse, tmp_path)
    assert is_whole(warehouse, tmp_path)
    assert (tmp_path / "ops.duckdb").stat().st_size < earlier.stat().st_size


def test_a_table_that_comes_back_repeats_no_number_under_which_readers_saw_it(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    """A run that dies after a drop leaves readers the old table; with its number again they would keep it."""
    warehouse.execute("create table gold.days as select 1 as id")
    shown = "[{'table_name': 'gold.days', 'seq': 7}]"
    warehouse.execute(f"insert into ops.publications select 1, now(), 'run', true, [], {shown}")
    definition = Definition({"version": 2})
    assert note_built(warehouse, "gold.days", definition, "run", is_changed=True, is_rebuilt=True) == 8
    assert note_built(warehouse, "gold.days", definition, "run", is_changed=True) == 9


def test_readers_have_the_views_of_the_warehouse_in_every_file_that_was_published(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """The views are made for the connection, so a lake that an earlier version published has them as well."""
    ask(warehouse, "silver.sales", "gold.days")
    ask(warehouse, "silver.sales")
    publish_ops(warehouse, tmp_path)
    with open_published(tmp_path) as readers:
        assert readers.execute("select check_id from ops.latest_checks order by all").fetchall() == [(2,), (3,)]
        for view in OWN_VIEWS:
            asked = f"from ops.{view} order by all"
            assert readers.execute(asked).fetchall() == warehouse.execute(asked).fetchall()
            columns = f"select column_name, column_type from (describe ops.{view})"
            assert readers.execute(columns).fetchall() == warehouse.execute(columns).fetchall()


def test_a_published_file_without_a_table_opens_without_the_views_of_it(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "before.duckdb")) as connection:
        connection.execute("create schema ops; create table ops.checks as select 'x' as table_name")
    (tmp_path / "before.duckdb").rename(tmp_path / "ops.duckdb")
    with open_published(tmp_path) as readers:
        assert readers.execute("select table_name from ops.checks").fetchall() == [("x",)]
        with pytest.raises(duckdb.CatalogException):
            readers.execute("select * from ops.latest_sightings")
