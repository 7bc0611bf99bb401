"""`assay feed status`: how far each feed is, for people and, with stable keys, for programs."""

from __future__ import annotations

import json
import sys
from datetime import datetime

from rich.markup import escape
from rich.table import Table

from assay.base.printable import printable
from assay.base.settings import Settings
from assay.cli.console import out
from assay.cli.feeds import NONE, declared
from assay.fetching.standing import Standing
from assay.fetching.supervision import read_children
from assay.publish.heartbeat import lasted

_COLUMNS = (
    *("feed", "state", "epoch", "position", "not loaded", "folded"),
    *("last fetch", "lag", "until loss", "speed"),
)


def status(*, as_json: bool) -> None:
    """Print how far each feed is."""
    settings = Settings.from_env()
    _, feeds = declared(settings)
    children = read_children(settings) or {}
    standings = [Standing.of(settings, feed, children.get(name)) for name, feed in feeds.items()]
    if as_json:
        sys.stdout.write(json.dumps([standing.values() for standing in standings], indent=2) + "\n")
        return
    table = Table(
        "feed", "state", "epoch", "position", "not loaded", "folded", "last fetch", "lag", "until loss", "speed"
    )
    for standing in standings:
        table.add_row(*_cells(standing))
    out.print(table if feeds else NONE)
    for standing in standings:
        out.print(f"{standing.feed.source}: {escape(standing.sentence)}", highlight=False, soft_wrap=True)


def _cells(standing: Standing) -> tuple[str, ...]:
    """What people are told, in a row."""
    values = standing.values()
    lag, records, loss = values["lag_seconds"], values["lag_records"], values["until_loss_seconds"]
    speed, size = values["records_per_second"], values["bytes_per_second"]
    ends = [printable(end) for _, end in standing.progress.position.ends]
    behind = [f"{lag:,.1f} s"] if lag is not None else []
    behind += [f"{records:,} records"] if records is not None else []
    return (
        standing.feed.source,
        standing.state,
        str(standing.progress.position.epoch),
        escape(", ".join(ends) or "the beginning"),
        f"{standing.progress.waiting:,}",
        f"{values['batches_folded']:,} in {values['folds']:,}" if values["folds"] else "",
        _ago(standing),
        ", ".join(behind),
        "" if loss is None else "over" if loss <= 0 else lasted(loss),
        "" if speed is None or size is None else f"{speed:,.0f} records, {size / 1e6:,.2f} MB a second",
    )


def _ago(standing: Standing) -> str:
    """How long ago a fetch ended."""
    if standing.last is None or not standing.last.at:
        return "never"
    return f"{lasted((standing.now - datetime.fromisoformat(standing.last.at)).total_seconds())} ago"
