"""`assay serve` that is killed, starved of disk and asked twice has every event it answered in silver, once."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from standardwebhooks import Webhook
from typer.testing import CliRunner

from assay.base import clock
from assay.base.settings import Settings
from assay.cli.main import app
from assay.contract.catalog import Catalog
from assay.contract.declared_feeds import feeds_of
from assay.feeds.places import lock_file
from assay.fetching.health import health_of
from assay.fetching.supervision import Child, ask_again, read_children
from assay.orchestration.feed_assets import feed_assets
from tests.disk import small_disk
from tests.fed_lake import parsed_project
from tests.feeds.test_services import Services, is_gone, until
from tests.kills import Ordeal
from tests.lab import Lab
from tests.ports import free_port
from tests.proxy import TcpProxy
from tests.writers import Writers

pytestmark = pytest.mark.feeds

SECRET = "whsec_c2VjcmV0LXRoYXQtaXMtcGxhbnRlZC1oZXJl"  # noqa: S105 - planted, and searched for
PATH = "/hooks/orders"


class Served:
    """A lake with one source, `orders`, that senders bring."""

    def __init__(self, home: Path, **feed: Any) -> None:
        self.project, self.home = home / "dbt_project", home / "data"
        signature = {"type": "standard", "secret": "${env:HOOK_SECRET}"}
        declared = {"kind": "webhook", "path": PATH, "signature": signature, "every": 0.2, "reserve": 0, **feed}
        amount = {"name": "amount", "data_type": "decimal(10,2)", "config": {"meta": {"path": "/body/amount"}}}
        model = {
            "name": "bronze_orders",
            "description": "One row per order.",
            "config": {
                "meta": {"contract": {"version": "1.0.0", "owner": "t", "new_columns": "rescue"}, "feed": declared}
            },
            "constraints": [{"type": "primary_key", "columns": ["id"]}],
            "columns": [
                {"name": "id", "data_type": "varchar"},
                {"name": "received_at", "data_type": "timestamp with time zone"},
                {**amount},
                {"name": "note", "data_type": "varchar", "config": {"meta": {"path": "/body/note"}}},
            ],
        }
        shutil.copytree(parsed_project(yaml.safe_dump({"models": [model]}, sort_keys=False)), self.project)
        self.port = 0
        self.told = home / "told"

    @property
    def environment(self) -> dict[str, str]:
        places = {"ASSAY_HOME": str(self.home), "ASSAY_DBT_PROJECT": str(self.project), "ASSAY_LOG": "json"}
        return {**os.environ, **places, "HOOK_SECRET": SECRET}

    def assay(self, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, arguments, env={**self.environment, "ASSAY_LOG": ""})
        assert result.exit_code == code, result.output
        return " ".join(result.output.split())

    def start(self, **more: Any) -> subprocess.Popen[bytes]:
        """A server that answers; the first one chooses the port."""
        command = [str(Path(sys.executable).with_name("assay")), "serve", "--port", str(self.port)]
        at = self.told.stat().st_size if self.told.exists() else 0
        with self.told.open("ab") as told:
            server = subprocess.Popen(command, env=self.environment, stdout=told, stderr=told, **more)
        deadline = time.monotonic() + 60
        while not (match := re.search(rb'"address": "http://127.0.0.1:(\d+)"', self.told.read_bytes()[at:])):
            assert server.poll() is None and time.monotonic() < deadline, self.told.read_text()
            time.sleep(0.05)
        self.port = int(match[1])
        return server

    @contextmanager
    def serving(self, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
        server = self.start(**more)
        try:
            yield server
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0, self.told.read_text()

    def post(self, delivery: str, body: bytes, connection: http.client.HTTPConnection | None = None) -> int:
        """Send an event once; gives the status, 0 where none came."""
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(delivery, now.replace(tzinfo=UTC), body.decode()),
        }
        used = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            used.request("POST", PATH, body, headers)
            response = used.getresponse()
            response.read()
            return response.status
        except (OSError, http.client.HTTPException):
            used.close()
            return 0
        finally:
            if connection is None:
                used.close()

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, dbt_project=self.project)

    def standing(self) -> dict[str, Any]:
        """What `assay feed status --json` says of the feed."""
        standing: dict[str, Any] = json.loads(self.assay("feed", "status", "--json"))[0]
        return standing

    def lab(self) -> Lab:
        return Lab(self.home, self.project)

    def silver(self) -> list[tuple[Any, ...]]:
        lab = self.lab()
        lab.good_run()
        return lab.rows("select id, amount::varchar, note from silver.orders order by id")

    def landed(self) -> list[Path]:
        return sorted((self.home / "landing" / "feeds" / "orders").rglob("*.jsonl"), key=lambda path: path.name)


class Senders(Writers):
    """Send events, repeat what was not answered, and now and then what was."""

    threads = 8

    def __init__(self, served: Served, port: int, seed: int) -> None:
        super().__init__(seed)
        self._served, self._port = served, port
        self.answered: dict[str, tuple[str, str]] = {}
        self.sent: set[str] = set()
        self.repeated = self.refused = 0

    def write(self, number: int, draw: random.Random) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        count = 0
        while not self.is_over:
            count += 1
            self._send(f"{number}-{count:06}", draw, connection)
        connection.close()

    def _send(self, delivery: str, draw: random.Random, connection: http.client.HTTPConnection) -> None:
        amount, note = f"{draw.randint(0, 9999) / 100:.2f}", f"ä\n{draw.random()}"
        body = json.dumps({"note": note, "amount": float(amount)}, indent=draw.choice([None, 1])).encode()
        self.sent.add(delivery)
        while (status := self._served.post(delivery, body, connection)) != 200:
            assert status in (0, 503), status
            self.refused += status == 503
            if self.is_over:
                return
            time.sleep(0.05)
        self.answered[delivery] = (amount, note)
        if draw.random() < 0.1:
            self.repeated += self._served.post(delivery, body, connection) == 200


def test_what_was_answered_is_in_silver_once_however_often_the_server_is_killed(tmp_path: Path) -> None:
    served = Served(tmp_path / "lake")
    served.port = free_port()
    with TcpProxy(served.port) as proxy, small_disk(served.home / "landing") as disk:

        def fill() -> None:
            before = senders.refused
            assert disk is not None
            disk.fill_until(lambda: senders.refused > before)

        troubles: dict[str, Any] = {"cuts": proxy.cut_for_a_while, **({"full disks": fill} if disk else {})}
        ordeal = Ordeal("webhook", served.start, lambda: len(served.landed()), troubles)
        senders = Senders(served, proxy.port, ordeal.seed)
        with senders:
            for kill in ordeal.kills():
                if kill == 1:
                    served.lab().good_run()
                    for path in served.landed()[:2]:
                        path.unlink()
            server = served.start()
            time.sleep(0.5)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
        assert len(senders.answered) > 100 and senders.repeated > 5
        rows = {row[0]: row[1:] for row in served.silver()}
        assert senders.answered.items() <= rows.items()
        assert rows.keys() <= senders.sent, "an event that nobody sent"
        ordeal.tell(len(rows))


def test_a_full_disk_is_answered_503_and_nothing_is_half(tmp_path: Path) -> None:
    served = Served(tmp_path / "lake", every=30)
    small = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))}
    taken = {}
    with served.serving(**small):
        for number in range(300):
            body = json.dumps({"amount": number, "note": "x" * 2000}).encode()
            if (status := served.post(f"{number:04}", body)) == 200:
                taken[f"{number:04}"] = number
            else:
                assert status == 503
    assert 150 < len(taken) < 300, "it goes on in another file"
    lines = [json.loads(line) for path in served.landed() for line in path.read_bytes().splitlines()]
    assert {line["id"]: line["body"]["amount"] for line in lines} == taken and len(lines) == len(taken)


def test_one_process_serves_a_feed_and_tells_how_it_is(tmp_path: Path) -> None:
    served = Served(tmp_path / "lake")
    trial = served.assay("feed", "test", "orders")
    assert "curl -i" in trial and "webhook-signature: v1," in trial and SECRET[6:] not in trial
    assert not (served.home / "landing").exists(), "a trial writes nothing"
    assert "webhooks are not fetched" in served.assay("feed", "run", "orders", "--once", code=1)
    assert "standard, id webhook-id" in served.assay("feed", "list")
    with served.serving() as server:
        for arguments in (("serve", "--port", "0"), ("feed", "reset", "orders", "--epoch")):
            assert "by another process" in served.assay(*arguments, code=1)
        assert [served.post("a", b'{"amount": 1}'), served.post("a", b'{"amount": 1}')] == [200, 200]
        assert served.post("a", b'{"amount": 2}') == 200
        _hostile(served)
        time.sleep(1.5)
        assert served.post("a", b'{"amount": 1}') == 200
        idle(server)
    status = json.loads(served.assay("feed", "status", "--json"))[0]
    assert status["position"] == {"events": "2"} and "2 events of epoch 1" in status["last_fetch"]["note"]
    assert "is in epoch 2" in served.assay("feed", "reset", "orders", "--epoch")
    with served.serving():
        assert served.post("b", b'{"amount": 3}') == 200
    assert served.landed()[-1].parts[-4:-1] == ("2", "events", "(start)~1")
    assert [row[0] for row in served.silver()] == ["a", "b"]
    lost = served.lab().rows("select sum(_duplicates_conflicting)::integer from silver.orders")
    assert lost == [(1,)], "of one id with two bodies the later counts, and the other one is counted"
    with contextlib.closing(lock_file(served.lab().settings, "orders").open()) as lock:
        assert not lock.read(), "the lock was given back"


def _hostile(served: Served) -> None:
    """What is refused, over real sockets; none of it lands."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)

    def ask(method: str, path: str, body: Any = None, **headers: str) -> int:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        response.read()
        return response.status

    json_kind = {"content_type": "application/json"}
    assert ask("GET", "/healthz") == 200
    assert ask("GET", PATH) == 405
    assert ask("POST", "/hooks", b"{}", **json_kind) == 404
    assert ask("POST", PATH, b"{}", **json_kind) == 401
    assert ask("POST", PATH, b"{}") == 415
    assert ask("POST", PATH, b"{}", content_length="2000000", **json_kind) == 413
    connection.close()
    pieces = (b"x" * 50_000 for _ in range(30))
    with contextlib.suppress(OSError, http.client.HTTPException):  # the connection ends while it is sent
        assert ask("POST", PATH, pieces, **json_kind) == 413
    connection.close()


def idle(server: subprocess.Popen[bytes]) -> None:
    """A server that waits takes less than a hundredth of a core and 120 MB."""
    proc = Path(f"/proc/{server.pid}")
    if not proc.exists():
        return

    def seconds() -> float:
        fields = (proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = seconds()
    time.sleep(4)
    took = seconds() - before
    size = int(re.search(r"VmRSS:\s+(\d+)", (proc / "status").read_text())[1]) * 1024  # type: ignore[index]
    print(f"idle: {took / 4:.2%} of a core, {size / 1e6:.0f} MB")  # noqa: T201 - shown by -s
    assert took <= 0.04 and size < 120e6


def test_the_services_serve_webhooks_and_say_when_nothing_does(tmp_path: Path) -> None:
    served = Served(tmp_path / "lake")
    served.port = free_port()
    settings = served.settings
    environment = {**served.environment, "ASSAY_SERVE_PORT": str(served.port)}
    catalog = Catalog.read(settings.dbt_project)
    declared = feeds_of(catalog.models)
    [asset] = feed_assets(catalog)
    assert "The services serve it" in (asset.description or "") and "Fetches" not in (asset.description or "")

    def child() -> Child | None:
        return (read_children(settings) or {}).get("orders")

    def is_up() -> Child | None:
        now = child()
        return now if now and now.state == "running" and served.post("first", b'{"amount": 1}') == 200 else None

    services = Services(served, tmp_path / "log", environment)
    try:
        first = until(is_up)
        assert ("running", "services", first.pid) == tuple(served.standing()[key] for key in ("state", "run_by", "pid"))
        os.kill(first.pid, signal.SIGKILL)
        again = until(lambda: now if (now := is_up()) and now.pid != first.pid else None)
        os.kill(services.process.pid, signal.SIGKILL)
        services.process.wait()
        until(lambda: is_gone(again.pid), 30)
        health = health_of(settings, declared, clock.now(), are_missed=True)["orders"]
        assert health.process == "missing", "which is an incident"
        by_hand = served.start()
        other = Services(served, tmp_path / "other", environment)
        until(lambda: now if (now := child()) and now.state == "elsewhere" else None)
        by_hand.send_signal(signal.SIGTERM)
        assert by_hand.wait(30) == 0
        with socket.create_server(("127.0.0.1", served.port)):
            ask_again(settings, "orders")
            until(lambda: now if (now := child()) and now.state == "stopped" else None)
            assert "cannot serve on 127.0.0.1" in served.standing()["problem"]
        ask_again(settings, "orders")
        until(is_up)
        assert not served.standing()["problem"]
        other.end()
        assert "Traceback" not in "".join((tmp_path / name).read_text() for name in ("log", "other"))
    finally:
        for one in (services, other):
            one.process.kill()
            one.process.wait()
