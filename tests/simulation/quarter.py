"""A simulated quarter: `make quarter`. Real files, runs, kills and a real full disk, under a clock that is put forward.

Ninety days with faults of all kinds pass on a lake of receipts and products: runs are killed with `kill -9`, files come
corrupt and are repaired, the source is silent, the disk is full, the receiver of messages is down. At the end every
record has to be accounted for, every incident opened and closed once, and no run left over. Takes a quarter of an hour;
needs the right to mount a small disk.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread

import dagster as dg
import time_machine
from dagster._daemon.types import DaemonHeartbeat
from pydantic import SecretStr

from assay.base import clock
from assay.contract.catalog import Catalog
from assay.incidents.notifier import deliver
from assay.orchestration.definitions import build_definitions
from assay.orchestration.incidents_sensor import Watchman
from assay.orchestration.instance import open_instance
from assay.orchestration.lake_resource import mark_dead_runs
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.launcher import GONE
from assay.orchestration.refresh import JOB
from assay.orchestration.run_history import History, subjects_of
from assay.triggers.backoff import health
from tests.lab import Lab, copy_project, edit, product, products_jsonl, receipt, receipts_csv
from tests.processes import holder
from tests.simulation.executing import Calendar, execute, simulated, start
from tests.simulation.judging import report
from tests.simulation.plan import DAYS, FIRST, Event, draw

LOOK_EVERY = timedelta(minutes=30)
"""Between two looks at ordinary times; when something is to be done, the next look is as soon as the services would."""
DISK = 600 << 20
RECEIPTS = 20
"""Lines of each file of receipts."""


@dataclass
class Quarter:
    """The lake, its services, and what was done to it."""

    lab: Lab
    instance: dg.DagsterInstance
    calendar: Calendar
    traveller: time_machine.Coordinates
    random: Random
    baskets: int = 0
    crashes: int = 0
    is_crash_due: bool = False
    is_full: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = self.lab.settings
        self.catalog = Catalog.read(settings.dbt_project)
        self.definitions = build_definitions(Lakehouse.open(settings))
        self.arrivals = self.definitions.resolve_sensor_def("arrivals")
        self.watchman = Watchman(settings, self.catalog)
        self.history = History(settings)
        self.server: ThreadingHTTPServer | None = None
        self.messages: list[dict[str, object]] = []

    def pass_until(self, end: datetime) -> None:
        """Let the services look until then."""
        while clock.now() < end:
            is_busy = self.look()
            now = clock.now()
            soon = timedelta(minutes=1) if self.is_full else timedelta(seconds=1)
            wake = min(end, now + (soon if is_busy else LOOK_EVERY))
            for again in () if is_busy or self.is_full else self._retries():
                wake = min(wake, max(again, now + timedelta(seconds=1)))
            self.calendar.put_forward(self.traveller, wake - clock.now())

    def look(self) -> bool:
        """One look of all services; whether a run was made. A look that fails is logged, and the next one comes."""
        asked = 0
        for name, step in (("monitoring", self._reap), ("arrivals", self._arrive), ("freshness", self._refresh)):
            asked += bool(self._step(name, step))
        self._step("incidents", self._watch)
        self.counts["looks"] += 1
        return bool(asked)

    def _step(self, name: str, step: object) -> object:
        try:
            self.instance.add_daemon_heartbeat(DaemonHeartbeat(clock.now().timestamp(), name.upper(), "quarter"))
            return step()  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - as the daemon does it
            self.counts[f"looks of {name} that failed"] += 1
            if not self.is_full:
                self.problems.append(f"{clock.now():%Y-%m-%d %H:%M} {name}: {type(error).__name__}: {error}")
            return None

    def _retries(self) -> Iterator[datetime]:
        for breaker in health(subjects_of(self.catalog), self.history.runs(self.instance)).values():
            if breaker.failures:
                yield datetime.fromtimestamp(breaker.tried_again_at() + 1, UTC)

    def _reap(self) -> None:
        mark_dead_runs(self.instance, self.lab.settings, "")

    def _arrive(self) -> int:
        context = dg.build_sensor_context(self.instance, definitions=self.definitions)
        requests = self.arrivals.evaluate_tick(context).run_requests or []
        for request in requests:
            keys = [key.to_user_string() for key in request.asset_selection or ()]
            self._run(keys, dict(request.tags))
        return len(requests)

    def _refresh(self) -> bool:
        evaluation = dg.evaluate_automation_conditions(self.definitions, self.instance, evaluation_time=clock.now())
        keys = [r.key.to_user_string() for r in evaluation.results if evaluation.get_num_requested(r.key)]
        if keys:
            self.counts["runs of tables that may lag"] += 1
            self._run(keys, {"assay/asked_by": "freshness"})
        return bool(keys)

    def _run(self, keys: list[str], tags: dict[str, str]) -> None:
        self.counts["runs"] += 1
        if not (self.is_crash_due or self.is_full):
            execute(self.lab.settings, self.instance, keys, tags)
            return
        process = start(self.lab.settings, self.calendar, keys, tags)
        if self.is_crash_due:
            self.is_crash_due = False
            while f"(process {process.pid})" not in holder(self.lab.settings.home) and process.poll() is None:
                time.sleep(0.01)
            time.sleep(self.random.uniform(0, 1.5))
            self.crashes += process.poll() is None
            process.kill()
        before = self.instance.get_runs_count()
        if process.wait() and self.is_full and self.instance.get_runs_count() == before:
            # The services make a run before they start its process; without room for its events it never began.
            job = self.definitions.resolve_job_def(JOB)
            chosen = frozenset(map(dg.AssetKey.from_user_string, keys))
            run = self.instance.create_run_for_job(job, asset_selection=chosen, tags=tags)
            self.instance.report_run_failed(run, GONE)

    def _watch(self) -> None:
        self.watchman.look(self.instance, clock.now())
        deliver(self.lab.settings)

    def happen(self, event: Event) -> None:
        """Do what the plan says."""
        landing = {"receipts": self._receipts, "products": self._products, "corrupt": self._corrupt}
        if event.what in landing:
            landing[event.what](event)
        elif event.what == "repair":
            self._repair(event)
        elif event.what == "crash":
            self.is_crash_due = True
        elif event.what in ("fill", "full", "clear"):
            self._disk(event)
        elif event.what == "away" and self.server is not None:
            self.server.shutdown()
            self.server.server_close()
        elif event.what == "back" and self.server is not None:
            self.listen(self.server.server_address[1])

    def _lines(self) -> list[dict[str, object]]:
        first, self.baskets = self.baskets, self.baskets + RECEIPTS
        return [receipt(basket_id=first + n, product_id=1 + n % 7) for n in range(RECEIPTS)]

    def _receipts(self, event: Event) -> None:
        self.lab.receipts(f"{event.name}_{event.day}", self._lines())

    def _products(self, event: Event) -> None:
        self.lab.products(f"{event.day}", [product(product_id=1 + n, product_type=f"{event.day}") for n in range(7)])

    def _corrupt(self, event: Event) -> None:
        whole = receipts_csv([receipt()])
        if event.name == "gzip":
            content = products_jsonl([product(product_id=1 + n) for n in range(100)])
            self.lab.put(f"products/products_{event.day}.jsonl.gz", content[: len(content) // 2])
            return
        page = b"<html><body>502 Bad Gateway</body></html>\n"
        ways = {"header": whole.replace(b"quantity", b"amount"), "page": page, "empty": b""}
        self.lab.put(f"transactions/extra_{event.day}.csv", ways[event.name])

    def _repair(self, event: Event) -> None:
        if event.name == "gzip":
            self.lab.products(
                f"{event.day}", [product(product_id=1 + n, product_type=f"{event.day} again") for n in range(7)]
            )
        else:
            self.lab.receipts(f"extra_{event.day}", self._lines())

    def _disk(self, event: Event) -> None:
        ballast = self.lab.settings.home / "ballast"
        if event.what == "clear":
            ballast.unlink()
            self.is_full = False
            return
        if event.what == "full":
            self.lab.receipts(f"full_{event.day}", self._lines())
            self.is_full = True
        left = 0 if event.what == "full" else 24 << 20
        with ballast.open("ab", buffering=0) as file:
            try:
                while file.write(b"x" * 65536):
                    pass
            except OSError:
                file.truncate(max(0, file.tell() - left))

    def listen(self, port: int = 0) -> int:
        """Receive messages on loopback; the port."""
        messages = self.messages

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                messages.append({**json.loads(body), "at": clock.now()})
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
        Thread(target=self.server.serve_forever, daemon=True).start()
        return int(self.server.server_address[1])


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own, which takes the right to mount one."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # databases are open to the end


def main() -> int:
    """Let the quarter pass and judge it; 0 when every line holds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--days", type=int, default=DAYS)
    options.add_argument("--out", type=Path, default=Path("data/quarter.md"), help="the report")
    arguments = options.parse_args()
    plan = draw(arguments.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="assay-quarter-") as folder, small_disk(Path(folder) / "disk") as disk:
        project = copy_project(Path(folder))
        path = project / "models" / "gold" / "gold_product_performance.yml"
        edit(path, ("owner: analytics\n", "owner: analytics\n        freshness: {lag: 6 hours}\n"))
        lab = Lab(disk / "lake", project)
        calendar = Calendar.beginning(FIRST)
        with simulated(calendar) as traveller, open_instance(lab.settings) as instance:
            quarter = Quarter(lab, instance, calendar, traveller, Random(arguments.seed))
            for name in ("dagster", "root"):
                logging.getLogger(name).setLevel(logging.WARNING)
            lab.settings = lab.settings.model_copy(
                update={"notify": SecretStr(f"json://127.0.0.1:{quarter.listen()}/")}
            )
            for event in plan.events:
                if event.at >= FIRST + timedelta(days=arguments.days):
                    break
                quarter.pass_until(event.at)
                quarter.happen(event)
                if event.what == "receipts" and event.name == "night":
                    print(f"{event.day} {dict(quarter.counts)} {time.monotonic() - began:,.0f} s", flush=True)
            quarter.pass_until(FIRST + timedelta(days=arguments.days))
            text, is_good = report(quarter, plan, arguments.seed, arguments.days, time.monotonic() - began)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    print(text)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
