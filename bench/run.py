"""`make bench`: measures, prints Markdown, and writes `bench.md` and `bench.json` to `--out`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import checks
import growth
import latency
import load
import looking
import rivals
from report import Table, machine, settings_of, write

from assay.contract.catalog import Catalog
from assay.tables.dbt import parse_if_changed


def main() -> None:
    """Measure what `--only` names, or everything."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=["load", "rivals", "checks", "looking", "growth", "latency"])
    options.add_argument(
        "--times", type=int, default=7, help="load: the demo's 1.47 million receipt lines, so many times"
    )
    options.add_argument(
        "--dlt-python", type=Path, default=Path(".venv-bench/bin/python"), help="a Python that has dlt"
    )
    options.add_argument("--files", type=int, default=20, help="latency: files for Assay; its rival gets 8 at most")
    options.add_argument("--out", type=Path, default=Path("data/bench"), help="folder for bench.md and bench.json")
    said = options.parse_args()
    print(f"Measured on {machine()}.")  # noqa: T201
    found: list[Table] = []
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        settings = settings_of(home=Path(folder))
        parse_if_changed(settings)
        catalog = Catalog.read(settings.dbt_project)
        parts: Mapping[str, Callable[[], list[Table]]] = {
            "load": lambda: load.tables(Path(folder) / "load", catalog, said.times),
            "rivals": lambda: rivals.tables(Path(folder) / "rivals", said.dlt_python.absolute()),
            "checks": lambda: checks.tables(Path(folder) / "checks"),
            "looking": lambda: looking.tables(Path(folder) / "looking"),
            "growth": lambda: growth.tables(Path(folder) / "growth"),
            "latency": lambda: latency.tables(Path(folder) / "latency", catalog, said.files, min(said.files, 8)),
        }
        for name, part in parts.items():
            if said.only in (None, name):
                measured = part()
                print("\n" + "\n\n".join(table.markdown() for table in measured), flush=True)  # noqa: T201
                found += measured
    write(found, said.out)


if __name__ == "__main__":
    main()
