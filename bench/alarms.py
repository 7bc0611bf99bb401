"""How often the checks of what arrives raise an alarm on a lake that is there: `python bench/alarms.py HOME`.

Every file is judged by those before it, as on the day on which it came; files that are odd are no baseline for later
ones. Works on a copy of the warehouse; the lake itself is not touched.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from shutil import copyfile

from assay.base.settings import Settings
from assay.base.warehouse import connect
from assay.checks import profiles
from assay.checks.anomaly_rules import Loads, is_daily, judge
from assay.checks.load_checks import sentence
from assay.contract.catalog import Catalog


def main() -> None:
    """Print a table: alarms by source and quarter; then each file that raised one."""
    settings = Settings.from_env().model_copy(update={"home": Path(sys.argv[1]).absolute()})
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
            whole = profiles.with_columns(connection, source, heads)
            files = list(whole.values())
            alarms, lines = _alarms(Loads(catalog.load_checks[source], files, set(whole), set(whole), is_daily(heads)))
            told += lines
            counts = " | ".join(str(alarms[quarter]) for quarter in range(1, 5))
            print(f"| {source} | {len(files)} | {counts} |")  # noqa: T201
        connection.close()
    print("\n" + "\n".join(told))  # noqa: T201


def _alarms(loads: Loads) -> tuple[Counter[int], list[str]]:
    """Judge all files as the checks do; a file is one alarm, whatever is odd about it."""
    lines: dict[int, list[str]] = defaultdict(list)
    for figure, verdicts in judge(loads):
        for verdict in verdicts:
            if verdict.is_odd:
                lines[verdict.file.file_id].append(f"- {figure.name}: {sentence(figure, verdict)}")
    files = sorted(loads.files, key=lambda file: (str(file.day), file.file_id))
    odd = [(at, file) for at, file in enumerate(files) if file.file_id in lines]
    alarms = Counter((file.day.month - 1) // 3 + 1 if file.day else 1 + 4 * at // len(files) for at, file in odd)
    return alarms, [line for _, file in odd for line in lines[file.file_id]]


if __name__ == "__main__":
    main()
