"""Feeds that the services run: each a process of its own, started again when it dies, gone when the services are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest

from assay.base.run_lock import is_locked
from assay.base.settings import Settings
from assay.feeds.last_fetch import LastFetch
from assay.feeds.places import lock_file
from assay.fetching.supervision import Child, read_children
from tests.feeds.test_watermark import COLUMNS, FEED, NINE, ORDERS
from tests.postgres import FedLake, Server

pytestmark = pytest.mark.feeds
SERVE = """
import sys, time
from assay.base import log
from assay.base.settings import Settings
from assay.cli import feed_nodes, serving
from assay.fetching.supervisor import Supervisor
settings = Settings.from_env()
log.configure(settings)
with Supervisor(settings, feed_nodes.COMMAND, serving.COMMAND).running():
    sys.stdin.read()
"""
MOST_BYTES = 120 << 20


def until(give: Callable[[], Any], seconds: float = 150.0) -> Any:
    """What a function gives once that is something."""
    deadline = time.monotonic() + seconds
    while not (value := give()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return value


@pytest.fixture
def lake(tmp_path: Path, server: Server, db: psycopg.Connection[Any]) -> FedLake:
    db.execute(ORDERS)
    db.execute(NINE)
    db.execute("create table shop.items as select * from shop.orders")
    lake = FedLake(tmp_path / "lake", server, {**FEED, "every": 0.5}, COLUMNS)
    orders = (lake.project / "models" / "orders.yml").read_text()
    items = orders.replace("bronze_orders", "bronze_items").replace("shop.orders", "shop.items")
    (lake.project / "models" / "items.yml").write_text(items)
    return lake


class Served(Protocol):
    """A lake whose feeds services run."""

    project: Path

    @property
    def settings(self) -> Settings: ...

    @property
    def environment(self) -> dict[str, str]: ...


class Services:
    """What runs feeds beside Dagster, alone."""

    def __init__(self, lake: Served, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._lake, self.log = lake, log
        environment = {**(environment or lake.environment), "ASSAY_LOG": "json"}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE], env=environment, cwd=lake.project.parent, stdin=subprocess.PIPE,
                stdout=output, stderr=output,
            )  # fmt: skip

    def child(self, name: str = "orders") -> Child | None:
        return (read_children(self._lake.settings) or {}).get(name)

    def is_up(self, name: str = "orders") -> Child | None:
        child = self.child(name)
        is_fetched = is_locked(lock_file(self._lake.settings, name)) and LastFetch.read(self._lake.settings, name)
        return child if is_fetched and child is not None and child.state == "running" else None

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def end(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        assert self.process.wait(60) == 0


@pytest.fixture
def services(lake: FedLake, tmp_path: Path) -> Iterator[Services]:
    services = Services(lake, tmp_path / "log")
    try:
        yield services
    finally:
        services.process.kill()
        services.process.wait()


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_gone(pid: int | None) -> bool:
    """Whether a process has ended; one that nobody waited for has too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_feed_that_is_killed_is_started_again_and_touches_no_other(lake: FedLake, services: Services) -> None:
    orders, items = until(services.is_up), until(lambda: services.is_up("items"))
    assert orders.pid and items.pid
    os.kill(orders.pid, signal.SIGKILL)
    after = until(lambda: child if (child := services.is_up()) and child.pid != orders.pid else None)
    assert (after.deaths, after.exit_code) == (1, -9)
    unchanged = services.child("items")
    assert unchanged is not None
    assert unchanged.pid == items.pid
    assert lake.landed(), "what it had landed is there"
    lines = services.lines()
    assert {line["feed"] for line in lines if line["event"] == "feed"} == {"orders", "items"}
    assert ["was killed by signal 9" in line["message"] for line in lines if line["event"] == "warning"] == [True]
    assert after.pid
    assert resident(after.pid) < MOST_BYTES, "it has nothing to write"
    services.end()
    assert is_gone(after.pid) and is_gone(items.pid)
    assert not is_locked(lock_file(lake.settings, "orders"))
    assert services.child() is None, "nothing is said of services that are gone"


def test_a_feed_gives_back_what_it_took_to_write_and_stays_the_same_process(lake: FedLake, tmp_path: Path) -> None:
    lake.declare({"table": "shop.orders", "mode": "whole", "every": 60.0}, COLUMNS)
    services = Services(lake, tmp_path / "log")
    try:
        up = until(services.is_up)
        assert up.pid
        until(lambda: lake.landed() and resident(up.pid) < MOST_BYTES / 2)
        assert is_locked(lock_file(lake.settings, "orders")) or until(services.is_up)
        assert services.child() == up
        assert len([line for line in services.lines() if line["event"] == "feed"]) == 1, "it rests first"
        services.end()
        assert is_gone(up.pid)
    finally:
        services.process.kill()
        services.process.wait()


def test_a_feed_that_waits_for_a_person_is_not_started_in_a_loop(
    lake: FedLake, services: Services, db: psycopg.Connection[Any]
) -> None:
    until(services.is_up)
    db.execute("revoke select on shop.orders from reader")
    stopped = until(lambda: child if (child := services.child()) and child.state == "stopped" else None)
    assert stopped.again_at is not None
    assert stopped.again_at > time.time() + 600
    assert until(lambda: services.is_up("items"))
    time.sleep(2)
    assert services.child() == stopped
    told = json.loads(lake.feed("status", "--json"))
    assert next(feed for feed in told if feed["feed"] == "orders")["state"] == "stopped"
    assert "permission denied" in lake.feed("status")
    db.execute("grant select on shop.orders to reader")
    asked = subprocess.run(
        [lake.command()[0], "retry", "orders"], env=lake.environment, check=True, capture_output=True, text=True
    )
    assert "the services start its feed at once" in asked.stdout
    until(services.is_up)
    last = LastFetch.read(lake.settings, "orders")
    assert last is not None


def test_what_is_declared_is_taken_up_while_the_services_run(lake: FedLake, services: Services) -> None:
    orders = until(services.is_up)
    items = until(lambda: services.is_up("items"))
    yml = lake.project / "models" / "items.yml"
    text = yml.read_text()
    yml.write_text(text.replace("mode: watermark", "mode: watermerk"))
    until(lambda: any("stay as they are" in line.get("message", "") for line in services.lines()))
    assert services.is_up("items") == items, "a mistake in a yml ends no feed"
    yml.write_text(text.replace("every: 0.5", "every: 0.7"))
    again = until(lambda: child if (child := services.is_up("items")) and child.pid != items.pid else None)
    yml.unlink()
    until(lambda: services.child("items") is None and is_gone(again.pid))
    unchanged = services.is_up()
    assert unchanged is not None
    assert unchanged.pid == orders.pid


def test_feeds_die_with_services_that_are_killed_and_others_take_over(
    lake: FedLake, services: Services, tmp_path: Path
) -> None:
    first = until(services.is_up)
    other = Services(lake, tmp_path / "other")
    try:
        time.sleep(2)
        assert services.is_up() == first
        assert "feed begun" not in other.log.read_text(), "one process fetches a feed"
        services.process.kill()
        services.process.wait()
        until(lambda: is_gone(first.pid), 30)
        second = until(other.is_up)
        assert second.pid != first.pid
        os.kill(other.process.pid, signal.SIGSTOP)  # and nobody looks after the feed that is killed now
        assert second.pid is not None
        os.kill(second.pid, signal.SIGKILL)
        lake.feed("run", "orders", "--once")
        os.kill(other.process.pid, signal.SIGCONT)
        until(lambda: child if (child := other.is_up()) and child.pid != second.pid else None)
        other.end()
    finally:
        other.process.kill()
        other.process.wait()


def test_a_feed_that_is_fetched_by_hand_is_left_to_that_process(lake: FedLake, tmp_path: Path) -> None:
    by_hand = subprocess.Popen(lake.command("run", "orders"), env=lake.environment, stdout=subprocess.PIPE)
    try:
        until(lambda: is_locked(lock_file(lake.settings, "orders")))
        services = Services(lake, tmp_path / "log")
        until(lambda: child if (child := services.child()) and child.state == "elsewhere" else None)
        told = {feed["feed"]: feed for feed in json.loads(lake.feed("status", "--json"))}
        assert (told["orders"]["state"], told["orders"]["run_by"]) == ("running", "others")
        assert until(lambda: services.is_up("items"))
        services.end()
        assert not [line for line in services.lines() if line["event"] in ("warning", "error")]
    finally:
        by_hand.send_signal(signal.SIGTERM)
        assert by_hand.wait(30) == 0


def test_a_feed_pauses_while_nobody_loads_and_goes_on_by_itself(
    lake: FedLake, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (lake.project / "models" / "items.yml").unlink()
    monkeypatch.setenv("ASSAY_FEED_BACKLOG_FILES", "1")
    services = Services(lake, tmp_path / "log")
    try:
        until(lambda: last if (last := LastFetch.read(lake.settings, "orders")) and last.paused else None)
        db.execute("insert into shop.orders values (50, 50, 'more', now() - interval '5 minutes')")
        time.sleep(1.5)
        assert len(lake.landed()) == 1
        assert "1 files of it wait to be loaded" in lake.feed("status")
        lake.lab().good_run()
        until(lambda: len(lake.landed()) == 2)
        warnings = [line["message"] for line in services.lines() if line["event"] == "warning"]
        assert "1 files of it wait" in warnings[0]
        assert "not paused any more" in warnings[1]
        services.end()
    finally:
        services.process.kill()
        services.process.wait()
