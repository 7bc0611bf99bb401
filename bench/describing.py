"""What it takes to find a contract for files that have none, against DuckDB's sniffer over all rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
from report import Table
from size import write_landing

from assay.base.archive_limits import ArchiveLimits
from assay.contract.names import literal
from assay.describing.archive_files import described
from assay.describing.proposal import propose


def tables(folder: Path) -> list[Table]:
    """The demo's year of receipts in one file of CSV, 103 MB."""
    write_landing(folder, 1)
    [path] = (folder / "transactions").iterdir()
    table = Table("A contract for 1.47 million lines of CSV", "DuckDB's sniffer, over all rows")
    table.measure(
        {
            "DuckDB's sniffer, over all rows": lambda: _sniff(path),
            "assay source new, without the trial": lambda: _propose(path),
        }
    )
    return [table]


def _sniff(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"from sniff_csv({literal(str(path))}, sample_size = -1)").fetchall()


def _propose(path: Path) -> None:
    with described("sales", [path], ArchiveLimits()) as files:
        assert propose("sales", files, "bench").identity.key  # noqa: S101
