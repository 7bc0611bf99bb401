"""Time from a file in landing to its rows at readers: the services of `make dev`, and a plain dagster-dbt project.

Both stand on the demo's first week and run as they run all day. Then the receipts of one day arrive as one file, with
the time of now, renamed into place, and the next file after its rows can be read and a pause. The pause is random and
up to the interval in which the services look, so that files meet them at any moment. One after the other, never both.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
from plain_project import write_project
from report import PROJECT, Table, settings_of
from services import HOST, free_port, services
from split import PHASES, split

from assay.contract.catalog import Catalog
from demo.replay import replay

FIRST = date(2017, 1, 1)
WEEK = timedelta(days=7)
LOOK = 0.1
LIMIT = 300.0
LAST = date(2017, 12, 31)
"""The last day of the demo's data."""
AIMS = {50: 12, 95: 20}
ASSAY, PLAIN = "Assay", "plain dagster-dbt"
ASSAY_COMMAND = "import sys; from assay.cli.start import main; sys.argv[0] = 'assay'; main()"


@dataclass(frozen=True)
class Waited:
    """One file: when it was complete in landing, and when its rows could be read; seconds since 1970."""

    landed: float
    seen: float

    @property
    def seconds(self) -> float:
        """From landing to readers."""
        return self.seen - self.landed


def tables(folder: Path, catalog: Catalog, files: int, rival_files: int) -> list[Table]:
    """One table with both, and one that says where the seconds of Assay go.

    Args:
        folder: Where both lakes go.
        catalog: The project, parsed.
        files: For Assay.
        rival_files: For the plain project, which takes longer for each.
    """
    days = _days(folder / "days", max(files, rival_files))
    ours, parts = _assay(folder / "assay", days[:files])
    plain = _plain(folder / "plain", catalog, days[:rival_files])
    table = Table("From landing to readers, one receipt file of a day at a time, services running", ASSAY)
    table.rows = {ASSAY: [one.seconds for one in ours], PLAIN: [one.seconds for one in plain]}
    table.notes = {name: _percentiles(seconds) for name, seconds in table.rows.items()}
    table.notes[ASSAY] += "; aims " + " and ".join(f"p{share} at most {aim} s" for share, aim in AIMS.items())
    where = Table("Where the seconds of Assay go", "in all")
    where.rows = {"in all": table.rows[ASSAY]} | dict(zip(PHASES, map(list, zip(*parts, strict=True)), strict=True))
    return [table, where]


def ages(folder: Path, files: int, old: int = 364) -> list[Table]:
    """The same files on a lake of a week and on one of a year, of which they are the last days.

    Args:
        folder: Where the lakes go.
        files: How many.
        old: Days that the old lake has with the last of the files.
    """
    first = LAST - timedelta(days=files - 1)
    days = _days(folder / "days", files, first)
    table = Table(
        "From landing to readers, the same files of receipts, services running, by the age of the lake", "7 days"
    )
    for age in (7, old - files):
        home = folder / str(age)
        waited, _ = _assay(home, days, first - timedelta(days=age), age)
        table.rows[f"{age} days"] = [one.seconds for one in waited]
        table.notes[f"{age} days"] = _percentiles(table.rows[f"{age} days"])
        shutil.rmtree(home)
    return [table]


def _percentiles(seconds: list[float]) -> str:
    """The 50th and the 95th percentile, between the two files next to it."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return f"{len(seconds)} files, " + ", ".join(f"p{share} {cuts[share - 1]:.1f} s" for share in AIMS)


def _days(folder: Path, count: int, first: date = FIRST + WEEK) -> list[Path]:
    """The receipts of some days, one file each."""
    replay(folder, first, first + timedelta(days=count - 1))
    return sorted((folder / "transactions").iterdir())


def _assay(
    home: Path, days: list[Path], first: date = FIRST, age: int = WEEK.days
) -> tuple[list[Waited], list[list[float]]]:
    """`assay dev` on a new lake of so many days."""
    settings = settings_of(home=home)
    replay(settings.landing, first, first + timedelta(days=age - 1))
    command = ["-W", "ignore", "-c", ASSAY_COMMAND, "dev", "--port", str(free_port())]
    environment = {"ASSAY_HOME": str(home), "ASSAY_DBT_PROJECT": str(settings.dbt_project)}
    link = settings.published / "lake.duckdb"
    with services(command, PROJECT, environment, home / "services.log"):
        waited = _measure(settings.landing, days, lambda: _target(link), link, pause=5)
    return waited, [split(settings, one.landed, one.seen) for one in waited]


def _plain(folder: Path, catalog: Catalog, days: list[Path]) -> list[Waited]:
    """`dagster dev` on the plain project, its manifest made once ahead."""
    write_project(folder, catalog)
    replay(folder / "landing", FIRST, FIRST + WEEK - timedelta(days=1))
    dagster_home = folder / "dagster"
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"DAGSTER_HOME": str(dagster_home), "PLAIN_HOME": str(folder), "PATH": path}
    subprocess.run(  # noqa: S603 - a command of this file
        [Path(sys.executable).with_name("dbt"), "--quiet", "parse", "--profiles-dir", "."],
        cwd=folder / "dbt",
        env={**os.environ, **environment},
        check=True,
    )
    command = [
        "-m",
        "dagster",
        "dev",
        "-f",
        "definitions.py",
        "-h",
        HOST,
        "-p",
        str(free_port()),
    ]
    warehouse = folder / "plain.duckdb"
    with services(command, folder, environment, folder / "services.log"):
        return _measure(folder / "landing", days, lambda: _changed(warehouse), warehouse, pause=30)


def _measure(landing: Path, days: list[Path], state: Callable[[], object], lake: Path, *, pause: float) -> list[Waited]:
    """Let the files arrive one at a time, and wait for each.

    Args:
        landing: Where they arrive, holding the first week.
        days: The files.
        state: What changes when the lake that readers open does; is asked often and must cost nothing.
        lake: What readers open.
        pause: Seconds between a file that can be read and the next, at most.
    """
    rows = _until(lambda: _rows(lake))
    chance = random.Random(20170101)  # noqa: S311 - the same pauses each time
    waited = []
    for day in days:
        time.sleep(chance.uniform(0, pause))
        before = state()
        landed = _land(day, landing / "transactions" / day.name)
        more = rows
        rows = _until(lambda s=before, m=more: _grown(state, lake, s, m))
        waited.append(Waited(landed, time.time()))
    return waited


def _land(day: Path, target: Path) -> float:
    """Write a file aside and rename it into place, as senders of files do; returns when it was complete."""
    aside = target.with_name(f".{target.name}.part")
    shutil.copyfile(day, aside)
    aside.rename(target)
    return time.time()


def _until(look: Callable[[], int]) -> int:
    """Look until there is an answer.

    Raises:
        TimeoutError: There is none for minutes.
    """
    deadline = time.monotonic() + LIMIT
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no new rows can be read after {LIMIT:.0f} s")
        time.sleep(LOOK)
    return answer


def _grown(state: Callable[[], object], lake: Path, before: object, rows: int) -> int:
    """Rows when there are more than before, else 0; the lake is opened only once something has changed."""
    if state() == before:
        return 0
    count = _rows(lake)
    return count if count > rows else 0


def _rows(lake: Path) -> int:
    """Receipt lines in gold when silver holds as many; 0 while the lake is locked or they are not there."""
    try:
        with duckdb.connect(str(lake.resolve()), read_only=True) as connection:
            [(silver, gold)] = connection.execute(
                "select (select count(*) from silver.transactions), (select sum(receipt_lines) from gold.daily_sales)"
            ).fetchall()
    except (duckdb.IOException, duckdb.CatalogException):
        return 0
    return int(silver) if silver == gold else 0


def _target(link: Path) -> str:
    return str(link.readlink()) if link.is_symlink() else ""


def _changed(warehouse: Path) -> int:
    """When the file was last written to, without opening it, which could lock a run out."""
    return warehouse.stat().st_mtime_ns if warehouse.exists() else 0
