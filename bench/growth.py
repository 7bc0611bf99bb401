"""What a run costs when there is nothing new, or one more day, on a lake of 28 and of 364 days, and where that goes.

The day is a Sunday in both cases, when promotions and a snapshot of products come too. Runs are made in one process
that has imported everything, on the same lake, which is put back after each.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from counted import Cost, counting
from report import Figures, Table, settings_of

from assay.base.settings import Settings
from assay.base.warehouse_stamp import note_left
from assay.cli.running import run_once
from demo.replay import replay

FIRST = date(2017, 1, 1)
DEAREST = 12
"""Parts of a run that are shown in any case."""
SLACK = 5_000
"""Rows by which a part may grow before it is named; a row group of DuckDB has 122,880."""
KEPT = ("warehouse.duckdb", "warehouse.stamp", "published", "dagster")


def tables(folder: Path, days: tuple[int, int] = (28, 364)) -> list[Table | Figures]:
    """A table for each question, a row for each age of the lake; and one of the parts of the run with one more day."""
    idle = Table("A run with nothing new, by the age of the lake", f"{days[0]} days")
    more = Table("A run with one more day (a Sunday), by the age of the lake", f"{days[0]} days")
    costs: dict[int, dict[str, Cost]] = {}
    for age in days:
        settings = _lake(folder / str(age), age)
        idle.measure({f"{age} days": lambda s=settings: run(s)})  # type: ignore[misc]
        for _ in range(3):
            one_more(
                settings, _next(settings, age), lambda s=settings, n=f"{age} days": more.measure({n: lambda: run(s)}, 1)
            )  # type: ignore[misc]
        with counting() as costs[age]:
            one_more(settings, _next(settings, age), lambda s=settings: run(s))  # type: ignore[misc]
        idle.notes[f"{age} days"] = more.notes[f"{age} days"] = _size(settings)
        shutil.rmtree(settings.home)
    return [idle, more, parts(costs[days[0]], costs[days[1]], f"at {days[0]} and at {days[1]} days")]


def parts(young: dict[str, Cost], old: dict[str, Cost], ages: str) -> Figures:
    """The dearest parts on the older lake, and all of which the rows grow by more than a fifth."""
    figures = Figures(
        f"The parts of the run with one more day, {ages}",
        ("seconds", "rows read", "rows written", "statements"),
    )
    for name, cost in sorted(old.items(), key=lambda item: -item[1].seconds):
        before = young.get(name, Cost())
        grows = cost.rows_read > 1.2 * before.rows_read + SLACK or cost.rows_written > 1.2 * before.rows_written + SLACK
        if grows or len(figures.lines) < DEAREST:
            figures.lines[f"{name}{' (grows)' if grows else ''}"] = (
                f"{before.seconds:.2f} → {cost.seconds:.2f}",
                f"{before.rows_read:,} → {cost.rows_read:,}",
                f"{before.rows_written:,} → {cost.rows_written:,}",
                f"{before.statements} → {cost.statements}",
            )
    return figures


def _lake(home: Path, days: int) -> Settings:
    settings = settings_of(home=home)
    replay(settings.landing, FIRST, FIRST + timedelta(days=days - 1))
    run(settings)
    return settings


def _next(settings: Settings, age: int) -> Callable[[], object]:
    day = FIRST + timedelta(days=age)
    return lambda: replay(settings.landing, day, day)


def one_more(settings: Settings, land: Callable[[], object], work: Callable[[], object]) -> None:
    """Let some work meet what lands, and put the lake back."""
    aside = settings.home / "aside"
    for name in KEPT:
        _copy(settings.home / name, aside / name)
    there = set(settings.landing.rglob("*"))
    land()
    work()
    for path in set(settings.landing.rglob("*")) - there:
        path.unlink()
    for name in KEPT:
        _remove(settings.home / name)
        (aside / name).rename(settings.home / name)
    note_left(settings.warehouse)  # by the bench, which is no other program


def run(settings: Settings) -> None:
    """Make one run in this process, which must do well."""
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
