"""`assay feed run NAME --compare-keys`: what a source deleted, which a watermark does not see."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from assay.base import log
from assay.base.printable import printable
from assay.base.settings import Settings
from assay.cli.console import complain, out
from assay.cli.feeds import FAILED, declared, known_feed
from assay.contract.masking import hidden_columns
from assay.contract.names import TableName
from assay.contract.personal import MASKED
from assay.feeds.errors import FeedError
from assay.fetching.deleted_keys import SHOWN, compare_keys
from assay.fetching.kinds import keys_of

GONE = 3
"""The exit code where keys are gone."""


def compare(name: str) -> int:
    """Show the keys of silver that are no longer at the source; gives the exit code."""
    settings = Settings.from_env()
    log.configure(settings)
    try:
        catalog, feeds = declared(settings)
        feed = known_feed(feeds, name)
        comparison = compare_keys(settings, catalog.contracts[name], keys_of(feed))
    except FeedError as error:
        complain(str(error), feed=name)
        return FAILED
    silver = TableName("silver", name).table
    if not comparison.gone:
        out.print(f"{name}: each of the {comparison.keys:,} keys of {silver} is at the source", highlight=False)
        return 0
    hidden = hidden_columns(catalog, silver, comparison.columns)
    shown = Table(*(escape(printable(column)) for column in comparison.columns))
    for key in comparison.first:
        cells = zip(key, comparison.columns, strict=True)
        shown.add_row(*(MASKED if column in hidden else escape(printable(value or "NULL")) for value, column in cells))
    out.print(
        f"{name}: {comparison.gone:,} of {comparison.keys:,} keys of {silver} are not at the source any more; "
        f"{'the first are' if comparison.gone > SHOWN else 'they are'}:",
        highlight=False,
    )
    out.print(shown)
    out.print("nothing was changed; docs/feeds.md says what to do: #rows-that-the-source-deleted", highlight=False)
    return GONE
