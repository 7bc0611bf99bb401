"""What the ledger says of the contents of a source, and what is written about all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from assay.base.warehouse import prepare
from assay.ledger import contents, reports

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = [
    # source, path, content, status, run, load, read
    ("sales", "a.csv", 1, "loaded", "r1", 1, 10),
    ("sales", "b.csv", 2, "refused", "r1", None, None),
    ("sales", "copy.csv", 1, "duplicate", "r2", None, None),
    ("sales", "a.csv", 3, "loaded", "r2", 2, 5),
    ("sales", "c.csv", 4, "arrived", "r2", None, None),
    ("shops", "s.csv", 5, "loaded", "r1", 3, 7),
    ("old", "o.csv", 6, "retired", "r0", None, None),
]


@pytest.fixture
def ledger() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        for number, (source, path, content, status, run, load, read) in enumerate(ROWS, 1):
            connection.execute(
                "insert into ops.files (sighting_id, source, path, file_id, status, run_id, load_id, records_read, "
                "records_loaded, records_malformed, first_seen, format, contract_version, contract_fingerprint) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 'csv', '1.0.0', 'f')",
                [number, source, path, content, status, run, load, read, read, START + timedelta(hours=number)],
            )
        connection.execute("insert into ops.sources values ('sales', 'events', '1.0.0', '', null)")
        connection.execute("insert into ops.sources values ('empty', 'events', '1.0.0', '', null)")
        yield connection


def statuses(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in connection.execute("select status from ops.files order by sighting_id").fetchall()]


def test_what_is_loaded_of_a_source_is_told_apart_from_what_is_not(ledger: duckdb.DuckDBPyConnection) -> None:
    assert [contents.has_loaded(ledger, source) for source in ("sales", "empty", "old")] == [True, False, False]
    assert contents.newest_loaded(ledger, "sales") == START + timedelta(hours=4)
    assert contents.newest_loaded(ledger, "empty") is None
    assert contents.newest_landed(ledger, ["sales", "shops"]) == START + timedelta(hours=6)
    assert contents.newest_landed(ledger, []) is None
    assert (contents.last_load_id(ledger), contents.last_loaded(ledger, "sales")) == (3, [3])
    assert contents.records_read(ledger, "sales") == {1: 10, 4: 5}
    assert contents.sums_loaded(ledger, "sales") == (15, 15)
    assert contents.sums_loaded(ledger, "empty") == (0, 0)
    assert list(contents.counts_of_run(ledger, "sales", "r2").values()) == [1, 5, 5, 0, 1, 1]


def test_of_each_path_the_latest_accepted_version_counts_or_the_one_that_is_about_to_be_loaded(
    ledger: duckdb.DuckDBPyConnection,
) -> None:
    assert contents.live_or_waiting(ledger, "sales", []) == {1, 3}
    assert contents.live_or_waiting(ledger, "sales", [4]) == {1, 3, 4}
    assert contents.accepted_paths(ledger, "sales") == [("a.csv", "a.csv"), ("copy.csv", "copy.csv")]
    assert sorted(contents.paths_of(ledger, "sales")) == ["a.csv", "b.csv", "c.csv", "copy.csv"]
    assert contents.count_paths(ledger, "sales") == (4, 2)


def test_what_is_gone_says_whether_it_had_been_loaded(ledger: duckdb.DuckDBPyConnection) -> None:
    contents.note_missing(ledger, [1, 5], "was replaced")
    rows = ledger.execute("select sighting_id, reason from ops.files where status = 'missing' order by 1").fetchall()
    assert rows == [(1, "was replaced"), (5, "was gone before it was loaded")]


def test_a_source_that_is_retired_keeps_its_rows_and_no_other_is_touched(ledger: duckdb.DuckDBPyConnection) -> None:
    contents.retire(ledger, "sales", "it left")
    assert statuses(ledger) == ["retired"] * 5 + ["loaded", "retired"]
    assert ledger.execute("select distinct reason from ops.files where source = 'sales'").fetchall() == [("it left",)]
    assert ledger.execute("select reason from ops.files where source = 'old'").fetchall() == [(None,)]


def test_the_rules_of_reading_are_written_to_the_files_that_they_were_tried_on(
    ledger: duckdb.DuckDBPyConnection,
) -> None:
    contents.set_reading(ledger, [4], 7)
    assert contents.read_by(ledger, "sales") == {1: (10, 0, 1), 4: (5, 0, 7)}


def test_a_file_is_dated_under_every_version_of_its_name(ledger: duckdb.DuckDBPyConnection) -> None:
    contents.set_file_date(ledger, "sales", "a.csv", datetime(2026, 1, 2))
    dated = ledger.execute("select sighting_id from ops.files where file_date is not null order by 1").fetchall()
    assert dated == [(1,), (4,)]


def test_readers_are_told_every_sighting_and_what_each_run_did(ledger: duckdb.DuckDBPyConnection) -> None:
    assert [row.path for row in reports.listing(ledger)] == [row[1] for row in ROWS]
    assert [row.path for row in reports.listing(ledger, "sales", "refused")] == ["b.csv"]
    assert reports.listing(ledger, "shops")[0].counts == (7, 7, 0)
    assert reports.loaded_by(ledger, "r1") == [("sales", 1, 10, 0), ("shops", 1, 7, 0)]
    assert reports.refused_by(ledger, "r1") == [("b.csv", None)]
    assert reports.held_back_by(ledger, "r1") == []
    assert reports.first_seen(ledger) == START + timedelta(hours=1)
    assert reports.newest_by_source(ledger).keys() == {"sales", "shops"}
    counted = reports.count_by_status(ledger)
    assert counted["sales"] == {"loaded": 2, "duplicate": 1, "refused": 1, "arrived": 1, "missing": 0}
    assert counted.keys() == {"empty", "sales", "shops"}  # of `old` nothing is stored


def test_a_content_is_as_old_as_its_first_sighting_and_of_the_run_that_loaded_it(
    ledger: duckdb.DuckDBPyConnection,
) -> None:
    asked = "select file_id, landed_at, is_loaded, loaded_by from ops.landed_contents where source = 'sales' order by 1"
    assert ledger.execute(asked).fetchall() == [
        (1, START + timedelta(hours=1), True, "r1"),
        (3, START + timedelta(hours=4), True, "r2"),
        (4, START + timedelta(hours=5), False, None),
    ]
