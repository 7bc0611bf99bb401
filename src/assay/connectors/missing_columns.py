"""Columns of a contract that a table does not have."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.errors import Permanent


def refuse_missing(feed: TableFeed, names: Sequence[str], columns: Collection[str]) -> None:
    """Refuse a table without some columns.

    Args:
        feed: What is read.
        names: The columns that are needed.
        columns: Those that it has.

    Raises:
        Permanent: One is missing.
    """
    if missing := [name for name in names if name not in columns]:
        raise Permanent(
            f"feed {feed.source}: {'.'.join(feed.table)} has no column {missing[0]}, which the contract's key names"
        )
