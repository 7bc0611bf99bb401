"""`make bench`: measures, prints Markdown, and writes `bench.md` and `bench.json` to `--out`."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import checks
import comparing
import described
import describing
import feeds
import growth
import history
import latency
import load
import looking
import many_files
import rivals
import webhook
import whole_year
import years
from report import Figures, Table, machine, settings_of, write

from assay.contract.catalog import Catalog
from assay.tables.dbt import parse_if_changed


def main() -> None:
    """Measure what `--only` names, or everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only",
        choices=[
            "load",
            "rivals",
            "checks",
            "looking",
            "growth",
            "years",
            "whole_year",
            "latency",
            "latency_by_age",
            "many_files",
            "describing",
            "described",
            "history",
            "comparing",
            "feeds",
            "changes",
            "webhook",
        ],
    )
    parser.add_argument(
        "--times", type=int, default=7, help="load: the demo's 1.47 million receipt lines, so many times"
    )
    parser.add_argument(
        "--dlt-python", type=Path, default=Path(".venv-bench/bin/python"), help="a Python that has the rivals"
    )
    parser.add_argument("--tables", type=int, default=200, help="described: how many generated tables")
    parser.add_argument("--files", type=int, default=20, help="latency: files for Assay; its rival gets 8 at most")
    parser.add_argument("--small-files", type=int, default=10_000, help="many_files: how many files of a hundred rows")
    parser.add_argument("--out", type=Path, default=Path("data/bench"), help="folder for bench.md and bench.json")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode, the rivals' and ours
    print(f"Measured on {machine()}.")  # noqa: T201
    tables: list[Table | Figures] = []
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        settings = settings_of(home=Path(folder))
        parse_if_changed(settings)
        catalog = Catalog.read(settings.dbt_project)
        parts: Mapping[str, Callable[[], Sequence[Table | Figures]]] = {
            "load": lambda: load.tables(Path(folder) / "load", catalog, options.times),
            "rivals": lambda: rivals.tables(Path(folder) / "rivals", options.dlt_python.absolute()),
            "checks": lambda: checks.tables(Path(folder) / "checks"),
            "looking": lambda: looking.tables(Path(folder) / "looking"),
            "growth": lambda: growth.tables(Path(folder) / "growth"),
            "describing": lambda: describing.tables(Path(folder) / "describing"),
            "history": lambda: history.tables(Path(folder) / "history"),
            "comparing": lambda: comparing.tables(Path(folder) / "comparing"),
            "feeds": lambda: feeds.tables(Path(folder) / "feeds", options.dlt_python.absolute()),
            "changes": lambda: feeds.changes(Path(folder) / "changes"),
            "whole_year": lambda: whole_year.tables(Path(folder) / "whole year", catalog),
            "described": lambda: described.tables(
                Path(folder) / "described", options.tables, options.dlt_python.absolute()
            ),
            "webhook": lambda: webhook.tables(Path(folder) / "webhook"),
            "years": lambda: years.tables(Path(folder) / "years"),
            "latency_by_age": lambda: latency.ages(Path(folder) / "by age", min(options.files, 10)),
            "many_files": lambda: many_files.tables(Path(folder) / "many", catalog, options.small_files),
            "latency": lambda: latency.tables(Path(folder) / "latency", catalog, options.files, min(options.files, 8)),
        }
        for name, part in parts.items():
            if options.only in (None, name):
                measured = part()
                print("\n" + "\n\n".join(table.markdown() for table in measured), flush=True)  # noqa: T201
                tables += measured
    write(tables, options.out)


if __name__ == "__main__":
    main()
