"""A feed of webhooks for who does not serve it: where it is, and a new epoch."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime

from assay.base.settings import Settings
from assay.connectors.webhook.landing import PARTITION, Look, unlanded
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.feeds.errors import FeedError, Permanent
from assay.feeds.frame import Batch, Fetched, Fetcher
from assay.feeds.places import ledger_of
from assay.feeds.position import Position


class _Brought:
    """What nobody fetches."""

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:
        """See `Feed`."""
        raise NotImplementedError


class WebhookFetcher(Fetcher):
    """Says where a feed of webhooks is."""

    def __init__(self, settings: Settings, declaration: WebhookFeed) -> None:
        super().__init__(settings, declaration, _Brought())

    def fetch(self) -> Fetched:
        """See `Fetching`.

        Raises:
            Permanent: Always.
        """
        raise Permanent(
            f"feed {self._name}: webhooks are not fetched, their senders bring them: `assay serve` takes those of all "
            f"feeds, and `assay feed test {self._name}` shows how to send one"
        )

    def look(self) -> Look:
        """Where the feed is, by landing, ledger and journal; for who holds its lock, or has it held meanwhile.

        What is loaded by now is folded.
        """
        try:
            self.fold()
            journal, position = self._positions(ledger_of(self._settings, self._name))
            names = self._store.names()
        except FeedError as error:
            return Look(problem=str(error))
        files = {(stat.st_dev, stat.st_ino) for path in names if (stat := (self._settings.landing / path).stat())}
        aside = unlanded(self._settings, self._name)
        return Look(
            epoch=position.epoch,
            end=int(position.end_of(PARTITION) or 0),
            last_read_at=(position.last_read_at or datetime.min).isoformat(),
            waiting_bytes=sum(batch.size_bytes for batch in journal.landed.values()),
            landed=[path.name for path in aside if (path.stat().st_dev, path.stat().st_ino) in files],
        )
