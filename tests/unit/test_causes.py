"""What is wrong is worked out from what is published, the runs, the disk and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from assay.base.warehouse import prepare
from assay.incidents.causes import causes
from assay.incidents.inputs import Disk, Inputs
from assay.incidents.kinds import KINDS
from assay.incidents.lineage import downstream, owner_of
from assay.incidents.published_problems import Facts, Held, Refused, Verdict, read_facts
from assay.incidents.reconcile import Cause
from assay.incidents.unresolved_failures import all_assets, unresolved_failures
from assay.ledger.schema_changes import SchemaChange
from assay.triggers.backoff import Health, Tried
from tests.source import bronze_node, built, catalog

RUN = "1f0c4a52"
NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROOM = Disk(total=1_000_000_000_000, free=500_000_000_000, warehouse=1_000_000_000)


def source(name: str, owner: str, **meta: object) -> dict[str, Any]:
    """A bronze model as in dbt's manifest."""
    node = bronze_node(name, {"id": "bigint"}, ["id"], owner=owner)
    node["config"]["meta"] |= meta
    return {**node, "depends_on": {"nodes": []}}


PROJECT = catalog(
    source("sales", "shop", freshness={"lag": "30 hours", "because": "Nightly."}),
    source("stores", "estate"),
    source("news", "press"),
    built("silver_sales", "bronze_sales"),
    built("silver_stores", "bronze_stores"),
    built("silver_news", "bronze_news"),
    built("gold_days", "silver_sales", owner="analytics"),
    built("gold_map", "silver_sales", "silver_stores"),
)
LOOK = Inputs(PROJECT, Facts(), (), ROOM, NOW)


def ran(state: str, *covers: str, errors: Sequence[str] = ("landing: no",), asked_for: str = "") -> Tried:
    words = tuple(errors) if state == "failed" else ()
    return Tried(RUN, state, NOW.timestamp(), covers=frozenset(covers) or None, asked_for=asked_for, messages=words)


def one(look: Inputs) -> Cause:
    [cause] = causes(look)
    assert cause.kind in KINDS
    assert not {"\n"} & {*cause.lines().replace("\n", "", 4)}
    return cause


def test_an_ordinary_lake_has_no_cause() -> None:
    assert causes(LOOK) == []


def test_owners_are_those_of_the_contract_of_the_yml_or_of_the_sources() -> None:
    assert owner_of(PROJECT, "bronze_sales") == "shop"
    assert owner_of(PROJECT, "silver_stores") == "estate"
    assert owner_of(PROJECT, "gold_days") == "analytics"
    assert owner_of(PROJECT, "gold_map") == "shop, estate"


def test_downstream_are_all_tables_that_are_made_of_something_gold_first() -> None:
    assert downstream(PROJECT, {"bronze_stores"}) == ["gold_map", "silver_stores"]
    assert downstream(PROJECT, {"gold_days"}) == ["gold_days"]


def test_five_hundred_refused_files_of_one_source_are_one_cause() -> None:
    files = tuple(Refused(f"sales/{n}.csv", "no header", "run 7", NOW - n * HOUR) for n in range(500))
    shown = {"gold.days": NOW - 26 * HOUR}
    cause = one(replace(LOOK, facts=Facts(refused={"sales": files}, shown=shown)))
    assert (cause.kind, cause.subject, cause.owner) == ("refused_file", "sales", "shop")
    assert cause.problem == ("500 files were refused: sales/0.csv: no header; also sales/1.csv, sales/2.csv and more")
    assert cause.affects == (
        "gold.days (26 h old, promised at once), gold.map (not shown yet, promised at once), "
        "silver.sales (not shown yet)"
    )
    assert cause.where == "landing/sales/0.csv → bronze.sales, run run 7"
    assert cause.since == NOW - 499 * HOUR


def test_a_refused_file_that_was_taken_away_is_no_cause() -> None:
    files = (Refused("sales/a.csv", "no header", "run", NOW), Refused("sales/b.csv", "no header", "run", NOW))
    look = replace(LOOK, facts=Facts(refused={"sales": files}))
    assert one(replace(look, lies_there=lambda _, path: path == "sales/b.csv")).problem.startswith("1 file was refused")
    assert causes(replace(look, lies_there=lambda *_: False)) == []
    assert causes(replace(LOOK, facts=Facts(refused={"a source of former days": files}))) == []


def test_snapshots_of_one_source_that_are_held_back_are_one_cause_of_which_the_newest_is_named() -> None:
    held = tuple(
        Held("stores", f"stores/{day}.csv", f"lacks {day}", NOW - day * HOUR, "stores/0.csv") for day in (3, 2)
    )
    gone = Held("a source of former days", "x.csv", "lacks all", NOW, None)
    cause = one(replace(LOOK, facts=Facts(held=(*held, gone))))
    assert (cause.kind, cause.subject, cause.owner) == ("snapshot_held_back", "stores", "estate")
    assert cause.problem == "stores/2.csv is held back (the newest of 2): lacks 2"
    assert (cause.tried, cause.since) == ("readers keep stores/0.csv", NOW - 3 * HOUR)
    assert "gold.map" in cause.affects
    first = one(replace(LOOK, facts=Facts(held=(Held("stores", "stores/1.csv", "has no clean row", NOW, None),))))
    assert first.problem == "stores/1.csv is held back: has no clean row"
    assert first.tried == "nothing of this source counts yet"


def verdict(table: str, check: str, outcome: str) -> Inputs:
    return replace(
        LOOK, facts=Facts(verdicts=(Verdict(table, check, outcome, "id: expected 1, found 2", NOW, "run 7"),))
    )


def test_a_check_that_failed_or_could_not_be_asked_is_a_cause_and_a_warning_is_none() -> None:
    cause = one(verdict("gold.map", "contract", "fail"))
    assert (cause.kind, cause.subject, cause.owner) == ("failed_check", "gold.map contract", "shop, estate")
    assert cause.problem == "check contract of gold.map failed: id: expected 1, found 2"
    assert "could not be evaluated" in one(verdict("gold.map", "contract", "not evaluated")).problem
    assert causes(verdict("gold.map", "contract", "warn")) == []


def test_kept_counts_that_differ_from_a_recount_are_a_cause_of_their_own_and_told_once() -> None:
    failed = Verdict("silver.sales", "conservation", "fail", "why", NOW, "run 7", is_miscounted=True)
    cause = one(replace(LOOK, facts=Facts(verdicts=(failed,))))
    assert (cause.kind, cause.subject, cause.owner) == ("counts_differ", "silver.sales", "shop")
    assert cause.problem == "the counts kept for silver.sales and its source differ from a recount: why"
    other = one(replace(LOOK, facts=Facts(verdicts=(replace(failed, is_miscounted=False),))))
    assert other.kind == "failed_check"


@pytest.mark.parametrize(("table", "check"), [("gold.gone", "contract"), ("gold.map", "a_test_of_former_days")])
def test_a_check_that_is_no_more_is_no_cause(table: str, check: str) -> None:
    assert causes(verdict(table, check, "fail")) == []


@pytest.mark.parametrize("outcome", ["warn", "fail"])
def test_broken_records_over_the_limit_are_a_cause_of_their_own(outcome: str) -> None:
    cause = one(verdict("bronze.sales", "validity", outcome))
    assert (cause.kind, cause.subject, cause.owner) == ("quarantine_over_budget", "sales", "shop")


def test_silence_is_judged_by_the_clock_and_told_once() -> None:
    facts = Facts(newest={"sales": NOW - 30 * HOUR}, began=NOW - 900 * HOUR)
    assert causes(replace(LOOK, facts=facts)) == []
    cause = one(replace(LOOK, facts=facts, now=NOW + timedelta(seconds=1)))
    assert (cause.kind, cause.subject, cause.since) == ("source_silent", "sales", NOW)
    assert cause.problem == ("no file of sales has come in time (30 hours); the newest came at 2026-02-28 00:00 UTC")
    late = replace(verdict("bronze.sales", "freshness", "warn"), now=NOW)
    assert causes(late) == []
    assert causes(replace(LOOK, facts=facts, now=NOW - 400 * HOUR)) == []  # a clock that was put back


def test_a_source_that_never_sent_is_silent_once_the_lake_is_older_than_it_may_be() -> None:
    assert causes(replace(LOOK, facts=Facts(began=NOW - 30 * HOUR))) == []
    assert one(replace(LOOK, facts=Facts(began=NOW - 31 * HOUR))).problem.endswith("none has come yet")


def test_the_disk_is_nearly_full_by_share_or_by_the_size_of_the_warehouse_and_at_the_limit_it_stays_so() -> None:
    for disk, more in (
        (Disk(total=1000, free=49, warehouse=1), 54),
        (Disk(total=1000, free=299, warehouse=100), 329),
    ):
        assert one(replace(LOOK, disk=disk)).kind == "disk_nearly_full"
        at_limit = replace(LOOK, disk=replace(disk, free=more))
        assert causes(at_limit) == []
        assert one(replace(at_limit, present={("disk_nearly_full", "disk")})).subject == "disk"
        assert (
            causes(replace(at_limit, disk=replace(disk, free=more + 2), present={("disk_nearly_full", "disk")})) == []
        )


def test_a_failed_run_stands_until_all_that_it_was_to_make_was_made() -> None:
    everything = all_assets(PROJECT)
    failed = ran("failed", "landing/sales", "bronze/sales", "landing/news")
    still_valid = [failure.run for failure in unresolved_failures([failed], everything)]
    assert still_valid == [failed]
    for later in (
        [ran("good", *everything)],
        [ran("good", "landing/sales", "bronze/sales"), ran("good", "landing/news")],
    ):
        assert list(unresolved_failures([*later, failed], everything)) == []
    some = ran("good", "landing/sales", "bronze/sales")
    assert [failure.run for failure in unresolved_failures([some, failed], everything)] == [failed]
    assert list(unresolved_failures([ran("failed", "bronze/gone")], everything)) == []


def test_failures_in_a_row_are_those_since_a_good_run_of_the_same_assets() -> None:
    failed = ran("failed", "landing/sales", asked_for="sales")
    runs = [failed, ran("good", "landing/news"), failed, ran("good", "landing/sales"), failed]
    first = next(unresolved_failures(runs, all_assets(PROJECT)))
    assert first.in_a_row == 2


def test_the_failures_of_one_domain_are_one_cause_and_those_of_another_are_another() -> None:
    chain = ("landing/sales", "bronze/sales", "silver/sales", "gold/days")
    runs = (
        ran("failed", *chain, errors=("silver_sales: no such column",), asked_for="sales"),
        ran("failed", *chain, errors=("bronze_sales: the warehouse is open",), asked_for="sales"),
        ran("failed", "landing/news", "bronze/news", errors=("bronze_news: a mistake",)),
    )
    first, second = causes(replace(LOOK, runs=runs, health={"sales": failing(2)}))
    assert (first.subject, second.subject) == ("sales", "news")
    assert (first.owner, second.owner) == ("shop", "press")
    assert first.problem == "silver_sales: no such column"
    assert first.tried == "failed 2 times in a row; the services try again soon"
    assert second.tried == "failed once; it was asked for by hand, and nothing tries it again"
    assert first.where == "run 1f0c4a52, asked for sales"
    assert (first.is_self_healing, second.is_self_healing) == (True, False)
    assert first.affects.startswith("gold.days (not shown yet, promised at once), gold.map")


def failing(times: int, *, is_permanent: bool = False, problem: str = "silver_sales: no such column") -> Health:
    options = {"is_permanent": is_permanent, "problem": problem}
    runs = [Tried(RUN, "failed", NOW.timestamp() - 60 * n, **options) for n in range(times)]  # type: ignore[arg-type]
    return Health(tuple(runs))


def test_what_the_services_try_again_is_silent_until_the_breaker_opens_and_is_then_told_as_that() -> None:
    runs = (ran("failed", "landing/sales", "bronze/sales", errors=("bronze_sales: timed out",), asked_for="sales"),)
    assert one(replace(LOOK, runs=runs, health={"sales": failing(4)})).is_self_healing
    cause = one(replace(LOOK, runs=runs, health={"sales": failing(5), "silver.sales": failing(5), "news": Health()}))
    assert (cause.kind, cause.subject, cause.owner, cause.is_self_healing) == ("breaker_open", "sales", "shop", False)
    assert cause.problem == "runs fail for sales and 1 more: silver_sales: no such column"
    assert cause.tried.startswith("failed 5 times in a row; left alone until 06:")
    assert cause.affects.startswith("gold.days")
    unexplained = one(replace(LOOK, runs=runs))  # it did what it was asked for, and failed all the same
    assert (unexplained.kind, unexplained.is_self_healing) == ("failed_run", False)


def test_what_can_not_pass_by_itself_is_told_at_once_and_without_what_it_quotes_from_data() -> None:
    problem = "bronze_sales: bronze.sales: Conversion Error: Could not convert string 'Jane Doe' to INT64"
    cause = one(replace(LOOK, health={"sales": failing(1, is_permanent=True, problem=problem)}))
    assert cause.problem == "runs fail for sales: bronze_sales: bronze.sales: Conversion Error"
    assert "can not pass by itself" in cause.tried


def test_a_late_table_is_told_where_nothing_else_explains_it() -> None:
    late = {"gold.days": (NOW - 3 * HOUR, NOW - HOUR), "gold.map": (NOW - HOUR, NOW + HOUR)}
    look = replace(LOOK, facts=Facts(late=late))
    cause = one(look)
    assert (cause.kind, cause.subject, cause.owner, cause.since) == (
        "freshness_broken", "gold.days", "analytics", NOW - HOUR,
    )  # fmt: skip
    assert "landed at 2026-03-01 03:00 UTC and had to be in it by 2026-03-01 05:00 UTC (at once)" in cause.problem
    assert one(replace(look, health={"sales": failing(5)})).kind == "breaker_open"
    assert {c.kind for c in causes(replace(look, health={"news": failing(5)}))} == {"breaker_open", "freshness_broken"}
    assert causes(replace(look, now=NOW - 2 * HOUR)) == []


def test_a_run_whose_process_is_gone_is_of_the_whole_lake_and_one_that_only_a_check_failed_is_none() -> None:
    gone = one(replace(LOOK, runs=(ran("failed", *all_assets(PROJECT), errors=("The process is gone; see_sales",)),)))
    assert (gone.subject, gone.owner) == ("lake", "lake")
    assert causes(replace(LOOK, runs=(ran("failed", "silver/sales", errors=()),))) == []


def test_what_is_published_is_read_as_it_counts_now() -> None:
    with duckdb.connect() as connection:
        prepare(connection)
        assert read_facts(connection) == Facts()
        for number, (path, status) in enumerate(
            [("a", "refused"), ("b", "refused"), ("a", "loaded"), ("c", "loaded"), ("c", "refused")], 1
        ):
            connection.execute(
                "insert into ops.files (sighting_id, source, path, format, contract_version, contract_fingerprint, "
                "status, reason, first_seen, run_id) values (?, 'sales', ?, 'csv', '1', 'x', ?, 'why', ?, 'run')",
                [number, path, status, NOW + number * HOUR],
            )
        for number, (check, outcome) in enumerate([("contract", "fail"), ("contract", "pass"), ("volume", "warn")], 1):
            connection.execute(
                "insert into ops.checks (check_id, table_name, check_name, verdict, summary, looked_at, definition, "
                "checked_at, run_id) values (?, 'bronze.sales', ?, ?, 'so', [], '', ?, 'run')",
                [number, check, outcome, NOW],
            )
        for number, (seq, is_published) in enumerate([(1, True), (2, True), (2, True), (3, False)], 1):
            connection.execute(
                "insert into ops.publications values (?, ?, 'run', ?, [], [{'table_name': 'gold.days', 'seq': ?}])",
                [number, NOW + number * HOUR, is_published, seq],
            )
        facts = read_facts(connection)
    assert [file.path for file in facts.refused["sales"]] == ["b", "c"]
    assert [(verdict.check, verdict.verdict) for verdict in facts.verdicts] == [("volume", "warn")]
    assert facts.newest == {"sales": NOW + 4 * HOUR}
    assert facts.began == NOW + HOUR
    assert facts.shown == {"gold.days": NOW + 2 * HOUR}


def test_a_run_of_the_projects_own_assets_resolves_its_own_failures_alone() -> None:
    everything = frozenset({"silver/x", "published/lake"})
    of_lake = Tried("1", "failed", 1.0, covers=frozenset({"silver/x"}))
    own_good = Tried("2", "good", 2.0, covers=frozenset({"features/own"}))
    own_failed = Tried("3", "failed", 3.0, covers=frozenset({"features/own"}))
    whole = Tried("4", "good", 4.0)

    def unresolved(*newest_first: Tried) -> list[str]:
        return [failure.run.run_id for failure in unresolved_failures(newest_first, everything)]

    assert unresolved(own_good, of_lake) == ["1"]
    assert unresolved(own_failed, own_good, of_lake) == ["3", "1"]
    assert unresolved(own_good, own_failed) == []
    assert unresolved(whole, own_failed, of_lake) == []


def test_what_one_load_changed_about_files_is_one_notice_for_a_day() -> None:
    def change(column: str, what: str, *, hours: int = 1, **more: str | None) -> SchemaChange:
        values = {"name_in_file": None, "proposed_type": None, **more}
        return SchemaChange(
            "sales", 1, "sales/b.csv", column, what, changed_at=NOW - hours * HOUR, contract_version="1", **values
        )  # type: ignore[arg-type]

    changes = (
        change("clerk", "came", proposed_type="bigint"),
        change("till", "renamed", name_in_file="Kasse"),
        change("old", "went", hours=25),
    )
    cause = one(replace(LOOK, facts=Facts(changes=changes)))
    assert (cause.kind, cause.subject, cause.owner) == ("shape_changed", "sales 2026-03-01 05:00:00", "shop")
    assert cause.problem == (
        "sales/b.csv: column clerk came (bigint holds its values); sales/b.csv: column till is called Kasse"
    )
    assert "gold.days" in cause.affects
