"""A lake of many receipts on a small machine: the demo's year, so many times, in one run within a limit of memory.

Each copy of the year is a file of its own, with other basket and household ids. `assay run` is a process of its own;
its peak is that of all processes that it starts, as the kernel counts their own pages (Pss).

    python bench/size.py --copies 70 --memory 2GB     # 103 million lines, 7 GB of CSV
    python bench/size.py --copies 4 --memory 400MB    # tries in minutes whether tables spill
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from report import PROJECT, machine, settings_of

from assay.base.settings import Settings
from assay.base.spill import spill_folder
from assay.contract.names import literal
from assay.publish.reader import open_published
from demo.replay.arrivals import build_arrivals
from demo.replay.products import product_files
from demo.replay.source_data import open_source
from demo.replay.transactions import OPTIONS

OTHER_BASKETS, OTHER_HOUSEHOLDS = 100_000_000_000, 100_000
"""What is added to the ids of each copy; more than the largest of the year."""
_RUN = "from assay.cli.start import main; main()"
_PAUSE = 0.25  # seconds


def main() -> None:
    """Make the lake, run it, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=70, help="of the demo's year of 1.47 million lines")
    parser.add_argument("--memory", default="2GB", help="ASSAY_MEMORY_LIMIT of the run")
    parser.add_argument("--folder", type=Path, help="where the lake is made; it takes 25 GB for 70 copies")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-", dir=options.folder) as folder:
        settings = settings_of(home=Path(folder))
        lines, size = write_landing(settings.landing, options.copies)
        print(f"Measured on {machine()}.\n\n{lines:,} lines, {size / 1e9:,.2f} GB of CSV, {options.memory}")  # noqa: T201
        for name in ("load and build", "nothing new"):
            print(f"{name}: {measured(settings, options.memory)}", flush=True)  # noqa: T201
        print(f"readers see: {published(settings, lines)}")  # noqa: T201


def write_landing(landing: Path, copies: int, days_apart: int = 0) -> tuple[int, int]:
    """Write the receipts and the products that they name; gives the lines and bytes of the receipts.

    Args:
        landing: The landing zone.
        copies: Of the demo's year.
        days_apart: Days from one copy to the next, in which the same households shop; 0 for others at the same time.
    """
    receipts = landing / "transactions"
    receipts.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as made, open_source(Path(made)) as connection:
        lines = connection.execute("select count(*) from transactions").fetchall()[0][0]
        for copy in range(copies):
            query = receipts_of(copy, days_apart)
            path = receipts / f"transactions_{copy:03}.csv"
            connection.execute(f"copy ({query}) to {literal(str(path))} ({OPTIONS})")
        build_arrivals(connection)
        [products] = product_files(connection, date(2017, 1, 1), date(2017, 1, 1))
        (landing / products.source).mkdir()
        path = landing / products.source / products.name
        connection.execute(f"copy ({products.query}) to {literal(str(path))} ({products.options})")
    return copies * lines, sum(path.stat().st_size for path in receipts.iterdir())


def receipts_of(copy: int, days_apart: int = 0) -> str:
    """SQL of a copy of the year's receipts."""
    households = 0 if days_apart else copy * OTHER_HOUSEHOLDS
    return (
        f"select * replace (basket_id + {copy * OTHER_BASKETS} as basket_id, "
        f"household_id + {households} as household_id, "
        f"transaction_timestamp + interval '{copy * days_apart} days' as transaction_timestamp) from transactions"
    )


def measured(settings: Settings, memory: str) -> str:
    """Run once and say what it took."""
    variables = {"ASSAY_HOME": str(settings.home), "ASSAY_PROJECT": str(PROJECT), "ASSAY_MEMORY_LIMIT": memory}
    began = time.perf_counter()
    output = settings.home / "output.txt"
    with output.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - Assay itself
            [sys.executable, "-c", _RUN, "run"], env={**os.environ, **variables}, stdout=log, stderr=log
        )
        peak = spilled = 0
        while process.poll() is None:
            peak = max(peak, sum(map(_own_pages, _family(process.pid))))
            spilled = max(spilled, _size_of(spill_folder(settings.home)))
            time.sleep(_PAUSE)
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(
            f"the run failed after {seconds:,.0f} s, {peak / 1e9:.2f} GB at the peak:\n{output.read_text()[-3000:]}"
        )
    warehouse = settings.warehouse.stat().st_size
    return (
        f"{seconds:,.0f} s, {peak / 1e9:.2f} GB of memory at the peak, {spilled / 1e9:.2f} GB spilled at once, "
        f"a warehouse of {warehouse / 1e9:.2f} GB"
    )


def published(settings: Settings, lines: int) -> str:
    """What readers see; nothing of the receipts may be missing in it."""
    with open_published(settings.published) as connection:
        bronze = "select sum(records_read) from ops.conservation where source = 'transactions' and is_conserved"
        read = connection.execute(f"{bronze} group by run_id order by max(counted_at) desc limit 1").fetchall()[0][0]
        silver, gold = (
            connection.execute(f"select count(*) from {table}").fetchall()[0][0]
            for table in ("silver.transactions", "gold.daily_sales")
        )
    if read != lines:
        sys.exit(f"{lines:,} lines were written, and {read:,} were read")
    return f"{silver:,} rows of silver.transactions, {gold:,} of gold.daily_sales; {read:,} lines are accounted for"


def _family(pid: int) -> list[int]:
    """A process and those that it started, and so on."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return []
    return [pid, *(each for child in children for each in _family(int(child)))]


def _own_pages(pid: int) -> int:
    """Bytes of a process; of pages that it shares, its share."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # DuckDB is done with it
            continue
    return total


if __name__ == "__main__":
    main()
