"""Reports by schedule: `published/reports/2026-01-05.html`, written by the services when its time has come.

The files themselves say what is done: a report that is due while nothing runs is written when the services start again,
and none is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from assay.base import log
from assay.base.atomic_write import place
from assay.base.cron import parse_cron
from assay.base.duckdb_errors import first_line
from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.incidents.reconcile import Incident
from assay.page.report import read_report, render_report

FOLDER = "reports"
KEPT = 60
"""The newest reports that stay: those of a year of weeks, and some."""
TRIED_AGAIN = timedelta(minutes=5)
"""After this a report is tried again that could not be written, such as on a full disk."""
_NAME = re.compile(r"\d{4}-\d\d-\d\d\.html")


class ScheduledReport:
    """Writes the report of a lake each time that its schedule names.

    Args:
        settings: The lake; nothing is written where no schedule is set.
        catalog: The project.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings, self._catalog = settings, catalog
        self._cron = parse_cron(settings.report_schedule) if settings.report_schedule else None
        self._folder = settings.published / FOLDER
        self._failed_at: datetime | None = None

    def write_if_due(self, incidents: Sequence[Incident], now: datetime) -> Path | None:
        """Write the report when its time has come since the newest one, and remove the oldest; gives what it wrote.

        Args:
            incidents: The open ones.
            now: The time.
        """
        due = self._cron.latest(now) if self._cron else None
        if self._cron is None or due is None or (self._failed_at and abs(now - self._failed_at) < TRIED_AGAIN):
            return None
        try:
            written_at = max((path.stat().st_mtime for path in self._kept()), default=0.0)
            if datetime.fromtimestamp(written_at, UTC) >= due:
                return None
            path = self._folder / f"{now.astimezone(self._cron.zone):%Y-%m-%d}.html"
            html = render_report(read_report(self._settings, self._catalog, incidents, now), now)
            place(path, html.encode(), mtime=now.timestamp())
            for old in self._kept()[:-KEPT]:
                old.unlink(missing_ok=True)
        except (duckdb.Error, OSError) as error:  # incidents go on without it
            self._failed_at = now
            log.warning(f"the report of the schedule is not written: {first_line(error)}")
            return None
        self._failed_at = None
        return path

    def _kept(self) -> list[Path]:
        """The reports that there are, the oldest first; other files in their folder are left alone."""
        return sorted(path for path in self._folder.glob("*.html") if _NAME.fullmatch(path.name))
