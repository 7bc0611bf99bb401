"""One incident for a cause, however often it fails: what opens, rises and closes, and which messages that makes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.incidents.kinds import KINDS
from assay.incidents.receivers import for_owner, read_receivers
from assay.incidents.reconcile import (
    EVERYONE,
    LONGEST_LINE,
    OWNER,
    RISES_AFTER,
    SELF_HEALING,
    TEAM,
    Cause,
    Incident,
    Message,
    reconcile,
)
from tests.places import PROJECT

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
TICK = timedelta(seconds=10)
CAUSE = Cause(
    kind="refused_file",
    subject="transactions",
    owner="sales-data",
    problem="1 file was refused",
    tried="nothing",
    affects="gold.daily_sales (2 h old)",
    where="transactions/a.csv",
    since=NOW,
)


class Watch:
    """Looks again and again, as the sensor does, and keeps what it opened and said."""

    def __init__(self) -> None:
        self.open: list[Incident] = []
        self.closed: list[Incident] = []
        self.messages: list[Message] = []

    def look(self, *causes: Cause, at: datetime) -> list[Message]:
        plan = reconcile(self.open, causes, at)
        changed = {incident.cause.key: incident for incident in plan.incidents}
        self.closed += [incident for incident in plan.incidents if incident.closed_at]
        after = {incident.cause.key: incident for incident in self.open} | changed
        self.open = [incident for incident in after.values() if not incident.closed_at]
        self.messages += plan.messages
        return list(plan.messages)

    def notices(self) -> list[tuple[str, int]]:
        return [(message.about, message.level) for message in self.messages]


def test_a_hundred_failures_of_one_cause_are_one_message_and_one_more_for_each_step() -> None:
    watch = Watch()
    for failure in range(100):
        watch.look(
            replace(CAUSE, problem=f"failed {failure} times", since=NOW + failure * TICK), at=NOW + failure * TICK
        )
    assert watch.notices() == [("opened", OWNER)]
    for minute in range(20, 24 * 60):
        watch.look(CAUSE, at=NOW + timedelta(minutes=minute))
    assert watch.notices() == [("opened", OWNER), ("risen", TEAM), ("risen", EVERYONE)]
    [incident] = watch.open
    assert (incident.opened_at, incident.cause.since) == (NOW, NOW)
    assert incident.level_at == NOW + RISES_AFTER[OWNER] + RISES_AFTER[TEAM]


def test_it_closes_by_itself_and_comes_back_as_a_new_one() -> None:
    watch = Watch()
    watch.look(CAUSE, at=NOW)
    watch.look(at=NOW + timedelta(hours=3))
    assert watch.open == []
    assert watch.messages[-1].title == "[over] A file was refused: transactions (after 3 h)"
    watch.look(at=NOW + timedelta(hours=4))
    watch.look(CAUSE, at=NOW + timedelta(hours=5))
    assert watch.notices() == [("opened", OWNER), ("closed", OWNER), ("opened", OWNER)]
    assert watch.open[0].opened_at == NOW + timedelta(hours=5)


def test_what_heals_itself_is_silent_however_long_it_takes() -> None:
    watch = Watch()
    healing = replace(CAUSE, is_self_healing=True)
    for hour in range(48):
        watch.look(healing, at=NOW + timedelta(hours=hour))
    assert [incident.level for incident in watch.open] == [SELF_HEALING]
    watch.look(at=NOW + timedelta(hours=49))
    assert (watch.open, len(watch.closed), watch.messages) == ([], 1, [])


def test_what_heals_itself_no_more_is_told_at_once_and_never_again_for_a_mere_retry() -> None:
    watch = Watch()
    healing = replace(CAUSE, is_self_healing=True)
    watch.look(healing, at=NOW)
    watch.look(CAUSE, at=NOW + TICK)
    assert watch.notices() == [("opened", OWNER)]
    for tick in range(100):
        watch.look(healing if tick % 2 else CAUSE, at=NOW + tick * TICK)
    assert watch.notices() == [("opened", OWNER)]
    watch.look(healing, at=NOW + timedelta(days=1))
    assert watch.open[0].level == OWNER


def test_new_words_are_kept_and_not_told() -> None:
    watch = Watch()
    watch.look(CAUSE, at=NOW)
    assert watch.look(replace(CAUSE, problem="2 files were refused"), at=NOW + TICK) == []
    assert watch.open[0].cause.problem == "2 files were refused"


def test_a_look_at_which_nothing_changed_changes_nothing() -> None:
    watch = Watch()
    watch.look(CAUSE, at=NOW)
    assert reconcile(watch.open, [CAUSE], NOW + TICK).incidents == ()


def test_causes_of_other_kinds_or_subjects_are_incidents_of_their_own() -> None:
    watch = Watch()
    watch.look(CAUSE, replace(CAUSE, subject="products"), replace(CAUSE, kind="source_silent"), at=NOW)
    watch.look(replace(CAUSE, subject="products"), at=NOW + TICK)
    assert [incident.cause.subject for incident in watch.open] == ["products"]
    assert watch.notices() == [("opened", OWNER)] * 3 + [("closed", OWNER)] * 2


def test_of_one_cause_seen_twice_the_worse_counts() -> None:
    for pair in ([CAUSE, replace(CAUSE, is_self_healing=True)], [replace(CAUSE, is_self_healing=True), CAUSE]):
        assert [incident.level for incident in reconcile([], pair, NOW).incidents] == [OWNER]


def test_a_clock_that_is_put_back_raises_nothing_and_does_not_wait_for_the_old_time() -> None:
    watch = Watch()
    watch.look(CAUSE, at=NOW)
    back = NOW - timedelta(days=400)
    assert watch.look(CAUSE, at=back) == []
    assert watch.look(CAUSE, at=back + RISES_AFTER[OWNER] - TICK) == []
    assert [message.level for message in watch.look(CAUSE, at=back + RISES_AFTER[OWNER])] == [TEAM]
    watch.look(at=back)
    assert watch.closed[0].closed_at == NOW  # an incident does not end before it began
    assert "less than a minute" in watch.messages[-1].title


def test_a_clock_that_jumps_ahead_raises_one_level_at_most() -> None:
    watch = Watch()
    watch.look(CAUSE, at=NOW)
    ahead = NOW + timedelta(days=400)
    assert [message.level for message in watch.look(CAUSE, at=ahead)] == [TEAM]
    assert watch.look(CAUSE, at=ahead + TICK) == []
    assert watch.look(CAUSE, at=NOW + 2 * TICK) == []
    assert watch.open[0].level == TEAM


def test_a_message_has_five_lines_whatever_the_texts_hold() -> None:
    long = replace(CAUSE, problem="one\ntwo\r\n\tthree", where="x" * 10_000)
    [message] = reconcile([], [long], NOW).messages
    lines = message.body.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["Problem", "Tried", "Affects", "Where", "Do"]
    assert lines[0] == "Problem: one two three"
    assert len(lines[3]) <= LONGEST_LINE + len("Where: ")
    assert lines[4] == "Do: docs/runbook.md, 'A file was refused': assay files transactions --refused"


PARTS = ["Meaning", "First look", "Usual causes", "Fix", "It is fixed when"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_runbook_has_one_entry_for_each_kind_with_its_five_parts(kind: str) -> None:
    text = (PROJECT / "docs" / "runbook.md").read_text()
    entries = re.findall(rf"^## {re.escape(KINDS[kind].title)}\n(.+?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(entries) == 1, f"{KINDS[kind].title!r} has {len(entries)} entries"
    assert re.findall(r"^\*([^*]+?)\.?\*", entries[0], re.MULTILINE) == PARTS
    assert f"`{kind}`" in entries[0]


def test_the_page_about_incidents_names_every_kind_and_its_examples_work(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "incidents.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(KINDS)
    [example] = re.findall(r"```yaml\n(.+?)```", page, re.DOTALL)
    [urls] = re.findall(r'ASSAY_NOTIFY="(.+?)"', page)
    (tmp_path / "notify.yml").write_text(example)
    receivers = read_receivers(tmp_path, urls)
    assert [receiver.label for receiver in receivers] == ["1 (slack)", "2 (mailto)", "3 (json)", "4 (json)"]
    assert [receiver.label for receiver in for_owner(receivers, "sales-data", OWNER)] == [
        "1 (slack)", "2 (mailto)", "3 (json)",
    ]  # fmt: skip
    [shown] = re.findall(r"```\n(\[level 2\].+?)```", page, re.DOTALL)
    title, *lines = shown.strip().splitlines()
    fields = dict(line.split(": ", 1) for line in lines)
    cause = replace(
        CAUSE, problem=fields["Problem"], tried=fields["Tried"], affects=fields["Affects"], where=fields["Where"]
    )
    [message] = reconcile([], [cause], NOW).messages
    assert (message.title, message.body.splitlines()) == (title, lines)


def test_the_page_tells_the_times_and_levels_that_hold() -> None:
    page = (PROJECT / "docs" / "incidents.md").read_text()
    assert {OWNER: timedelta(minutes=30), TEAM: timedelta(hours=4)} == RISES_AFTER
    assert "after 30 minutes at level 2" in page
    assert "after 4 hours at level 3" in page


def test_a_notice_is_told_once_and_neither_rises_nor_is_said_to_be_over() -> None:
    watch = Watch()
    notice = replace(CAUSE, kind="shape_changed", subject="transactions 2026-03-01 06:00:00")
    for hour in range(24):
        watch.look(notice, at=NOW + timedelta(hours=hour))
    watch.look(at=NOW + timedelta(hours=25))
    assert watch.notices() == [("opened", OWNER)]
    assert (watch.open, len(watch.closed)) == ([], 1)
