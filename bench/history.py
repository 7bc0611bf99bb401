"""What answers cost on a lake of many runs: `assay status`, and what the pages of Dagster's UI ask its web server.

The runs are copies of the last one, an hour apart, with its events in Dagster's storage and its results in the
book-keeping: 2,000 runs of a real lake would take hours to make. The same lake is asked first with few of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

from report import PROJECT, Table, settings_of
from services import HOST, free_port, services

from assay.base.settings import Settings
from assay.base.warehouse import opened
from assay.cli.running import run_once
from assay.orchestration.instance import open_instance
from assay.publish.publishing import publish_ops
from demo.replay import replay

FIRST = date(2017, 1, 1)
RUNS = (50, 2_000)
ASSAY = "import sys; from assay.cli.start import main; sys.argv[0] = 'assay'; main()"
PATIENCE = 120.0
"""Seconds until the UI must answer."""
TIMES = 5
_KEPT = {
    "checks": "* replace (check_id + {shift} as check_id, checked_at - {ago} as checked_at, '{run}' as run_id)",
    "check_results": "* replace (check_id + {shift} as check_id, checked_at - {ago} as checked_at, '{run}' as run_id)",
    "conservation": "* replace (counted_at - {ago} as counted_at, '{run}' as run_id)",
    "quality_score": ("* replace ((day - {ago})::date as day, scored_at - {ago} as scored_at, '{run}' as run_id)"),
    "publications": (
        "* replace (publication_id + {shift} as publication_id, decided_at - {ago} as decided_at, '{run}' as run_id)"
    ),
}
"""Tables of the book-keeping that grow with each run, and the row of a copy."""
_PAGES = {
    "runs": (
        "{ runsOrError(limit: 25) { ... on Runs { results { runId status startTime endTime tags { key value } } } } }"
    ),
    "timeline": (
        "{ runsOrError(limit: 500, filter: {createdAfter: %(day)s}) "
        "{ ... on Runs { results { runId status startTime endTime assetSelection { path } } } } }"
    ),
    "asset catalog": (
        "{ assetsOrError { ... on AssetConnection { nodes { key { path } definition { groupName "
        "assetMaterializations(limit: 1) { runId timestamp } } } } } }"
    ),
    "asset, its history": (
        '{ assetOrError(assetKey: {path: ["gold", "daily_sales"]}) { ... on Asset '
        "{ assetMaterializations(limit: 100) { runId timestamp metadataEntries { label } } } } }"
    ),
    "asset, its checks": (
        '{ assetChecksOrError: assetNodeOrError(assetKey: {path: ["gold", "daily_sales"]}) { ... on AssetNode '
        "{ assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization "
        "{ status timestamp runId } } } } } } }"
    ),
    "a run, its events": (
        '{ logsForRun(runId: "%(run)s") { ... on EventConnection { events { ... on MessageEvent '
        "{ message timestamp level } } } } }"
    ),
}


def tables(folder: Path) -> list[Table]:
    """A table for each question, a row for each number of runs."""
    settings = settings_of(home=folder)
    replay(settings.landing, FIRST, FIRST + timedelta(days=6))
    run_once(settings, "", [])
    names = ["assay status", *(f"UI: {page}" for page in _PAGES)]
    measured = {name: Table(f"{name}, by the runs of the lake", f"{RUNS[0]:,} runs") for name in names}
    made = 1
    for runs in RUNS:
        _copy_last_run(settings, made, runs)
        made = runs
        row = f"{runs:,} runs"
        measured["assay status"].measure({row: lambda: _status(settings)}, TIMES)
        with _ui(settings) as ask:
            values = {"day": time.time() - 86_400 * 3650, "run": _last_run(settings)}
            for page, query in _PAGES.items():
                question = query % values if "%(" in query else query
                ask(question)  # what is imported and opened once
                measured[f"UI: {page}"].measure({row: lambda q=question: ask(q)}, TIMES)  # type: ignore[misc]
    return list(measured.values())


def _copy_last_run(settings: Settings, made: int, runs: int) -> None:
    """Add copies of the last run until there are so many, the first of them the youngest."""
    with open_instance(settings) as instance:
        [record] = instance.get_run_records(limit=1, order_by="id", ascending=True)
        last = record.dagster_run
        events = instance.all_logs(last.run_id)
        ids = []
        for back in range(made, runs):
            run_id = str(uuid4())
            ids.append((back, run_id))
            instance.run_storage.add_run(last._replace(run_id=run_id))
            for event in events:
                instance.event_log_storage.store_event(
                    event._replace(run_id=run_id, timestamp=event.timestamp - back * 3600)
                )
    with opened(settings.warehouse, wait_seconds=0) as connection:
        for back, run_id in ids:
            shift, ago = -back * 1_000_000, f"interval '{back} hours'"
            for table, row in _KEPT.items():
                copied = row.format(shift=shift, ago=ago, run=run_id)
                connection.execute(
                    f"insert into ops.{table} select {copied} from ops.{table} where run_id = '{last.run_id}'"
                )
        publish_ops(connection, settings.published)


def _last_run(settings: Settings) -> str:
    with open_instance(settings) as instance:
        return str(instance.get_run_records(limit=1)[0].dagster_run.run_id)


def _status(settings: Settings) -> None:
    subprocess.run(  # noqa: S603 - Assay itself
        [sys.executable, "-c", ASSAY, "status"],
        cwd=PROJECT,
        env=_environment(settings),
        check=True,
        capture_output=True,
    )


def _environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, "ASSAY_HOME": str(settings.home), "ASSAY_PROJECT": str(PROJECT)}


@contextmanager
def _ui(settings: Settings) -> Iterator[Callable[[str], None]]:
    """The UI's web server, and what it is asked by."""
    port = free_port()

    def ask(query: str) -> None:
        request = urllib.request.Request(
            f"http://{HOST}:{port}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - as above
            data = json.load(answer)
        if "errors" in data:
            raise RuntimeError(f"the UI refused {query}: {data['errors']}")

    variables = {"ASSAY_HOME": str(settings.home), "ASSAY_PROJECT": str(PROJECT)}
    with services(["-c", ASSAY, "dev", "--port", str(port)], PROJECT, variables, settings.home / "ui.log"):
        _wait(lambda: ask("{ version }"))
        yield ask


def _wait(try_it: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            try_it()
            return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
