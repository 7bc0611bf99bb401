"""Lands the changes of a table, and between two fetches only looks whether there are any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assay.base.settings import Settings
from assay.connectors.postgres.changes import ChangesFeed
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.frame import Fetched, Fetcher
from assay.feeds.places import lock_file

IDLE_SECONDS = 30.0
"""For how long nothing but the log is looked at while it has nothing for the feed."""


class ChangesFetcher(Fetcher):
    """As `Fetcher`; a fetch that follows one that went well waits for something to come.

    A log is looked at each second, and what a fetch looks at beside it (landing, the ledger) would cost more than an
    idle feed may. The first fetch waits for nothing, so who fetches once is not kept.

    Args:
        settings: The lake.
        declaration: The feed, as the yml declares it.
    """

    def __init__(self, settings: Settings, declaration: TableFeed) -> None:
        self._changes = ChangesFeed(declaration, lock_file(settings, declaration.source).parent)
        super().__init__(settings, declaration, self._changes)
        self._is_settled = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Fetcher`; the connection is given back after the block."""
        with super().alone():
            try:
                yield
            finally:
                self._changes.close()

    def fetch(self) -> Fetched:
        """See `Fetcher`."""
        is_settled, self._is_settled = self._is_settled, False
        if is_settled:
            self._changes.wait(IDLE_SECONDS)
        fetched = super().fetch()
        self._is_settled = True
        return fetched
