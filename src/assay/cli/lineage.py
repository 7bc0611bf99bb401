"""`assay lineage`: events of OpenLineage about the last runs, to a file or a server."""

from __future__ import annotations

import time
from pathlib import Path

from rich.markup import escape

from assay.base.atomic_write import place
from assay.base.settings import Settings
from assay.cli.console import err
from assay.cli.published_lake import published_lake
from assay.consumers.openlineage import NotSent, as_lines, lineage_events, send
from assay.contract.catalog import Catalog
from assay.tables.dbt import compile_models, parse_if_changed


def tell(to: str, namespace: str) -> None:
    """Write or send the events.

    Args:
        to: A file, which gets a line of JSON for each event, or an URL.
        namespace: Of jobs and tables.

    Raises:
        NothingPublished: No run has ended yet.
        NotSent: The events were not taken.
    """
    settings = Settings.from_env()
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    with published_lake(settings) as connection:
        events = lineage_events(connection, catalog, compile_models(settings), namespace)
    if to.startswith(("http://", "https://")):
        send(events, to)
    else:
        target = Path(to)
        if target.is_dir() or not target.absolute().parent.is_dir():
            raise NotSent(f"{to} is not a file in a folder that is there, and not an URL with http:// or https://")
        place(target, as_lines(events).encode(), mtime=time.time())
    err.print(f"[bold]assay:[/] {len(events):,} events to {escape(to)}", highlight=False, soft_wrap=True)
