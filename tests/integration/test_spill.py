"""What does not fit into memory goes to the lake's scratch, within a limit, and is gone after the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assay.base.spill import default_spill_limit, limit_spill, spill_folder
from assay.base.warehouse import connect
from assay.cli import findings
from assay.contract.catalog import Catalog
from assay.publish.run_session import open_session
from tests.lab import Lab, receipt

LARGE = "create or replace table large as select md5(i::varchar) as x from range(3_000_000) as r(i) order by x"
"""More than the memory that it gets, by far."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with little memory."""
    with connect(tmp_path / "warehouse.duckdb", wait_seconds=0, memory_limit=80_000_000) as connection:
        connection.execute("set threads = 1")
        yield connection


def test_a_sort_that_is_larger_than_memory_goes_to_scratch(small: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    limit_spill(small, tmp_path, 2 << 30)
    cursor = small.execute(LARGE.partition(" as ")[2])
    assert sum(path.stat().st_size for path in spill_folder(tmp_path).iterdir()) > 1 << 20
    cursor.fetchall()
    assert not (tmp_path / "warehouse.duckdb.tmp").exists()


def test_more_than_the_limit_ends_the_statement_and_says_which_limit(
    small: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    limit_spill(small, tmp_path, 4 << 20)
    with pytest.raises(duckdb.OutOfMemoryException, match="max_temp_directory_size"):
        small.execute(LARGE)
    assert small.execute("select count(*) from duckdb_tables() where table_name = 'large'").fetchall() == [(0,)]


def test_what_a_killed_run_left_is_deleted(small: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    left = spill_folder(tmp_path) / "duckdb_temp_storage_DEFAULT-0.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    limit_spill(small, tmp_path, None)
    assert not left.exists()


def test_a_folder_with_a_quote_in_its_name_can_be_spilled_to(tmp_path: Path) -> None:
    home = tmp_path / "a lake's"
    with connect(home / "warehouse.duckdb", wait_seconds=0) as connection:
        limit_spill(connection, home, None)
        assert connection.execute("select current_setting('temp_directory')").fetchall() == [(str(spill_folder(home)),)]


@pytest.mark.slow  # a real run
def test_a_run_spills_within_its_setting(lab: Lab) -> None:
    lab.receipts("day1", [receipt()])
    lab.good_run()
    settings = lab.settings.model_copy(update={"spill_limit": 3 << 30})
    with open_session(settings, Catalog.read(settings.dbt_project), "run") as session:
        asked = "select current_setting('temp_directory'), current_setting('max_temp_directory_size')"
        assert session.connection.execute(asked).fetchall() == [(str(spill_folder(settings.home)), "3.0 GiB")]


def test_doctor_says_the_limit_and_where_it_comes_from(tmp_path: Path) -> None:
    ours = findings.of_spill(None, default_spill_limit(tmp_path), 100 * 10**9)
    assert (ours.mark, "half of what is free; ASSAY_SPILL_LIMIT sets it" in ours.message) == ("ok", True)
    theirs = findings.of_spill(40 * 10**9, 1, 100 * 10**9)
    assert (theirs.mark, "40.0 GB of disk (as ASSAY_SPILL_LIMIT says)" in theirs.message) == ("ok", True)
    assert findings.of_spill(400 * 10**9, 1, 100 * 10**9).mark == "warning"
