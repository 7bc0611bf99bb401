"""Running a feed once, or again and again: what passes is tried again with growing pauses, what does not ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from assay.base import log
from assay.base.settings import Settings
from assay.contract.feed import FeedDeclaration
from assay.feeds.backoff import ATTEMPTS, pauses
from assay.feeds.errors import FeedError, Transient
from assay.feeds.frame import Fetched, Fetching
from assay.feeds.kinds import fetcher_of
from assay.feeds.last_fetch import note_fetch


def run_once(settings: Settings, declaration: FeedDeclaration, tell: Callable[[Fetched], object]) -> None:
    """Fetch what is new.

    Args:
        settings: The lake.
        declaration: The feed.
        tell: Gets what landed.

    Raises:
        FeedError: It cannot be fetched, or still not after a few attempts.
    """
    fetcher = fetcher_of(settings, declaration)
    with fetcher.alone():
        for pause in [*islice(pauses(), ATTEMPTS - 1), None]:
            try:
                tell(_attempt(settings, declaration, fetcher))
                return
            except Transient as error:
                if pause is None:
                    raise
                _wait(error, pause)


def run_on(settings: Settings, declaration: FeedDeclaration, tell: Callable[[Fetched], object]) -> None:
    """Fetch what is new again and again, until something that does not pass is in the way or the process is told to
    end.

    Raises:
        Permanent: Somebody has to do something first.
    """
    fetcher = fetcher_of(settings, declaration)
    with fetcher.alone():
        waits = pauses()
        while True:
            try:
                tell(_attempt(settings, declaration, fetcher))
            except Transient as error:
                pause = next(waits)
                _wait(error, pause)
            else:
                waits = pauses()
                time.sleep(declaration.every)


def _attempt(settings: Settings, declaration: FeedDeclaration, fetcher: Fetching) -> Fetched:
    """One fetch, noted however it ends.

    Raises:
        FeedError: It did not go well; of a disk that fails or is full a Transient.
    """
    try:
        fetched = fetcher.fetch()
    except FeedError as error:
        note_fetch(settings, declaration.source, None, str(error))
        raise
    except OSError as error:
        place = error.filename or settings.landing
        problem = f"feed {declaration.source}: {place}: {error.strerror or error}; nothing landed"
        note_fetch(settings, declaration.source, None, problem)
        raise Transient(problem) from None
    note_fetch(settings, declaration.source, fetched)
    return fetched


def _wait(error: Transient, pause: float) -> None:
    """Wait before the next attempt, for as long as the source asks for where that is longer."""
    seconds = max(pause, error.after_seconds)
    log.warning(str(error), tried_again_in_seconds=round(seconds, 1))
    time.sleep(seconds)
