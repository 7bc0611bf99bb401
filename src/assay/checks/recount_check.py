"""The check `recount`, which reads all files again; too slow for every run, so only `assay check` runs it."""

from __future__ import annotations

from assay.checks import conservation
from assay.checks.recount import recount
from assay.checks.results import CheckResult, Rule
from assay.checks.session import Session
from assay.contract.names import TableName, table_of

SHOWN = 5


def check_recount(lake: Session, source: str, silver: str) -> CheckResult:
    """Read all files of a source again and compare with the ledger and with silver.

    Args:
        lake: The open lake.
        source: e.g. `products`.
        silver: The model that takes it in.
    """
    counted = recount(lake.connection, lake.settings.landing, lake.catalog.contracts[source])
    stored = conservation.count(lake.connection, lake.catalog.contracts[source], table_of(silver))
    duplicates = stored.duplicates_identical + stored.duplicates_conflicting
    differing = tuple(dict(zip(("file", "ledger", "counted"), row, strict=True)) for row in counted.differing[:SHOWN])
    odd = conservation.files_that_disagree(lake.connection, source, None)
    rules = (
        Rule(
            "files_hold_what_the_ledger_says",
            "the same number of records",
            f"{len(counted.differing)} of {counted.files:,} files differ; {len(counted.gone)} are gone from landing",
            not counted.differing,
            differing,
        ),
        Rule(
            "every_file_could_be_counted",
            "each is whole, and within the memory that there is; see ASSAY_MEMORY_LIMIT",
            f"{len(counted.uncounted)} of {counted.files + len(counted.uncounted):,} files could not be counted"
            + "".join(f": {file}: {why}" for file, why in counted.uncounted[:1]),
            not counted.uncounted,
            tuple(dict(zip(("file", "reason"), row, strict=True)) for row in counted.uncounted[:SHOWN]),
        ),
        Rule(
            "all_files_add_up",
            "read = rows in bronze + malformed in each file",
            f"{len(odd)} files disagree" if odd else "all files agree",
            not odd,
            tuple(dict(zip(("path", "read", "rows", "malformed"), row, strict=True)) for row in odd),
        ),
        Rule(
            "duplicates_counted_from_bronze",
            f"{counted.duplicates:,} rows beyond the first of their key",
            f"{duplicates:,} in silver's own count",
            counted.duplicates == duplicates,
        ),
    )
    gone = f"; {len(counted.gone)} files are gone and could not be read again" if counted.gone else ""
    holds = f"{counted.records:,} records in {counted.files:,} files counted again{gone}"
    return CheckResult(table_of(silver), "recount", rules, holds, (TableName.of_source(source).table, table_of(silver)))
