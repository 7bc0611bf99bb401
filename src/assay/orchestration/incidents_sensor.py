"""The sensor that looks for what is wrong: it keeps incidents, shows them to readers and has messages sent."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import duckdb

from assay.base import clock, log
from assay.base.duckdb_errors import first_line
from assay.base.fork_mark import is_fork
from assay.base.run_lock import LockTimeout, RunLock
from assay.base.settings import Settings
from assay.consumers.badges import write_badges
from assay.contract.catalog import Catalog
from assay.contract.declared_feeds import feeds_of
from assay.contract.names import table_of
from assay.fetching.health import health_of
from assay.fetching.supervision import is_supervised
from assay.incidents import slo_history, store
from assay.incidents.causes import causes
from assay.incidents.inputs import Disk, Inputs
from assay.incidents.kinds import KINDS
from assay.incidents.notifier import poke
from assay.incidents.outcomes import note_outcomes
from assay.incidents.overlooked import UnclaimedWatch
from assay.incidents.published_problems import Facts, read_facts
from assay.incidents.reconcile import Cause, Incident, Plan
from assay.ledger.fold_lookup import lies_in_landing
from assay.ledger.folded_files import find
from assay.ledger.scan import landing_path
from assay.orchestration.feed_events import FeedObserver
from assay.orchestration.freshness_events import confirm
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.run_history import History, subjects_of
from assay.orchestration.scheduled_report import ScheduledReport
from assay.page.page import write_page
from assay.publish.heartbeat import note_look
from assay.publish.publishing import publish_rows
from assay.publish.reader import is_of_this_version, open_published
from assay.publish.whole_state import open_whole
from assay.triggers.backoff import health
from assay.trust.table_trust import read_trust

SHOWN_AGAIN = timedelta(seconds=30)
"""The page is written anew after this, though nothing has changed."""
FEEDS_START = timedelta(minutes=2)
"""What the services may take to begin with feeds, or to go on with them."""
_BOOK_KEEPING = ("ops",)
PATIENCE = 5.0
"""Seconds that a look waits for another one, which takes tenths of a second."""


class Watchman:
    """Looks for what is wrong in one lake again and again, and keeps its incidents up to date.

    Args:
        settings: The lake.
        catalog: The project.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._history = History(settings)
        self._unclaimed = UnclaimedWatch(settings.landing, list(catalog.contracts.values()))
        self._facts: tuple[str, Facts] = ("", Facts())
        self._told: tuple[str, date] | None = None
        self._shown: tuple[object, datetime] | None = None
        self._badges: tuple[str, datetime | None] | None = None
        self._feeds = feeds_of(catalog.models)
        self._report = ScheduledReport(settings, catalog)
        self._unsupervised_since: datetime | None = None

    def look(self, instance: dg.DagsterInstance, now: datetime) -> Plan:
        """Open, raise and close incidents, and publish them when something changed.

        One process at a time: what it publishes is a numbered file, and the next one would take the same number.

        Raises:
            LockTimeout: Another process was looking all the time.
            sqlite3.Error: The store cannot be written.
        """
        lock = RunLock(self._settings.home / "incidents.lock")
        lock.acquire(f"process {os.getpid()}", wait_seconds=PATIENCE)
        with lock, store.opened(self._settings.incidents, is_new=True) as connection:
            plan = store.follow(connection, lambda present: self._gather(instance, present, now), now)
            present = store.open_incidents(connection)
            self._publish(connection)
            self._publish_levels(connection, now)
            wrong = {i.cause.subject.split()[0] for i in present if not KINDS[i.cause.kind].is_notice}
            confirm(instance, self._catalog, self._facts[1], wrong, now)
            self._show(present, now)
            self._write_badges(now)
            self._report.write_if_due(present, now)
        note_look(self._settings)
        return plan

    def _gather(self, instance: dg.DagsterInstance, present: Sequence[Incident], now: datetime) -> list[Cause]:
        runs = self._history.runs(instance)
        self._unclaimed.look(now, self._published().archives)
        return causes(
            Inputs(
                self._catalog,
                self._published(),
                tuple(runs),
                self._disk(),
                now,
                {incident.cause.key for incident in present},
                self._lies_there,
                health(subjects_of(self._catalog), runs),
                self._unclaimed.overdue,
                self._unclaimed.overdue_since,
                health_of(self._settings, self._feeds, now, are_missed=self.are_feeds_missed(now)),
            )
        )

    def are_feeds_missed(self, now: datetime) -> bool:
        """Whether the services should have been running feeds for a while and do not.

        Who looks once, as `assay run` does, cannot tell.
        """
        if not self._settings.supervise_feeds or is_fork(self._settings.home) or is_supervised(self._settings):
            self._unsupervised_since = None
            return False
        self._unsupervised_since = self._unsupervised_since or now
        return abs(now - self._unsupervised_since) > FEEDS_START

    def _publish_levels(self, connection: sqlite3.Connection, now: datetime) -> None:
        """Give readers `ops.slo` anew when a run has published since, or a day has begun."""
        stamp = (self._facts[0], now.date())
        if not self._facts[0] or stamp == self._told:
            return
        runs = [run for run in self._history.known if run.state != "running"]
        tables = [name for name in subjects_of(self._catalog) if "." in name]
        note_outcomes(
            connection,
            (
                (run.run_id, table, datetime.fromtimestamp(run.ended, UTC), not run.failed(table))
                for run in runs
                for table in tables
                if run.concerns(table)
            ),
        )
        with open_published(self._settings.published, _BOOK_KEEPING) as published:
            rows = list(slo_history.rows_by_day(published, connection, self._catalog, now))
        publish_rows(self._settings.published, "slo", rows, slo_history.COLUMNS)
        self._told = stamp

    def _show(self, present: Sequence[Incident], now: datetime) -> None:
        """Write the page anew when something on it changed, and twice a minute for when the services ticked."""
        stamp = (self._facts[0], tuple((incident.incident_id, incident.level) for incident in present))
        if self._shown is None or stamp != self._shown[0] or abs(now - self._shown[1]) >= SHOWN_AGAIN:
            write_page(self._settings, present, now, self._unclaimed.all)
            self._shown = (stamp, now)

    def _write_badges(self, now: datetime) -> None:
        """Write the badges anew when a run has published since, or when one of them does not hold any more."""
        stamp = self._facts[0]
        if not stamp or (self._badges and self._badges[0] == stamp and not _is_over(self._badges[1], now)):
            return
        tables = [table_of(model) for model in self._catalog.of_layer("gold", "silver")]
        try:
            with open_whole(self._settings.published) as state:
                if is_of_this_version(state.connection):
                    trusts = read_trust(state.connection, self._catalog, tables, now).values()
                    self._badges = (stamp, write_badges(self._settings.published, trusts, now))
        except (
            duckdb.Error,
            FileNotFoundError,
        ) as error:  # a lake that was moved is published again by its next run; incidents go on
            log.warning(f"badges are as they were: {first_line(error)}")

    def _published(self) -> Facts:
        """What is published, read again only when a run has published since."""
        link = self._settings.published / "ops.duckdb"
        stamp = str(link.readlink()) if link.is_symlink() else ""
        if stamp and stamp != self._facts[0]:
            with open_published(self._settings.published, _BOOK_KEEPING) as connection:
                self._facts = (stamp, read_facts(connection))
        return self._facts[1]

    def _disk(self) -> Disk:
        usage = shutil.disk_usage(self._settings.home)
        warehouse = self._settings.warehouse
        return Disk(usage.total, usage.free, warehouse.stat().st_size if warehouse.exists() else 0)

    def _lies_there(self, source: str, name: str) -> bool:
        if lies_in_landing(self._settings.landing, landing_path(self._settings.landing, name), name):
            return True
        if name.isascii() and "\\" not in name:
            return False
        # A name that is no UTF-8 stands in the ledger as something else than on disk.
        arrivals = find(self._settings.landing, self._catalog.contracts[source].files)
        return name in {arrival.name for arrival in arrivals}

    def _publish(self, connection: sqlite3.Connection) -> None:
        number = store.unpublished(connection)
        if number is not None:
            rows = [store.row_of(incident) for incident in store.all_incidents(connection)]
            publish_rows(self._settings.published, "incidents", rows, store.COLUMNS)
            store.note_published(connection, number)


def _is_over(until: datetime | None, now: datetime) -> bool:
    return until is not None and until < now


def incidents_sensor(lake: Lakehouse) -> dg.SensorDefinition:
    """Look for what is wrong every ten seconds; messages are sent by a process of their own.

    Args:
        lake: The lake.
    """
    settings = lake.settings
    watchman = Watchman(settings, lake.catalog)
    observer = FeedObserver(settings, feeds_of(lake.catalog.models))
    postman: list[subprocess.Popen[bytes]] = []

    @dg.sensor(
        name="incidents",
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks for what is wrong: failed runs and checks, refused and unclaimed files, broken records, silent "
            "sources, feeds, the disk. "
            "Keeps one incident for each cause in ops.incidents, and has messages sent when one opens, rises or ends."
        ),
    )
    def incidents(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = clock.now()
        try:
            plan = watchman.look(context.instance, now)
        except LockTimeout:
            return dg.SkipReason("another process looks")
        finally:  # what is kept is told, even where readers cannot be shown it
            postman[:] = [process for process in postman if process.poll() is None]
            if not postman:
                postman.extend(filter(None, [poke(settings, now)]))
        observer.observe(context.instance, now)
        for message in plan.messages:
            context.log.info(message.title)
        with store.opened(settings.incidents) as connection:
            return dg.SkipReason(in_words(store.open_incidents(connection)))

    return incidents


def in_words(present: Sequence[Incident]) -> str:
    """`2 open: refused_file transactions, disk_nearly_full disk`."""
    named = ", ".join(" ".join(incident.cause.key) for incident in present)
    return f"{len(present)} open: {named}" if present else "nothing is wrong"
