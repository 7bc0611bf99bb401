"""How often the checks of what arrives raise an alarm on a lake that is there: `python bench/alarms.py HOME`.

Every file is judged by those before it, as on the day on which it came; files that are odd are no baseline for later
ones. Works on a copy of the warehouse; the lake itself is not touched.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

from assets.load_checks import DIMENSIONS, Loads, is_daily
from contracts.catalog import Catalog
from resources import profiles
from resources.settings import Settings
from resources.warehouse import connect


def main() -> None:
    """Print a table: alarms by source and quarter; then each file that raised one."""
    settings = replace(Settings.from_env(), home=Path(sys.argv[1]).absolute())
    catalog = Catalog.read(settings.dbt_project)
    print("| source | files | Q1 | Q2 | Q3 | Q4 |\n|---|---|---|---|---|---|")  # noqa: T201
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="assay-alarms-") as folder:
        copy = Path(folder) / "warehouse.duckdb"
        copyfile(settings.warehouse, copy)
        connection = connect(copy, wait_seconds=0)
        for source, contract in catalog.contracts.items():
            profiles.forget(connection, source)
            profiles.profile_new(connection, contract, catalog.load_checks[source].columns, "trial")
            heads, _ = profiles.read_heads(connection, source)
            found = list(profiles.with_columns(connection, source, heads).values())
            alarms, said = _alarms(Loads(source, catalog.load_checks[source], [], [], is_daily(heads)), found)
            told += said
            counts = " | ".join(str(alarms[quarter]) for quarter in range(1, 5))
            print(f"| {source} | {len(found)} | {counts} |")  # noqa: T201
        connection.close()
    print("\n" + "\n".join(told))  # noqa: T201


def _alarms(loads: Loads, files: list[profiles.Profile]) -> tuple[Counter[int], list[str]]:
    """Judge files in their order, each by those before it that were not odd; a file is one alarm."""
    alarms: Counter[int] = Counter()
    told, kept = [], []
    files.sort(key=lambda file: (str(file.day), file.file_id))
    for at, file in enumerate(files):
        now = replace(loads, targets=[file], history=kept)
        broken = [rule for dimension in DIMENSIONS.values() for rule, odd in dimension(now) if odd]
        if broken:
            alarms[(file.day.month - 1) // 3 + 1 if file.day else 1 + 4 * at // len(files)] += 1
            told += [f"- {rule.name}: {rule.found}" for rule in broken]
        else:
            kept.append(file)
    return alarms, told


if __name__ == "__main__":
    main()
