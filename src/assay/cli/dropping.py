"""`assay drop`: list what left the project, and remove it from the warehouse."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from rich.markup import escape

from assay.base import log
from assay.cli.console import out, progress
from assay.cli.running import prepare
from assay.contract.catalog import Catalog
from assay.publish.run_session import open_session
from assay.tables.dropping import drop, plan_drops


def drop_retired(names: Sequence[str], *, is_sure: bool) -> int:
    """Print what would be removed, and remove it where that is wanted.

    Args:
        names: Tables and sources that are not in the project any more.
        is_sure: Whether to remove it.

    Returns:
        0.

    Raises:
        ContractError: One is in the project, or nothing of that name is stored.
    """
    settings = prepare()
    catalog = Catalog.read(settings.dbt_project)
    run_id = f"drop-{uuid.uuid4()}"
    with (
        progress("waiting for the lake") as tell,
        open_session(settings, catalog, run_id, is_run=False, tell=tell) as lake,
    ):
        planned = plan_drops(lake.connection, catalog, settings.landing, names)
        for item in planned:
            out.print(f"[bold]{escape(item.retired.name)}[/]", highlight=False)
            for sentence in item.sentences:
                out.print(f"  - {escape(sentence)}", highlight=False, soft_wrap=True)
        if is_sure:
            drop(lake.connection, catalog, planned)
            for item in planned:
                log.info("dropped", run=run_id, table=item.retired.name, rows=item.retired.rows)
    done = "dropped" if is_sure else f"nothing was dropped; `assay drop {escape(' '.join(names))} --yes` does it"
    out.print(done, highlight=False)
    return 0
