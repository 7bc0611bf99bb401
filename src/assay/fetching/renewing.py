"""Secrets that were rotated while a feed runs: what a source refuses is tried once more with those of now.

What a connector keeps (a client, a token) goes by the secrets that it was made with, so another one is made of those.
That a source refuses a secret looks different at each of them; that a place holds another one is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from assay.base import log
from assay.feeds.errors import Elsewhere, Permanent, PositionLost
from assay.feeds.frame import Fetched, Fetching
from assay.feeds.secret_places import have_changed


class Renewing:
    """Fetches as another does, which is made anew where a secret has changed since; see `Fetching`.

    Args:
        feed: Its name.
        make: Makes what fetches, which holds no secret before it is asked to.
    """

    def __init__(self, feed: str, make: Callable[[], Fetching]) -> None:
        self._feed, self._make = feed, make
        self._fetching = make()
        self._held = ExitStack()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Fetching`."""
        with self._held:
            self._held.enter_context(self._fetching.alone())
            yield

    def begin_epoch(self) -> int:
        """See `Fetching`."""
        return self._fetching.begin_epoch()

    def fold(self) -> int:
        """See `Fetching`."""
        return self._fetching.fold()

    def fetch(self) -> Fetched:
        """See `Fetching`."""
        try:
            return self._fetching.fetch()
        except (Elsewhere, PositionLost):
            raise
        except Permanent as error:
            if not have_changed():
                raise
            log.warning(f"{error}; a secret has changed, and it is tried once more", feed=self._feed)
        self._held.close()
        self._fetching = self._make()
        self._held.enter_context(self._fetching.alone())
        return self._fetching.fetch()
