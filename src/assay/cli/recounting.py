"""`assay recount`: hold kept counts against the rows, and keep those of the rows where that is wanted."""

from __future__ import annotations

import getpass
import uuid

from rich.markup import escape

from assay.base import log
from assay.checks.kept_counts import Correction, compare, correct
from assay.cli.console import out, progress
from assay.cli.running import prepare
from assay.contract.catalog import Catalog
from assay.contract.errors import ContractError
from assay.contract.names import table_of
from assay.publish.run_session import open_session


def recount(source: str, because: str, by: str) -> int:
    """Print what a count of all rows gives otherwise than is kept, and keep that where there is a reason to.

    Args:
        source: e.g. `products`.
        because: Why the rows are right; empty to only look.
        by: Who says so; empty for the user of the operating system.

    Returns:
        0.

    Raises:
        ContractError: There is no such source, or no silver table takes it in.
        RowsDoNotAddUp: It is the rows that are wrong.
    """
    settings = prepare()
    catalog = Catalog.read(settings.dbt_project)
    silver = catalog.silver_of(source) if source in catalog.contracts else None
    if silver is None:
        raise ContractError(f"there is no source {source!r}; there are {', '.join(sorted(catalog.contracts))}")
    contract = catalog.contracts[source]
    run_id = f"recount-{uuid.uuid4()}"
    with (
        progress("waiting for the lake") as tell,
        open_session(settings, catalog, run_id, is_run=False, tell=tell) as lake,
    ):
        tell(f"counting every row of {source}")
        correction = compare(lake.connection, contract, table_of(silver))
        _show(source, correction)
        if because and not correction.is_empty:
            who = by or getpass.getuser()
            correct(lake.connection, contract, table_of(silver), correction, because, who)
            log.info("counts corrected", run=run_id, source=source, by=who, because=because)
            out.print("The counts of the rows are kept from now on; the next run goes on from there.")
    return 0


def _show(source: str, correction: Correction) -> None:
    if correction.is_empty:
        out.print(f"{escape(source)}: the counts that are kept are those of its rows", highlight=False)
    for term in correction.terms:
        out.print(f"{term['term']}: {term['kept']:,} are kept, {term['counted']:,} were counted", highlight=False)
    for file_id, path in correction.files:
        out.print(f"the counts of {escape(path) or f'content {file_id}'} differ", highlight=False)
