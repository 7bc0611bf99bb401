"""The keys by which a feed checks signatures, as their places hold them while it is served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from assay.connectors.webhook.notices import problem
from assay.connectors.webhook.signature import Unsigned, check_of
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.contract.yml_feed import REFERENCE
from assay.feeds.errors import FeedError
from assay.feeds.secret_places import forget

_KEPT_SECONDS = 60.0
"""Between two looks at their places: a key that was taken back is good for as long."""
_SOONEST_SECONDS = 5.0
"""Between two looks because of a signature that fits no key, which anybody can send."""


class Keys:
    """Checks signatures, and looks for other keys in time and where none fits.

    Args:
        feed: The feed.

    Raises:
        Permanent: A secret is not there, or is not one.
    """

    def __init__(self, feed: WebhookFeed) -> None:
        self._feed = feed
        self._check = check_of(feed)
        places = {match[1] for secret in feed.secrets for match in REFERENCE.finditer(secret)}
        self._may_change = bool(places - {"env"})
        self._looked_at = time.monotonic()
        self._look: asyncio.Task[None] | None = None

    async def check(self, headers: Mapping[str, str], body: bytes, now: float) -> None:
        """Refuse a request that is not signed, as `Check` does.

        Raises:
            Refused: 401.
        """
        try:
            self._check(headers, body, now)
        except Unsigned:
            if self._look is None:
                if not self._may_change or time.monotonic() < self._looked_at + _SOONEST_SECONDS:
                    raise
                self._look = asyncio.create_task(self._renew())
            await asyncio.shield(self._look)
            self._check(headers, body, now)

    async def renew_on(self) -> None:
        """Look for other keys again and again, as long as the task lives: one that was taken back is not good."""
        while True:
            await asyncio.sleep(_KEPT_SECONDS)
            if self._may_change:
                await self._renew()

    async def _renew(self) -> None:
        """Have the keys that are there now; those from before where that cannot be told."""
        forget()
        try:
            self._check = await asyncio.to_thread(check_of, self._feed)
        except Exception as error:  # noqa: BLE001 - whatever it is, events are taken as before
            name = self._feed.source
            why = str(error) if isinstance(error, FeedError) else f"feed {name}: {type(error).__name__}"
            problem(f"{why}; signatures are checked by the keys from before", feed=name)
        finally:
            self._looked_at, self._look = time.monotonic(), None
