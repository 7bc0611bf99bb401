"""What is wrong with a feed is one incident, which neither an attempt nor a limit that is just met opens or closes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from assay.base.run_lock import RunLock
from assay.base.settings import Settings
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.errors import Permanent
from assay.feeds.frame import Fetched
from assay.feeds.last_fetch import note_fetch, note_problem
from assay.feeds.places import lock_file
from assay.fetching.health import health_of
from assay.fetching.supervision import Child, services_lock, write_children
from assay.incidents.causes import causes
from assay.incidents.feed_health import FeedHealth
from assay.incidents.published_problems import Facts
from assay.incidents.reconcile import Cause, Incident, reconcile
from assay.ledger.feed_looks import latest, same_at
from tests.unit.test_causes import HOUR, LOOK, NOW, one

MINUTE = timedelta(minutes=1)
WELL = FeedHealth(process="running", lag_seconds=1.0, until_loss_seconds=1e6, lag_limit=3600.0, loss_limit=86400.0)
DENIED = replace(WELL, problem="feed sales: permission denied", problem_kind="permanent", failing_since=NOW - MINUTE)
FEED = TableFeed(source="sales", kind="postgres", url="u", table=("sales",), mode="whole")


def told(health: FeedHealth, *present: tuple[str, str]) -> list[Cause]:
    return causes(replace(LOOK, feeds={"sales": health}, present=present))


def test_a_feed_that_gets_on_is_no_cause() -> None:
    assert told(WELL) == []
    assert told(FeedHealth()) == []
    assert told(replace(WELL, paused="paused: 10 files of it wait")) == [], "what it leads to is told when it does"


def test_a_feed_that_waits_for_a_person_is_told_at_once_to_the_owner_of_its_source() -> None:
    cause = one(replace(LOOK, feeds={"sales": DENIED}))
    assert (cause.kind, cause.subject, cause.owner) == ("feed_stopped", "sales", "shop")
    assert cause.problem == "feed sales: permission denied"
    assert cause.since == NOW - MINUTE
    assert "silver.sales" in cause.affects
    assert "assay retry sales" in cause.lines()


@pytest.mark.parametrize("process", ["running", "stopped", "restarting", ""])
def test_another_attempt_changes_nothing_until_one_goes_well(process: str) -> None:
    assert [cause.key for cause in told(replace(DENIED, process=process))] == [("feed_stopped", "sales")]


def test_what_may_pass_is_told_after_a_while_and_as_one_incident() -> None:
    away = replace(WELL, problem="feed sales: server is away", problem_kind="passing", failing_since=NOW - 14 * MINUTE)
    assert told(away) == []
    [cause] = told(replace(away, failing_since=NOW - 15 * MINUTE))
    assert (cause.kind, cause.problem) == (
        "feed_stopped",
        "feed sales: it has failed for 15 min: server is away",
    )


def test_a_process_that_keeps_dying_or_is_missing_is_told() -> None:
    assert told(replace(WELL, deaths=2, process="restarting")) == []
    assert told(replace(WELL, deaths=3))[0].problem == "feed sales: its process died 3 times in a row"
    assert "though they should" in told(replace(WELL, process="missing"))[0].problem


def test_a_lost_position_is_a_kind_of_its_own() -> None:
    lost = replace(DENIED, problem="feed sales: feeds/sales/1/a is gone", problem_kind="position_lost", deaths=5)
    assert [cause.kind for cause in told(lost)] == ["feed_position_lost"]


@pytest.mark.parametrize(
    ("lag", "is_open", "is_told"), [(3600, 0, 0), (3601, 0, 1), (1801, 1, 1), (1800, 1, 0)], ids=range(4)
)
def test_a_feed_is_behind_until_it_has_clearly_caught_up(lag: float, is_open: int, is_told: int) -> None:
    kinds = [cause.kind for cause in told(replace(WELL, lag_seconds=lag), *[("feed_behind", "sales")] * is_open)]
    assert kinds == ["feed_behind"] * is_told


@pytest.mark.parametrize(
    ("left", "is_open", "is_told"), [(86400, 0, 0), (86399, 0, 1), (107_999, 1, 1), (108_000, 1, 0)], ids=range(4)
)
def test_a_source_is_about_to_forget_until_it_clearly_is_not(left: float, is_open: int, is_told: int) -> None:
    present = [("source_forgets", "sales")] * is_open
    kinds = [cause.kind for cause in told(replace(WELL, until_loss_seconds=left), *present)]
    assert kinds == ["source_forgets"] * is_told


def test_a_loss_says_what_keeps_the_feed_from_reading() -> None:
    [cause] = told(replace(WELL, until_loss_seconds=-5.0, paused="paused: 10 files of it wait to be loaded"))
    assert cause.problem == (
        "feed sales: the source begins to forget what was not read now; "
        "the feed is paused: 10 files of it wait to be loaded"
    )


def test_an_hour_of_failing_attempts_is_one_incident_with_one_message_until_it_is_over() -> None:
    present: list[Incident] = []
    about = []
    moments: Iterable[int] = range(0, 29)
    for minute in moments:  # it is tried again and again, and looked at in every state between
        health = replace(DENIED, process="running" if minute % 2 else "stopped", deaths=minute % 5)
        plan = reconcile(present, told(health), NOW + minute * MINUTE)
        about += [message.about for message in plan.messages]
        present = list(plan.incidents) or present
    plan = reconcile(present, told(WELL), NOW + 30 * MINUTE)
    assert [*about, *(message.about for message in plan.messages)] == ["opened", "closed"]


def test_a_source_that_was_read_as_a_whole_and_is_as_it_was_is_not_silent() -> None:
    facts = Facts(newest={"sales": NOW - 40 * HOUR}, began=NOW - 900 * HOUR)
    look = replace(LOOK, facts=facts, feeds={"sales": WELL})
    assert [cause.kind for cause in causes(look)] == ["source_silent"]
    assert causes(replace(look, feeds={"sales": replace(WELL, same_at=NOW - HOUR)})) == []
    old = replace(WELL, same_at=NOW - 31 * HOUR)
    assert [cause.kind for cause in causes(replace(look, feeds={"sales": old}))] == ["source_silent"]


def test_when_nothing_changed_is_read_from_what_the_feed_noted(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "feeds").mkdir()
    assert same_at(tmp_path, "sales") is None
    note_fetch(settings, "sales", Fetched(10, 10, ["a"]), 1.0)
    assert same_at(tmp_path, "sales") is None
    note_fetch(settings, "sales", Fetched(note="as it was", is_same=True), 1.0)
    looked = same_at(tmp_path, "sales")
    assert looked is not None
    assert latest(looked - HOUR, looked) == looked
    assert latest(None, looked) is None, "what was never loaded is not as it was"
    note_problem(settings, "sales", Permanent("feed sales: no"))
    assert same_at(tmp_path, "sales") == looked
    (tmp_path / "feeds" / "sales.last.json").write_text("[]")
    assert same_at(tmp_path, "sales") is None


def test_the_health_of_a_feed_is_what_was_noted_and_what_the_services_say(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "feeds").mkdir()
    note_problem(settings, "sales", Permanent("feed sales: no"))

    def health(*, are_missed: bool = False) -> FeedHealth:
        return health_of(settings, {"sales": FEED}, datetime.now().astimezone(), are_missed=are_missed)["sales"]

    assert (health().process, health().problem_kind) == ("", "permanent")
    assert health(are_missed=True).process == "missing"
    own = RunLock(lock_file(settings, "sales"))
    own.acquire("by hand", wait_seconds=0)
    with own:
        assert health(are_missed=True).process == "", "it is fetched, though not by the services"
    write_children(settings, {"sales": Child("restarting", "2026-11-27T00:00:00+00:00", None, 4, 1.0, -9)})
    services = RunLock(services_lock(settings))
    services.acquire("services", wait_seconds=0)
    with services:
        assert (health().process, health().deaths) == ("restarting", 4)
