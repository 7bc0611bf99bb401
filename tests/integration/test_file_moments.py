"""The moment in a file's name decides which version counts, its time as well as its date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import Lab, product, receipt
from tests.source import Source

pytestmark = pytest.mark.slow  # many lakes

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "name": "varchar"}
AS_BEFORE = """
    alter table ops.files alter column file_date type date;
    alter table ops.seen_files alter column file_date type date;
    alter table ops.sources drop column dated_by;
    drop table ops.acceptances;
    drop table ops.snapshots;
    drop table ops.snapshot_losses;
"""
"""Makes a lake as it was left by the version that knew the day of a file alone."""


def csv(*ids: int, name: str = "n") -> str:
    return "id,name\n" + "".join(f"{n},{name}\n" for n in ids)


def names(source: Source) -> list[str]:
    """The names in the rows that count."""
    rows = source.sql(
        f"select distinct name from {source.table} where _file_id in (select file_id from ops.current_files)"
    )
    return sorted(row[0] for row in rows)


@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [
        ("d_%d%m%Y_%I%p.csv", "d_01012024_09AM.csv", "d_01012024_03PM.csv"),
        ("d_%Y%m%dT%H%M%S%z.csv", "d_20240101T120000+0200.csv", "d_20240101T113000+0000.csv"),
        ("d_%G-W%V.csv", "d_2024-W05.csv", "d_2024-W10.csv"),
        ("d_%q-%Y.csv", "d_4-2023.csv", "d_1-2024.csv"),
        ("d_%j-%Y.csv", "d_365-2023.csv", "d_001-2024.csv"),
        ("d_%d%b%Y.csv", "d_30APR2024.csv", "d_01MAR2025.csv"),
        ("d_%s.%f.csv", "d_1704067200.5.csv", "d_1704067200.75.csv"),
    ],
)
@pytest.mark.parametrize("is_newer_first", [False, True])
def test_the_file_of_the_later_moment_is_the_snapshot(
    make: Make, text: str, older: str, newer: str, is_newer_first: bool
) -> None:
    source = make(COLUMNS, load="snapshot", newest_by={"file_date": text})
    files = [(older, csv(1, 2, name="older")), (newer, csv(1, 2, name="newer"))]
    for name, content in reversed(files) if is_newer_first else files:
        source.put(name, content)
        source.run()
    assert source.files() == {older: "loaded", newer: "loaded"}
    assert names(source) == ["newer"]


def test_a_name_that_could_say_two_dates_is_refused_with_one_that_says_one(make: Make) -> None:
    source = make(COLUMNS, load="snapshot", newest_by={"file_date": "d_%Y%m%d.csv"})
    source.put("d_2024111.csv", csv(1))
    source.run()
    assert source.reason("d_2024111.csv") == (
        "its name does not say its date unambiguously: expected 'd_%Y%m%d.csv', such as 'd_20240517.csv'"
    )


def test_files_of_before_are_dated_once_more_by_the_time_in_their_names(make: Make) -> None:
    source = make(COLUMNS, load="events", newest_by={"file_date": "d_%Y-%m-%d_%H.csv"})
    source.put("d_2024-01-01_09.csv", csv(1))
    source.put("d_2024-01-01_15.csv", csv(2))
    source.run()
    source.connection.execute(AS_BEFORE)
    source.connection.close()
    again = Source(source.home, COLUMNS, **source.options)
    again.run()
    asked = (
        "select path, strftime(current.file_date, '%H') "
        "from ops.current_files as current join ops.files using (file_id) order by all"
    )
    assert again.sql(asked) == [("sales/d_2024-01-01_09.csv", "09"), ("sales/d_2024-01-01_15.csv", "15")]


def test_a_lake_of_before_goes_on_and_rebuilds_nothing(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.receipts("a", [receipt()])
    lab.products("2017-01-01", [product(), product(product_id=11)])
    lab.good_run()
    state = "select table_name, seq, rebuilt_seq from ops.tables order by all"
    before = lab.stored(state)
    lab.spoil(AS_BEFORE)
    lab.good_run()
    assert lab.stored(state) == before
    types = lab.stored("select distinct data_type from duckdb_columns() where column_name = 'file_date'")
    assert types == [("TIMESTAMP",)]
    lab.products("2017-01-08", [product(department="DELI"), product(product_id=11)])
    lab.good_run()
    assert lab.rows("select department from silver.products where product_id = 10") == [("DELI",)]
