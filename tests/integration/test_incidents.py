"""What goes wrong in a real lake opens one incident, is told to a real receiver, and is over when it is put right."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from contracts.catalog import Catalog
from definitions import JOB, build_definitions
from resources.incidents import store
from resources.instance import open_instance
from resources.notifier import deliver
from resources.publishing import clean_up
from resources.reader import open_published
from resources.receivers import ReceiverError
from sensors.history import ASKED_BY, ASKED_FOR
from sensors.incidents import Watchman
from tests.lab import HOSTILE_HOME, Lab, environment, product, receipt
from tests.processes import finish, kill, start
from tests.receiver import listening

UP_TO_BRONZE = "landing/transactions,bronze.transactions"


class House:
    """A lake with its sensor `incidents`, as the daemon calls it."""

    def __init__(self, lab: Lab, instance: dg.DagsterInstance) -> None:
        self.lab = lab
        self.instance = instance
        self.definitions = build_definitions(lab.settings)

    def tick(self) -> str:
        """One look; what the sensor says of it."""
        context = dg.build_sensor_context(self.instance, definitions=self.definitions)
        return str(self.definitions.resolve_sensor_def("incidents").evaluate_tick(context).skip_message)

    def open(self) -> list[tuple[str, str]]:
        """Kind and subject of what readers see open."""
        return self.lab.rows("select kind, subject from ops.incidents where closed_at is null order by all")

    def rows(self) -> list[dict[str, Any]]:
        """All incidents as readers see them."""
        with open_published(self.lab.settings.published) as connection:
            found = connection.execute("select * from ops.incidents order by incident_id")
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def note(self, status: dg.DagsterRunStatus, **tags: str) -> None:
        """A run that ended somewhere else."""
        job = self.definitions.resolve_job_def(JOB)
        run = self.instance.create_run_for_job(job, tags=tags)
        if status == dg.DagsterRunStatus.FAILURE:
            self.instance.report_run_failed(run, "The process of this run is gone; what it had committed is kept.")
        else:
            self.instance.handle_new_event(
                dg.EventLogEntry(
                    error_info=None, level=10, user_message="", run_id=run.run_id, timestamp=time.time(), job_name=JOB,
                    dagster_event=dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, JOB),
                )
            )  # fmt: skip


@pytest.fixture
def house(lab: Lab) -> Iterator[House]:
    with open_instance(lab.settings) as instance:
        yield House(lab, instance)


def test_a_refused_file_is_one_incident_until_it_is_replaced(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    assert house.tick() == "nothing is wrong"
    lab.put("transactions/day2.csv", b"no header")
    lab.put("transactions/day3.csv", b"nor here")
    lab.good_run()
    for _ in range(3):
        assert house.tick() == "1 open: refused_file transactions"
    [row] = house.rows()
    assert (row["level"], row["owner"], row["is_told"], row["closed_at"]) == (2, "sales-data", True, None)
    assert row["problem"].startswith("2 files were refused: transactions/day2.csv: ")
    assert row["affects"].startswith("gold.daily_sales (less than a minute old, promised ")
    assert row["found_in"].startswith("landing/transactions/day2.csv → bronze.transactions, run ")
    assert row["to_do"] == "docs/runbook.md, 'A file was refused': assay files transactions --refused"

    lab.receipts("day2", [receipt(basket_id=101)])
    lab.good_run()
    assert house.open() == [("refused_file", "transactions")]
    (lab.settings.landing / "transactions/day3.csv").unlink()
    assert house.tick() == "nothing is wrong"
    [row] = house.rows()
    assert row["closed_at"] >= row["opened_at"]
    assert lab.rows("select count(*) from ops.files") == [(5,)]  # the other file with a schema `ops` is seen as well


def test_a_failed_check_is_one_incident_and_not_also_a_failed_run(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt()])
    lab.good_run()
    lab.receipts("day2", [receipt(basket_id=200, quantity=3)])
    lab.good_run(UP_TO_BRONZE)
    lab.spoil("update bronze.transactions set quantity = -3 where basket_id = 200")
    assert not lab.run().success
    for _ in range(2):
        assert house.tick() == "1 open: failed_check silver.transactions contract"
    [row] = house.rows()
    assert "quantity_not_negative: expected quantity >= 0, found 1 rows break it" in row["problem"]
    assert row["to_do"].endswith("assay check --select silver.transactions")
    lab.receipts("day2", [receipt(basket_id=200, quantity=2)])
    lab.good_run()
    assert house.tick() == "nothing is wrong"


def test_broken_records_over_budget_are_an_incident_until_a_better_file_comes(house: House) -> None:
    lab = house.lab
    lab.products("2017-01-01", [product()])
    lab.receipts("day1", [receipt(), receipt(basket_id=2, sales_value="oops")])
    lab.good_run()
    assert house.tick() == "1 open: quarantine_over_budget transactions"
    [row] = house.rows()
    assert row["problem"].startswith("records_break_no_rule: expected at most 1 % of a file, found 1 of 2 records")
    lab.receipts("day1", [receipt(), receipt(basket_id=2)])
    lab.good_run()
    assert house.tick() == "nothing is wrong"


def test_a_run_that_died_is_told_unless_it_is_tried_again_and_ends_with_a_good_one(house: House) -> None:
    asked = {ASKED_BY: "arrivals", ASKED_FOR: "transactions"}
    for failures in range(1, 6):
        house.note(dg.DagsterRunStatus.FAILURE, **asked)
        kind = "failed_run lake" if failures < 5 else "breaker_open products"
        assert house.tick() == f"1 open: {kind}"
        with store.opened(house.lab.settings.incidents) as connection:
            [incident] = store.open_incidents(connection)
            assert connection.execute("select count(*) from messages").fetchone()[0] == (failures == 5)
        assert incident.level == (1 if failures < 5 else 2)
        assert "The process of this run is gone; what it had committed is kept." in incident.cause.problem
    assert incident.cause.tried.startswith("failed 5 times in a row; left alone until ")
    house.note(dg.DagsterRunStatus.SUCCESS)
    assert house.tick() == "nothing is wrong"
    house.note(dg.DagsterRunStatus.FAILURE)  # by hand: nobody tries it again
    house.tick()
    with store.opened(house.lab.settings.incidents) as connection:
        assert [row["about"] for row in connection.execute("select about from messages")] == [
            "opened",
            "closed",
            "opened",
        ]


@pytest.mark.chaos
def test_a_receiver_that_hangs_holds_up_no_tick_and_no_run_and_gets_the_message_later(tmp_path: Path) -> None:
    with listening() as box:
        box.hang.set()
        lab = Lab(tmp_path / HOSTILE_HOME)
        lab.settings = replace(lab.settings, receivers=box.url)
        with open_instance(lab.settings) as instance:
            house = House(lab, instance)
            lab.put("transactions/day1.csv", b"no header")
            lab.good_run()
            began = time.monotonic()
            assert house.tick() == "1 open: refused_file transactions"
            assert time.monotonic() - began < 3
            deadline = time.monotonic() + 20
            while not box.tries and time.monotonic() < deadline:
                time.sleep(0.02)
            assert (box.tries, box.came) == (1, [])
            began = time.monotonic()
            assert house.tick() == "1 open: refused_file transactions"
            assert time.monotonic() - began < 1
            box.hang.clear()  # it has taken the message, but the sender may have given up already
            deadline = time.monotonic() + 60
            while not box.came or _failures(lab):
                _be_patient_no_more(lab)
                house.tick()
                time.sleep(0.1)
                assert time.monotonic() < deadline
    assert set(box.titles) == {"[level 2] A file was refused: transactions"}
    assert len(box.titles) <= 2  # at least once


def _failures(lab: Lab) -> int:
    with store.opened(lab.settings.incidents) as connection:
        return int(connection.execute("select sum(failures) from receivers").fetchone()[0])


def _be_patient_no_more(lab: Lab) -> None:
    with store.opened(lab.settings.incidents) as connection:
        connection.execute("update receivers set next_try_at = ?", [store.as_text(datetime.now(UTC))])


@pytest.mark.chaos
def test_assay_run_looks_once_tells_and_is_not_held_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as box:
        lab = Lab(tmp_path / HOSTILE_HOME)
        monkeypatch.setenv("ASSAY_NOTIFY", box.url)
        lab.put("transactions/day1.csv", b"no header")
        code, said = finish(start(lab.settings, "run"))
        assert code == 0, said
        box.wait_for(1)
        assert box.titles == ["[level 2] A file was refused: transactions"]
        assert [line.partition(":")[0] for line in box.came[0][1].splitlines()] == [
            "Problem", "Tried", "Affects", "Where", "Do",
        ]  # fmt: skip
        _, said = finish(start(lab.settings, "incidents"))
        assert "A file was refused" in said
        assert "Nobody is told" not in said
        _, said = finish(start(lab.settings, "status"))
        assert "1 open; `assay incidents` says" in said
        _, said = finish(start(lab.settings, "query", "select kind from ops.incidents", "--format", "csv"))
        assert said == "kind\nrefused_file\n"
        _, said = finish(start(lab.settings, "incidents", "--json"))
        assert [row["subject"] for row in json.loads(said)] == ["transactions"]
        monkeypatch.setenv("ASSAY_NOTIFY", "")
        _, said = finish(start(lab.settings, "incidents", "--all"))
        assert "Nobody is told: there is no receiver" in said
    kept = [path for path in lab.settings.home.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hook-with-a-secret" in path.read_bytes()]


LOOK = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from resources.incidents import store
from resources.incidents.reconcile import Cause
from resources.notifier import deliver
from resources.receivers import Receiver
from resources.settings import Settings
settings = Settings(home=Path(sys.argv[1]), receivers=sys.argv[2])
def send(receiver, letter):
    from resources.notifier import by_apprise
    print("sent" if not by_apprise(receiver, letter) else "failed", flush=True)
    time.sleep(60)
    return ""
now = datetime.now(UTC)
cause = Cause("refused_file", "sales", "shop", "1 file", "nothing", "no table", "sales/a.csv", now)
with store.opened(settings.incidents, is_new=True) as connection:
    store.follow(connection, lambda _: [cause], now)
print("kept", flush=True)
if sys.argv[3] == "deliver":
    deliver(settings, send)
time.sleep(60)
"""


@pytest.mark.chaos
@pytest.mark.parametrize(("until", "came"), [("kept", 1), ("sent", 2)])
def test_kill_9_between_the_look_and_the_delivery_loses_nothing_and_repeats_one_message_at_most(
    lab: Lab, until: str, came: int
) -> None:
    """Delivery is at least once: killed before it is noted that a receiver took a message, it goes out again."""
    with listening() as box:
        settings = replace(lab.settings, receivers=box.url)
        arguments = [str(settings.home), box.url, "deliver" if until == "sent" else "no"]
        process = subprocess.Popen([sys.executable, "-c", LOOK, *arguments], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        while process.stdout.readline().strip() != until:
            assert process.poll() is None
        kill(process)
        _be_patient_no_more(lab)
        assert deliver(settings)
        assert deliver(settings)
        assert box.titles == ["[level 2] A file was refused: sales"] * came


def test_two_that_look_at_one_lake_at_the_same_time_keep_one_incident(house: House) -> None:
    lab = house.lab
    house.note(dg.DagsterRunStatus.FAILURE)
    code = (
        "from resources.settings import Settings; from contracts.catalog import Catalog; import datetime\n"
        "from resources.instance import open_instance; from sensors.incidents import Watchman\n"
        "settings = Settings.from_env(); watchman = Watchman(settings, Catalog.read(settings.dbt_project))\n"
        "with open_instance(settings) as instance:\n"
        "    for _ in range(20): watchman.look(instance, datetime.datetime.now(datetime.UTC))\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    processes = [subprocess.Popen(command, env=environment(lab.settings)) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    with store.opened(lab.settings.incidents) as connection:
        assert [incident.cause.key for incident in store.all_incidents(connection)] == [("failed_run", "lake")]
        assert connection.execute("select count(*) from messages").fetchone()[0] == 1
    assert [path.name for path in lab.settings.published.glob("incidents_*")] == ["incidents_1.duckdb"]


def test_a_mistake_in_notify_yml_is_said_and_keeps_no_incident_from_being_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.note(dg.DagsterRunStatus.FAILURE)
    (house.lab.settings.home / "notify.yml").write_text("- {url: json://127.0.0.1:1/token, level: 2}\n")
    why = "notify.yml, receiver 1: unknown key level; there are url, levels, owners"
    with pytest.raises(ReceiverError, match=why):
        house.tick()
    monkeypatch.setenv("ASSAY_NOTIFY", "")
    code, said = finish(start(house.lab.settings, "incidents"))
    assert code == 2
    assert "failed_run" in said
    assert why in " ".join(said.split())
    assert "token" not in said


def test_a_run_that_tidies_up_leaves_what_the_sensor_is_writing(lab: Lab) -> None:
    folder = lab.settings.published
    folder.mkdir(parents=True)
    for name in (".incidents_4.duckdb", ".incidents.link", ".ops_4.duckdb", ".lake_4.duckdb"):
        (folder / name).write_bytes(b"half")
    clean_up(folder)
    assert sorted(path.name for path in folder.iterdir()) == [".incidents.link", ".incidents_4.duckdb"]


def test_incidents_are_kept_while_the_warehouse_is_held_and_before_any_run(house: House) -> None:
    house.lab.settings.home.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(house.lab.settings.warehouse)):
        house.note(dg.DagsterRunStatus.FAILURE)
        assert house.tick() == "1 open: failed_run lake"
    with pytest.raises(FileNotFoundError):
        house.open()  # nothing is published of the lake itself


def test_an_unfinished_publication_is_made_good_by_the_next_look(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.lab.put("transactions/day1.csv", b"no header")
    house.lab.good_run()
    watchman = Watchman(house.lab.settings, Catalog.read(house.lab.settings.dbt_project))
    with monkeypatch.context() as patched:
        patched.setattr("sensors.incidents.publish_rows", _die)
        with pytest.raises(OSError, match="gone"):
            watchman.look(house.instance, datetime.now(UTC))
    (house.lab.settings.published / ".incidents_1.duckdb").write_bytes(b"half")
    watchman.look(house.instance, datetime.now(UTC) + timedelta(seconds=1))
    assert house.open() == [("refused_file", "transactions")]


def _die(*_: object) -> None:
    raise OSError("gone")
