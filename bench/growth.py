"""What a run costs when there is nothing new, or one more day, on a lake of 28 and of 364 days.

The day is a Sunday in both cases, when promotions and a snapshot of products come too. Runs are made in one process
that has imported everything, on the same lake, which is put back after each.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from report import Table, settings_of

from assay.base.settings import Settings
from assay.cli.running import run_once
from demo.replay import replay

FIRST = date(2017, 1, 1)
KEPT = ("warehouse.duckdb", "published", "dagster")


def tables(folder: Path, days: tuple[int, int] = (28, 364)) -> list[Table]:
    """One table for each question, one row for each age of the lake."""
    idle = Table("A run with nothing new, by the age of the lake", f"{days[0]} days")
    more = Table("A run with one more day (a Sunday), by the age of the lake", f"{days[0]} days")
    for age in days:
        settings = _lake(folder / str(age), age)
        idle.measure({f"{age} days": lambda s=settings: _run(s)})  # type: ignore[misc]
        for _ in range(3):
            _one_more(settings, age, more)
        idle.notes[f"{age} days"] = more.notes[f"{age} days"] = _size(settings)
        shutil.rmtree(settings.home)
    return [idle, more]


def _lake(home: Path, days: int) -> Settings:
    settings = settings_of(home=home)
    replay(settings.landing, FIRST, FIRST + timedelta(days=days - 1))
    _run(settings)
    return settings


def _one_more(settings: Settings, age: int, table: Table) -> None:
    """Measure one run with the next day, and put the lake back."""
    aside = settings.home / "aside"
    for name in KEPT:
        _copy(settings.home / name, aside / name)
    there = set(settings.landing.rglob("*"))
    day = FIRST + timedelta(days=age)
    replay(settings.landing, day, day)
    table.measure({f"{age} days": lambda: _run(settings)}, runs=1)
    for path in set(settings.landing.rglob("*")) - there:
        path.unlink()
    for name in KEPT:
        _remove(settings.home / name)
        (aside / name).rename(settings.home / name)


def _run(settings: Settings) -> None:
    outcome = run_once(settings, "", [])
    assert outcome.success, outcome.failures  # noqa: S101


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    copy: Callable[..., object] = shutil.copytree if source.is_dir() else shutil.copy2
    copy(source, target, **({"symlinks": True} if source.is_dir() else {}))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _size(settings: Settings) -> str:
    return f"warehouse of {settings.warehouse.stat().st_size / 1e9:.2f} GB"
