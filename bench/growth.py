"""What a run costs when there is nothing new, or one more day, on a lake of 28 and of 364 days, and where that goes.

The day is the same for both, the Sunday after the year, so that the lakes differ in their age alone: the young one
holds the last of the days that the old one holds. It is measured with all that comes on a Sunday, promotions and a
snapshot of products too, and with what comes every day. Runs are made in one process that has imported everything, on
the same lake, which is put back after each.
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

DAY = date(2017, 12, 31)
"""The day that is added: the last of the demo's data, a Sunday."""
DAILY = ("transactions", "coupon_redemptions")
"""Sources of which files come every day."""
DEAREST = 12
"""Parts of a run that are shown in any case."""
SLACK = 5_000
"""Rows by which a part may grow before it is named; a row group of DuckDB has 122,880."""
KEPT = ("warehouse.duckdb", "warehouse.stamp", "published", "dagster")


def tables(folder: Path, days: tuple[int, int] = (28, 364)) -> list[Table | Figures]:
    """A table for each question, a row for each age of the lake; and the parts of the runs with one more day."""
    base = f"{days[0]} days"
    idle = Table("A run with nothing new, by the age of the lake", base)
    more = {
        "what comes every day": Table("A run with one more day, of the sources that come daily, by age", base),
        "a Sunday": Table("A run with one more day, a Sunday with all sources, by age", base),
    }
    lands = {"what comes every day": _land_daily, "a Sunday": _land}
    costs: dict[tuple[str, int], dict[str, Cost]] = {}
    lakes = {age: _lake(folder / str(age), age) for age in days}
    idle.measure({f"{age} days": lambda s=lake: run(s) for age, lake in lakes.items()})  # type: ignore[misc]
    for what, table in more.items():
        for age, lake in [*lakes.items()] * 3:
            one_more(
                lake,
                lambda s=lake, w=what: lands[w](s),
                lambda s=lake, t=table, n=f"{age} days": t.measure({n: lambda: run(s)}, 1),
            )  # type: ignore[misc]
        for age, lake in lakes.items():
            with counting() as costs[what, age]:
                one_more(lake, lambda s=lake, w=what: lands[w](s), lambda s=lake: run(s))  # type: ignore[misc]
    for age, lake in lakes.items():
        for table in (idle, *more.values()):
            table.notes[f"{age} days"] = _size(lake)
        shutil.rmtree(lake.home)
    ages = f"at {days[0]} and at {days[1]} days"
    figures = [parts(costs[what, days[0]], costs[what, days[1]], f"{ages}: {what}") for what in more]
    return [idle, *more.values(), *figures]


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
    """A lake of so many days, the last of which is the one before `DAY`."""
    settings = settings_of(home=home)
    replay(settings.landing, DAY - timedelta(days=days), DAY - timedelta(days=1))
    run(settings)
    return settings


def _land(settings: Settings) -> None:
    replay(settings.landing, DAY, DAY)


def _land_daily(settings: Settings) -> None:
    there = set(settings.landing.rglob("*"))
    _land(settings)
    for path in set(settings.landing.rglob("*")) - there:
        if path.relative_to(settings.landing).parts[0] not in DAILY:
            path.unlink()


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
