"""Messages about incidents reach a real receiver, hold nobody up, and none is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from assay.incidents import store
from assay.incidents.notifier import deliver
from assay.incidents.receivers import ReceiverError
from assay.orchestration.instance import open_instance
from tests.house import House
from tests.lab import HOSTILE_HOME, Lab
from tests.processes import finish, kill, start
from tests.receiver import listening


@pytest.mark.slow
def test_a_receiver_that_hangs_holds_up_no_tick_and_no_run_and_gets_the_message_later(tmp_path: Path) -> None:
    with listening() as box:
        box.hang.set()
        lab = Lab(tmp_path / HOSTILE_HOME)
        lab.settings = lab.settings.model_copy(update={"notify": SecretStr(box.url)})
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


@pytest.mark.slow
def test_assay_run_looks_once_tells_and_is_not_held_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as box:
        lab = Lab(tmp_path / HOSTILE_HOME)
        monkeypatch.setenv("ASSAY_NOTIFY", box.url)
        lab.put("transactions/day1.csv", b"no header")
        code, output = finish(start(lab.settings, "run"))
        assert code == 0, output
        box.wait_for(1)
        assert box.titles == ["[level 2] A file was refused: transactions"]
        assert [line.partition(":")[0] for line in box.came[0][1].splitlines()] == [
            "Problem", "Tried", "Affects", "Where", "Do",
        ]  # fmt: skip
        _, output = finish(start(lab.settings, "incidents"))
        assert "A file was refused" in output
        assert "Nobody is told" not in output
        _, output = finish(start(lab.settings, "status"))
        assert "1 open; `assay incidents` says" in output
        _, output = finish(start(lab.settings, "query", "select kind from ops.incidents", "--format", "csv"))
        assert output == "kind\nrefused_file\n"
        _, output = finish(start(lab.settings, "incidents", "--json"))
        assert [row["subject"] for row in json.loads(output)] == ["transactions"]
        monkeypatch.setenv("ASSAY_NOTIFY", "")
        _, output = finish(start(lab.settings, "incidents", "--all"))
        assert "Nobody is told: there is no receiver" in output
    kept = [path for path in lab.settings.home.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hook-with-a-secret" in path.read_bytes()]


LOOK = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from assay.incidents import store
from assay.incidents.reconcile import Cause
from assay.incidents.notifier import deliver
from assay.incidents.receivers import Receiver
from assay.base.settings import Settings
settings = Settings(home=Path(sys.argv[1]), notify=sys.argv[2])
def send(receiver, letter):
    from assay.incidents.notifier import by_apprise
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
        settings = lab.settings.model_copy(update={"notify": SecretStr(box.url)})
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


def test_a_mistake_in_notify_yml_is_said_and_keeps_no_incident_from_being_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.note(dg.DagsterRunStatus.FAILURE)
    (house.lab.settings.home / "notify.yml").write_text("- {url: json://127.0.0.1:1/token, level: 2}\n")
    why = "notify.yml, receiver 1: unknown key level; there are url, levels, owners"
    with pytest.raises(ReceiverError, match=why):
        house.tick()
    monkeypatch.setenv("ASSAY_NOTIFY", "")
    code, output = finish(start(house.lab.settings, "incidents"))
    assert code == 2
    assert "failed_run" in output
    assert why in " ".join(output.split())
    assert "token" not in output


def test_a_message_leaves_though_readers_cannot_be_shown_the_incident(lab: Lab) -> None:
    with listening() as box:
        lab.settings = lab.settings.model_copy(update={"notify": SecretStr(box.url)})
        with open_instance(lab.settings) as instance:
            house = House(lab, instance)
            house.note(dg.DagsterRunStatus.FAILURE)
            in_the_way = lab.settings.published / ".incidents_1.duckdb" / "x"
            in_the_way.mkdir(parents=True)
            with pytest.raises(OSError, match="incidents_1"):
                house.tick()
            box.wait_for(1)
            in_the_way.rmdir()
            in_the_way.parent.rmdir()
            assert house.tick() == "1 open: failed_run lake"
    assert box.titles == ["[level 2] A run failed: lake"]
    assert (lab.settings.published / "incidents.duckdb").exists()
