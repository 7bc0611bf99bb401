"""The services write a report when its time has come, once, and keep the newest ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.base.settings import Settings, SettingsError
from assay.contract.catalog import Catalog
from assay.orchestration import scheduled_report
from assay.orchestration.incidents_sensor import Watchman
from assay.orchestration.instance import open_instance, prepare_instance
from assay.orchestration.scheduled_report import KEPT, TRIED_AGAIN, ScheduledReport
from tests.lab import core_project

MONDAY = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)


class Lake:
    """A lake with a schedule, and its reports."""

    def __init__(self, home: Path, schedule: str) -> None:
        self.settings = Settings(home=home, dbt_project=core_project(), report_schedule=schedule)
        self.folder = self.settings.published / "reports"

    def look(self, now: datetime) -> str:
        """The report that services which have just started write, if one is due."""
        path = ScheduledReport(self.settings, Catalog.read(self.settings.dbt_project)).write_if_due([], now)
        return path.name if path else ""

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*"))


def test_a_report_is_written_once_when_its_time_has_come_or_has_passed_while_nothing_ran(tmp_path: Path) -> None:
    lake = Lake(tmp_path, "0 6 * * 1")
    assert lake.look(MONDAY) == "2026-01-05.html"
    assert "Nothing is published yet." in (lake.folder / "2026-01-05.html").read_text(encoding="utf-8")
    assert [lake.look(MONDAY + MINUTE), lake.look(MONDAY + WEEK - MINUTE)] == ["", ""]
    assert lake.look(MONDAY + WEEK + 26 * timedelta(hours=1)) == "2026-01-13.html"
    assert lake.names() == ["2026-01-05.html", "2026-01-13.html"]


def test_the_look_for_what_is_wrong_writes_it(tmp_path: Path) -> None:
    lake = Lake(tmp_path, "* * * * *")
    prepare_instance(lake.settings)
    with open_instance(lake.settings) as instance:
        Watchman(lake.settings, Catalog.read(lake.settings.dbt_project)).look(instance, MONDAY)
    assert lake.names() == ["2026-01-05.html"]


def test_old_reports_go_and_other_files_stay(tmp_path: Path) -> None:
    lake = Lake(tmp_path, "0 6 * * *")
    lake.folder.mkdir(parents=True)
    (lake.folder / "0000-notes.html").touch()
    days = [MONDAY + timedelta(days=number) for number in range(KEPT + 3)]
    assert all(map(lake.look, days))
    assert lake.names() == ["0000-notes.html", *(f"{day:%Y-%m-%d}.html" for day in days[3:])]


def test_none_is_written_where_no_schedule_is_set(tmp_path: Path) -> None:
    lake = Lake(tmp_path, "")
    assert lake.look(MONDAY) == ""
    assert not lake.folder.exists()


def test_what_cannot_be_written_is_tried_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path, "0 6 * * 1")
    reports = ScheduledReport(lake.settings, Catalog.read(lake.settings.dbt_project))
    with monkeypatch.context() as patched:
        patched.setattr(scheduled_report, "place", _full_disk)
        assert reports.write_if_due([], MONDAY) is None
    assert reports.write_if_due([], MONDAY + MINUTE) is None
    assert reports.write_if_due([], MONDAY + TRIED_AGAIN) == lake.folder / "2026-01-05.html"


def test_what_is_no_schedule_is_named_with_an_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "assay.toml").write_text('report_schedule = "every monday"\n')
    monkeypatch.setenv("ASSAY_PROJECT", str(tmp_path))
    with pytest.raises(SettingsError, match=r"report_schedule.* is 'every monday'; expected a schedule as cron has it"):
        Settings.from_env()


def _full_disk(*_: object, **__: object) -> bool:
    raise OSError(28, "No space left on device")
