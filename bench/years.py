"""What one more day of receipts costs after ten years of them, against one year: receipts and products only.

Each year is one file, built in bulk: the demo's year, moved by 364 days, with baskets of its own. Runs are made in one
process that has imported everything.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from counted import Cost, counting
from growth import one_more, parts, run
from report import Figures, Table, settings_of
from size import receipts_of, write_landing

from assay.base.settings import Settings
from assay.contract.names import literal
from demo.replay.source_data import open_source
from demo.replay.transactions import OPTIONS

DAYS = 364


def tables(folder: Path, years: tuple[int, int] = (1, 10)) -> list[Table | Figures]:
    """A row for each age of the lake, and the parts of the run."""
    more = Table("A run with one more day of receipts, by the years of them that the lake holds", f"{years[0]} years")
    costs: dict[int, dict[str, Cost]] = {}
    for age in years:
        settings = settings_of(home=folder / str(age))
        lines, _ = write_landing(settings.landing, age, DAYS)
        run(settings)
        for _ in range(3):
            one_more(
                settings,
                lambda s=settings, y=age: _land(s, y),
                lambda s=settings, n=age: more.measure({f"{n} years": lambda: run(s)}, 1),
            )  # type: ignore[misc]
        with counting() as costs[age]:
            one_more(settings, lambda s=settings, y=age: _land(s, y), lambda s=settings: run(s))  # type: ignore[misc]
        more.notes[f"{age} years"] = f"{lines:,} lines, warehouse of {settings.warehouse.stat().st_size / 1e9:.2f} GB"
    return [more, parts(costs[years[0]], costs[years[1]], f"at {years[0]} and at {years[1]} years")]


def _land(settings: Settings, years: int) -> None:
    """The first day after so many years."""
    day = f"select * from ({receipts_of(years, DAYS)}) where transaction_timestamp::date = (select min("
    query = f"{day}transaction_timestamp::date) + 1 from ({receipts_of(years, DAYS)}))"
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as made, open_source(Path(made)) as connection:
        path = settings.landing / "transactions" / "one_more.csv"
        connection.execute(f"copy ({query}) to {literal(str(path))} ({OPTIONS})")
