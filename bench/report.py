"""What was measured: medians, ratios, and the tables that show them."""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from os import cpu_count
from pathlib import Path

from assay.base.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))  # the demo is the project's own, and not installed


def settings_of(home: Path) -> Settings:
    """A lake of this repository's project in some folder."""
    return Settings(home=home, dbt_project=PROJECT / "dbt_project")


RUNS = 3


@dataclass
class Table:
    """One question and what was measured for it.

    Attributes:
        title: The question.
        rows: Name of what was measured, and each run's seconds.
        base: The row that the others are held against; the ratio is of medians of the same call.
        notes: What else was seen, by name of a row.
    """

    title: str
    base: str
    rows: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def measure(self, works: Mapping[str, Callable[[], object]], runs: int = RUNS) -> None:
        """Run each in turn, A B A B …, so that a machine that slows down slows all of them down."""
        for _ in range(runs):
            for name, work in works.items():
                began = time.perf_counter()
                note = work()
                self.rows.setdefault(name, []).append(time.perf_counter() - began)
                if isinstance(note, str):
                    self.notes[name] = note

    def ratio(self, name: str) -> float:
        """Median of a row as a multiple of the base's."""
        return statistics.median(self.rows[name]) / statistics.median(self.rows[self.base])

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [f"### {self.title}", "", "| | seconds, median | min to max | ratio | |", "|---|---|---|---|---|"]
        for name, seconds in self.rows.items():
            spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
            lines.append(
                f"| {name} | {statistics.median(seconds):.2f} | {spread} | {self.ratio(name):.2f} "
                f"| {self.notes.get(name, '')} |"
            )
        return "\n".join(lines)


@dataclass
class Figures:
    """A table of figures that are no seconds of a whole run.

    Attributes:
        title: The question.
        columns: Of the figures.
        lines: Name of what was measured, and its figures as they are shown.
    """

    title: str
    columns: Sequence[str]
    lines: dict[str, Sequence[str]] = field(default_factory=dict)

    def markdown(self) -> str:
        """The table as Markdown."""
        heads = [f"### {self.title}", "", f"| | {' | '.join(self.columns)} |", "|---" * (len(self.columns) + 1) + "|"]
        return "\n".join([*heads, *(f"| {name} | {' | '.join(cells)} |" for name, cells in self.lines.items())])


def machine() -> str:
    """The machine and the versions that were measured on."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "dagster", "dbt-core"))
    return f"{cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {versions}"


def write(tables: Sequence[Table | Figures], folder: Path) -> None:
    """Write `bench.md` and `bench.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    sections = [table.markdown() for table in tables]
    (folder / "bench.md").write_text("\n\n".join([f"Measured on {machine()}.", *sections]) + "\n", encoding="utf-8")
    figures = {
        "machine": machine(),
        "tables": [_figures(table) for table in tables],
    }
    (folder / "bench.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _figures(table: Table | Figures) -> dict[str, object]:
    ratios = {name: table.ratio(name) for name in table.rows} if isinstance(table, Table) else {}
    return {**asdict(table), "ratios": ratios}
