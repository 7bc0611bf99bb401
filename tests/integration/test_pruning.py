"""What runs of long ago left is dropped; every answer that is worked out from the book-keeping stays what it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pytest

from assay.base import clock
from assay.base.warehouse import prepare
from assay.checks.score import TREND, trends
from assay.incidents.published_problems import read_facts
from assay.orchestration import run_pruning
from assay.orchestration.instance import open_instance
from assay.publish.pruning import is_due, prune, read_pruned
from assay.publish.status import read_status
from tests.lab import Lab, receipt

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RUNS = 300
KINDS = ("checks", "check_results", "conservation", "quality_score", "publications")


@pytest.fixture
def years() -> Iterator[duckdb.DuckDBPyConnection]:
    """The book-keeping of a run a day, the last of them now: a source, a table and three checks."""
    with duckdb.connect() as connection, clock.told_by(lambda: NOW):
        prepare(connection)
        for run in range(1, RUNS + 1):
            at = NOW - timedelta(days=RUNS - run)
            verdict = "fail" if run == 7 else "pass"
            held = ["gold.a: check contract failed"] if run > RUNS - 150 or run == 1 else []
            seqs = [
                {"table_name": "silver.a", "seq": max(1, run - 250)},
                {"table_name": "gold.a", "seq": 3},
                *([{"table_name": "gold.dropped", "seq": run}] if run < 9 else []),
            ]
            for check in (1, 2, 3):
                connection.execute(
                    "insert into ops.checks (check_id, table_name, check_name, verdict, summary, looked_at, "
                    "definition, checked_at, run_id) values (?, 'silver.a', ?, ?, '', [], 'd', ?, ?)",
                    [run * 3 + check, f"check{check}", verdict, at, f"run{run}"],
                )
                connection.execute(
                    "insert into ops.check_results select ?, 'silver.a', ?, 'rule', 'error', true, 1, 1, 'x', 'x', 1, "
                    "'[]', 1, '1', ?, ?",
                    [run * 3 + check, f"check{check}", at, f"run{run}"],
                )
            connection.execute(
                "insert into ops.conservation values ('a', ?, ?, ?, 1, 0, 1, 1, 0, 0, 0, 0, true)",
                [f"run{run}", at, run],
            )
            for table in ("silver.a", "all"):
                connection.execute(
                    "insert into ops.quality_score values (?, ?, ?, 1, 0, ?, ?)",
                    [table, at.date(), run / 10, at, f"run{run}"],
                )
            connection.execute(
                "insert into ops.publications values (?, ?, ?, ?, ?, ?)",
                [run, at, f"run{run}", run % 2 == 0 or not held, held, seqs],
            )
        connection.execute("insert into ops.profiles select 'a', 1, null, '', 1, 0, null, null, false, 'run7', 0")
        yield connection


def rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return {kind: connection.execute(f"select count(*) from ops.{kind}").fetchall()[0][0] for kind in KINDS}


def answers(connection: duckdb.DuckDBPyConnection) -> list[object]:
    """All that people and sensors are told from what may be dropped."""
    return [
        read_status(connection),
        trends(connection),
        read_facts(connection),
        connection.execute("from ops.latest_checks order by all").fetchall(),
        connection.execute(
            "select shown.table_name, max(shown.seq) from (select unnest(tables) as shown from ops.publications) "
            "group by all order by all"
        ).fetchall(),
        connection.execute("select run_id from ops.checks where verdict = 'fail' order by all").fetchall(),
    ]


def test_what_is_old_goes_and_every_answer_stays(years: duckdb.DuckDBPyConnection) -> None:
    before = answers(years)
    dropped = prune(years, days=90)
    assert answers(years) == before
    left = rows(years)
    assert left["checks"] == left["check_results"] == 3 * (91 + 1), "each that is young, and the run that failed"
    assert left["conservation"] == 91
    assert left["quality_score"] == 2 * RUNS, "the last of each day stays"
    assert 91 < left["publications"] <= 91 + 7
    assert read_pruned(years) == {what: count for what, count in sorted(dropped.items()) if count}
    assert dropped["check results"] == 3 * (RUNS - 92)


@pytest.mark.slow  # a run a day for most of a year
def test_a_second_look_drops_nothing_and_is_due_after_a_day(years: duckdb.DuckDBPyConnection) -> None:
    assert is_due(years, "counts")
    dropped = prune(years, days=90)
    assert not is_due(years, "counts")
    assert set(prune(years, days=90).values()) == {0}
    assert read_pruned(years)["counts"] == dropped["counts"], "what was dropped before stays counted"
    with clock.told_by(lambda: NOW + timedelta(hours=25)):
        assert is_due(years, "counts")
    with clock.told_by(lambda: NOW - timedelta(days=3)):
        assert is_due(years, "counts"), "a clock that was put back must not put it off for ever"


def test_a_clock_that_jumps_ahead_leaves_the_last_of_each(years: duckdb.DuckDBPyConnection) -> None:
    before = answers(years)
    with clock.told_by(lambda: NOW + timedelta(days=36_500)):
        prune(years, days=90)
    left = rows(years)
    assert left["checks"] == 3 * (TREND + 1)
    assert left["conservation"] == TREND
    assert TREND < left["publications"] <= TREND + 7
    assert answers(years) == before


@pytest.mark.slow  # a run a day for most of a year
def test_scores_of_one_day_become_the_last_of_it(years: duckdb.DuckDBPyConnection) -> None:
    long_ago = NOW - timedelta(days=200)
    years.execute("update ops.quality_score set day = ? where scored_at < ?", [long_ago.date(), long_ago])
    prune(years, days=90)
    of_day = years.execute("select score from ops.quality_score where day = ? and table_name = 'all' order by 1", [
        long_ago.date()
    ]).fetchall()  # fmt: skip
    assert of_day == [((RUNS - 200) / 10,)]


@pytest.mark.slow  # real runs
def test_old_runs_leave_dagster_and_the_last_of_each_table_stays(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    later = datetime.now(UTC)
    monkeypatch.setattr(run_pruning, "KEPT", 2)
    for day in range(4):
        lab.receipts(f"day{day}", [receipt(basket_id=100 + day)])
        lab.good_run()
    history = lab.settings.dagster_home / "history" / "runs"
    with open_instance(lab.settings) as instance:
        first, second, *_ = sorted(instance.get_run_records(), key=lambda record: record.storage_id)
        first_id, second_id = first.dagster_run.run_id, second.dagster_run.run_id
    assert list(history.glob(f"{first_id}.db*"))

    with clock.told_by(lambda: later + timedelta(days=40)):
        lab.receipts("later", [receipt(basket_id=200)])
        lab.good_run()
        lab.receipts("latest", [receipt(basket_id=201)])
        lab.good_run()
    with open_instance(lab.settings) as instance:
        left = {record.dagster_run.run_id for record in instance.get_run_records()}
        keys = instance.all_asset_keys()
        assert all(instance.fetch_materializations(key, limit=1).records for key in keys)
        assert first_id in left, "it is the last that materialized products"
        assert len(left) == 4, "the first, the newest that was old, and two of later"
        assert instance.get_runs(dg.RunsFilter(run_ids=[second_id])) == []
    assert not list(history.glob(f"{second_id}.db*"))
    assert not (lab.settings.dagster_home / "storage" / second_id).exists()
    assert lab.rows("select dropped from ops.pruned where what = 'Dagster runs'") == [(2,)]
    assert lab.rows("select count(*) from silver.transactions") == [(6,)]


@pytest.mark.slow  # real runs
def test_what_cannot_be_dropped_is_told_by_each_run_and_stops_none(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(run_pruning, "prune_runs", fails)
    for day in (1, 2):
        lab.receipts(f"day{day}", [receipt(basket_id=100 + day)])
        lab.good_run()
    with open_instance(lab.settings) as instance:
        for record in instance.get_run_records():
            logged = instance.all_logs(record.dagster_run.run_id)
            assert [e.level for e in logged if "OSError('no space left')" in e.user_message] == [logging.ERROR]
    assert lab.rows("select count(*) from silver.transactions") == [(2,)]
    monkeypatch.undo()
    lab.receipts("day3", [receipt(basket_id=103)])
    lab.good_run()
    assert lab.rows("select count(*) from ops.pruned where what = 'Dagster runs'") == [(1,)]
