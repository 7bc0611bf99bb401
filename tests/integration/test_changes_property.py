"""Files of changes in any order, of tables that change at random: silver is what the changes make, one by one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from random import Random

import pytest

from tests.changed_table import ChangedTable, Expected, File, arrivals
from tests.changes import Mirror, rows_of


def follow(home: Path, seed: int, steps: int) -> None:
    """Land a table's files in some order; hold silver against the oracle after each run, then against a rebuild."""
    rng = Random(seed)  # noqa: S311 - data, no secret
    table = ChangedTable(rng)
    table.snapshot()
    for _ in range(steps):
        table.step()
    table.flush()
    _disturb(rng, table.files)
    mirror = Mirror(home)
    landed: dict[str, File] = {}
    for files in arrivals(rng, table.files):
        for file in files:
            mirror.put(file.path, file.rows)
            landed[file.path] = file
        mirror.run()
        assert_as_expected(mirror, list(landed.values()))
    made = mirror.everything()
    mirror.build(is_full=True)
    assert mirror.everything() == made
    mirror.assert_conserved()
    mirror.close()


def assert_as_expected(mirror: Mirror, files: list[File]) -> None:
    expected = Expected.of(files)
    assert mirror.rows() == rows_of(expected.rows())
    times = (dt.datetime, type(None))
    told = [tuple(v.astimezone(dt.UTC) if isinstance(v, dt.datetime) else v for v in row) for row in mirror.versions()]
    assert all(isinstance(row[-2], times) for row in told)
    assert rows_of(_without_unknown_ends(told)) == rows_of(_without_unknown_ends(expected.history()))


def _without_unknown_ends(versions: list[tuple]) -> list[tuple]:
    """Of a version that ended with the snapshot of a later epoch, the moment is that of the snapshot or of its file."""
    return [(*row[:-2], None, row[-1]) if row[-1] == "snapshot" else row for row in versions]


def _disturb(rng: Random, files: list[File]) -> None:
    """Rows that no feed lands: again, again and otherwise, and without a key."""
    for file in files:
        if file.rows and rng.random() < 0.3:
            row = rng.choice(file.rows)
            if row["_operation"] in ("insert", "update"):
                file.rows.append(rng.choice(({**row}, {**row, "price": 7}, {**row, "id": None})))


@pytest.mark.parametrize("seed", [3])
def test_silver_is_what_the_changes_make_in_any_order(tmp_path: Path, seed: int) -> None:
    follow(tmp_path, seed, 3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_silver_is_what_the_changes_make_in_many_more_orders(tmp_path: Path, seed: int) -> None:
    follow(tmp_path, seed, 30)
