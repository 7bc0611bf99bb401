"""Incidents and messages are kept together, by several processes, and each receiver gets each story once."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.base.settings import Settings
from assay.incidents import acting, outbox, store
from assay.incidents.notifier import NO_SERVICE, NOT_TAKEN, deliver
from assay.incidents.receivers import Receiver
from assay.incidents.reconcile import Cause, Incident, Plan
from tests.receiver import Mailbox, listening

CAUSE = Cause(
    "refused_file", "sales", "shop", "1 file", "nothing", "no table", "sales/a.csv", datetime(2026, 3, 1, tzinfo=UTC)
)
HOUR = timedelta(hours=1)


class Lake:
    """A store below a home of its own; looks are hours apart, and begin in the past."""

    def __init__(self, home: Path, receivers: str = "") -> None:
        self.settings = Settings(home=home, notify=receivers)
        self.now = datetime.now(UTC) - timedelta(days=30)
        with store.opened(self.settings.incidents, is_new=True) as connection:
            store.follow(connection, lambda _: [], self.now)

    def look(self, *causes: Cause, after: timedelta = HOUR) -> Plan:
        self.now += after
        with store.opened(self.settings.incidents) as connection:
            return store.follow(connection, lambda _: causes, self.now)

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with store.opened(self.settings.incidents) as connection:
            return [tuple(row) for row in connection.execute(sql)]

    def try_now(self) -> None:
        """As if each receiver's pause were over."""
        with store.opened(self.settings.incidents) as connection:
            connection.execute("update receivers set next_try_at = ?", [store.as_text(self.now)])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "a lake's [x]")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with listening() as box:
        yield box


def test_an_incident_comes_back_as_it_was_stored(lake: Lake) -> None:
    lake.look(CAUSE)
    with store.opened(lake.settings.incidents) as connection:
        [incident] = store.open_incidents(connection)
        assert incident == Incident(1, CAUSE, 2, lake.now, lake.now, True)
        assert set(store.row_of(incident)) == set(store.COLUMNS)
    lake.look()
    assert lake.ask("select about, title from messages") == [
        ("opened", "[level 2] A file was refused: sales"),
        ("closed", "[over] A file was refused: sales (after 1 h)"),
    ]
    lake.look(CAUSE)
    assert lake.ask("select incident_id, closed_at is null from incidents") == [(1, 0), (2, 1)]


def test_a_look_that_fails_keeps_nothing_of_it(lake: Lake) -> None:
    def broken(_: Sequence[Incident]) -> list[Cause]:
        raise OSError("the disk went away")

    lake.look(CAUSE)
    with store.opened(lake.settings.incidents) as connection, pytest.raises(OSError, match="went away"):
        store.follow(connection, broken, lake.now)
    assert lake.ask("select count(*) from incidents where closed_at is null") == [(1,)]
    lake.look()


def test_two_that_look_at_the_same_time_open_one_incident(lake: Lake) -> None:
    """Each gathers while it holds the store, so the second sees what the first has done."""
    inside = []

    def slow(present: Sequence[Incident]) -> list[Cause]:
        inside.append(len(present))
        time.sleep(0.2)
        return [CAUSE]

    def look() -> None:
        with store.opened(lake.settings.incidents) as connection:
            store.follow(connection, slow, lake.now)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == [0, 1, 1, 1]
    assert lake.ask("select count(*) from incidents") == [(1,)]
    assert lake.ask("select count(*) from messages") == [(1,)]


def test_the_store_itself_refuses_a_second_open_incident_of_one_cause(lake: Lake) -> None:
    lake.look(CAUSE)
    with store.opened(lake.settings.incidents) as connection, pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        connection.execute(
            "insert into incidents select 9, kind, subject, owner, level, since, opened_at, level_at, closed_at, "
            "is_told, is_self_healing, problem, tried, affects, found_in from incidents"
        )


def test_a_message_with_its_five_lines_reaches_a_real_receiver_once(tmp_path: Path, box: Mailbox) -> None:
    lake = Lake(tmp_path, box.url)
    lake.look(CAUSE)
    assert deliver(lake.settings)
    assert deliver(lake.settings)
    assert box.came == [
        (
            "[level 2] A file was refused: sales",
            "Problem: 1 file\nTried: nothing\nAffects: no table\nWhere: sales/a.csv\n"
            "Do: docs/runbook.md, 'A file was refused': assay files sales --refused",
        )
    ]
    lake.look(CAUSE)
    lake.look()
    assert deliver(lake.settings)
    assert len(box.came) == 2  # it rose and ended between two deliveries
    assert box.titles[1].startswith("[over]")


def test_a_receiver_that_was_down_gets_what_is_open_and_one_word_of_what_is_over(tmp_path: Path) -> None:
    with listening() as box:
        lake = Lake(tmp_path, box.url)
    lake.look(CAUSE, replace(CAUSE, subject="shops"))
    assert deliver(lake.settings)
    [(failures, problem)] = lake.ask("select failures, problem from receivers")
    assert (failures, problem) == (1, NOT_TAKEN)
    lake.look(CAUSE)
    lake.look(CAUSE, replace(CAUSE, subject="tills"))
    with listening(box):
        assert deliver(lake.settings)
        assert box.came == []  # its pause is not over
        lake.try_now()
        assert deliver(lake.settings)
    assert box.titles == [
        "[level 3] A file was refused: sales (still, since " + f"{lake.now - 2 * HOUR:%Y-%m-%d %H:%M} UTC)",
        "[over] A file was refused: shops (after 1 h)",
        "[level 2] A file was refused: tills",
    ]
    assert lake.ask("select failures, problem from receivers") == [(0, "")]


def test_a_receiver_that_refuses_is_tried_with_pauses_that_grow(tmp_path: Path, box: Mailbox) -> None:
    lake = Lake(tmp_path, box.url)
    box.status = 500
    lake.look(CAUSE)
    pauses = []
    for _ in range(10):
        before = datetime.now(UTC)
        assert deliver(lake.settings)
        [(until,)] = lake.ask("select next_try_at from receivers")
        pauses.append(round((datetime.fromisoformat(str(until)) - before).total_seconds(), -1))
        assert deliver(lake.settings)
        lake.try_now()
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert box.tries == 10
    box.status = 200
    assert deliver(lake.settings)
    assert len(box.came) == 1


def test_one_receiver_that_hangs_holds_up_no_other(
    tmp_path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.incidents.notifier.SERVE_SECONDS", 1.0)
    monkeypatch.setattr("assay.incidents.notifier.END_SECONDS", 0.1)
    with listening() as other:
        box.hang.set()
        lake = Lake(tmp_path, f"{box.url} {other.url}")
        lake.look(CAUSE)
        began = time.monotonic()
        assert not deliver(lake.settings)
        assert time.monotonic() - began < 3
        assert len(other.came) == 1
    with store.opened(lake.settings.incidents) as connection:
        receiver = Receiver("", box.url)
        assert outbox.problem_of(connection, receiver) == (1, "did not answer in time")
        assert not outbox.is_due(connection, receiver, datetime.now(UTC))
        box.hang.clear()
        deadline = time.monotonic() + 10
        while outbox.problem_of(connection, receiver)[0] and time.monotonic() < deadline:
            time.sleep(0.05)  # let its thread end


def test_a_new_receiver_is_told_of_what_is_open_and_of_nothing_that_is_over(tmp_path: Path, box: Mailbox) -> None:
    lake = Lake(tmp_path, box.url)
    lake.look(CAUSE, replace(CAUSE, subject="shops"))
    lake.look(CAUSE)
    assert deliver(lake.settings)
    assert [title.split(": ")[1].split(" ")[0] for title in box.titles] == ["sales"]


def test_levels_and_owners_decide_who_is_told_and_the_end_is_told_to_who_knew(tmp_path: Path, box: Mailbox) -> None:
    with listening() as second, listening() as third:
        (tmp_path / "notify.yml").write_text(
            f"- {{url: '{box.url}', levels: [2]}}\n- {{url: '{second.url}', levels: [3]}}\n"
            f"- {{url: '{third.url}', owners: [other]}}\n"
        )
        lake = Lake(tmp_path)
        for causes in ([CAUSE], [CAUSE], [CAUSE], []):
            lake.look(*causes)
            assert deliver(lake.settings)
        assert [title[:9] for title in box.titles] == ["[level 2]", "[over] A "]
        assert [title[:9] for title in second.titles] == ["[level 3]", "[over] A "]
        assert third.titles == []
        (tmp_path / "notify.yml").write_text(f"- {{url: '{third.url}'}}\n")
        assert deliver(lake.settings)
        assert third.titles == []  # old stories are not told when its owners change


def test_a_url_that_apprise_does_not_know_is_said_to_be_none(tmp_path: Path) -> None:
    lake = Lake(tmp_path, "nosuch://token")
    lake.look(CAUSE)
    assert deliver(lake.settings)
    assert lake.ask("select problem from receivers") == [(NO_SERVICE,)]
    content = b"".join(path.read_bytes() for path in tmp_path.glob("incidents.sqlite*"))
    assert b"token" not in content


def test_a_clock_that_was_put_back_does_not_make_a_receiver_wait_for_the_old_time(tmp_path: Path, box: Mailbox) -> None:
    lake = Lake(tmp_path, box.url)
    lake.look(CAUSE)
    box.status = 500
    assert deliver(lake.settings)
    with store.opened(lake.settings.incidents) as connection:
        connection.execute("update receivers set next_try_at = ?", [store.as_text(datetime.now(UTC) + 48 * HOUR)])
    box.status = 200
    assert deliver(lake.settings)
    assert len(box.came) == 1


def act(lake: Lake, verb: str, by: str = "ann", to: str = "", because: str = "") -> Incident:
    return acting.act(lake.settings.incidents, 1, acting.action_of(verb, by, lake.now, to, because))


def open_one(lake: Lake) -> Incident:
    with store.opened(lake.settings.incidents) as connection:
        [incident] = store.open_incidents(connection)
    return incident


def test_who_did_what_about_an_incident_is_kept_and_shown_to_readers(lake: Lake) -> None:
    lake.look(CAUSE)
    act(lake, "ack")
    act(lake, "assign", "ann", to="bob")
    assert open_one(lake).handling.owner == "bob"
    act(lake, "resolve", "bob", because="sent again\nat noon")
    stands = open_one(lake)
    assert not stands.is_open
    assert [action.sentence for action in stands.handling.actions] == [
        "acknowledged by ann",
        "assigned to bob by ann",
        "resolved by bob: sent again at noon",
    ]
    row = store.row_of(stands)
    assert (row["acknowledged_by"], row["assigned_to"], row["resolved_by"]) == ("ann", "bob", "bob")
    assert row["resolved_at"] == store.as_text(lake.now)
    reopened = act(lake, "reopen", "cat")
    assert reopened.is_open
    assert reopened.handling.owner == ""
    assert len(reopened.handling.actions) == 4


def test_an_action_is_published_by_the_next_look(lake: Lake) -> None:
    lake.look(CAUSE)
    with store.opened(lake.settings.incidents) as connection:
        number = store.unpublished(connection)
        assert number is not None
        store.note_published(connection, number)
    act(lake, "ack")
    with store.opened(lake.settings.incidents) as connection:
        assert store.unpublished(connection) == number + 1


def test_what_was_resolved_is_quiet_until_its_problem_is_another_one(lake: Lake) -> None:
    lake.look(CAUSE)
    act(lake, "resolve", because="known")
    for _ in range(6):
        lake.look(CAUSE)
    assert (open_one(lake).level, open_one(lake).is_open) == (2, False)
    lake.look(replace(CAUSE, problem="2 files"))
    stands = open_one(lake)
    assert stands.is_open
    assert stands.handling.actions[-1].sentence == "reopened by assay: its problem has changed"
    lake.look(replace(CAUSE, problem="2 files"))
    assert open_one(lake).level == 3


def test_what_was_resolved_is_over_when_its_cause_is_gone(lake: Lake) -> None:
    lake.look(CAUSE)
    act(lake, "resolve", because="known")
    lake.look()
    with pytest.raises(acting.CannotAct, match="incident 1 is over since"):
        act(lake, "reopen")
    assert lake.ask("select about from messages") == [("opened",), ("closed",)]


def test_who_takes_an_incident_has_as_long_as_its_level_from_then_on(lake: Lake) -> None:
    lake.look(CAUSE)
    lake.now += timedelta(minutes=25)
    act(lake, "ack")
    lake.look(CAUSE, after=timedelta(minutes=20))
    assert open_one(lake).level == 2
    lake.look(CAUSE, after=timedelta(minutes=10))
    assert open_one(lake).level == 3


@pytest.mark.parametrize(
    ("verb", "by", "to", "because", "problem"),
    [
        ("assign", "ann", " ", "", "to whom it is assigned is missing"),
        ("resolve", "ann", "", "", "why it is resolved is missing"),
        ("ack", " ", "", "", "who does it is missing"),
        ("ack", "a" * 81, "", "", "a name of 81 characters"),
        ("reopen", "ann", "", "", "incident 1 is open"),
        ("drop", "ann", "", "", "'drop' is not done to incidents"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_cannot_be_done_says_why(lake: Lake, verb: str, by: str, to: str, because: str, problem: str) -> None:
    lake.look(CAUSE)
    with pytest.raises(acting.CannotAct, match=problem):
        act(lake, verb, by, to, because)
    assert open_one(lake).handling.actions == ()


def test_an_incident_of_a_store_of_before_can_be_taken(lake: Lake) -> None:
    lake.look(CAUSE)
    with store.opened(lake.settings.incidents) as connection:
        connection.execute("drop table actions")
    assert open_one(lake).handling.actions == ()
    assert act(lake, "ack").handling.owner == "ann"
