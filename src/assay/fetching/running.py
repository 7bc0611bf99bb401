"""Running a feed once, or again and again: what passes is tried again with growing pauses, what does not ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from assay.base import clock, log
from assay.base.settings import Settings
from assay.contract.feed import FeedDeclaration
from assay.feeds.backoff import ATTEMPTS, pauses
from assay.feeds.errors import Elsewhere, Permanent, Transient
from assay.feeds.frame import Fetched, Fetching
from assay.feeds.last_fetch import LastFetch, note_fetch, note_pause, note_problem
from assay.feeds.pressure import Gate
from assay.fetching.kinds import fetcher_of

LOOKS_AGAIN = 5.0
"""Seconds after which a feed that pauses looks whether it may go on."""


def run_once(
    settings: Settings,
    declaration: FeedDeclaration,
    tell: Callable[[Fetched], object],
    tell_wait: Callable[[str], object] = lambda _: None,
) -> None:
    """Fetch what is new.

    Args:
        settings: The lake.
        declaration: The feed.
        tell: Gets what landed.
        tell_wait: Gets why it waits before it tries again, and for how long; the log has its own line.

    Raises:
        FeedError: It cannot be fetched, or still not after a few attempts, or it has to pause.
    """
    with _noted(settings, declaration), _alone(settings, declaration) as fetcher:
        if reason := Gate(settings, declaration.source).reason():
            note_pause(settings, declaration.source, reason)
            raise Transient(f"feed {declaration.source} is {reason}")
        for pause in [*islice(pauses(), ATTEMPTS - 1), None]:
            try:
                tell(_attempt(settings, declaration, fetcher))
                fetcher.fold()
                return
            except Transient as error:
                if pause is None:
                    raise
                tell_wait(f"{error}; it is tried again in {max(pause, error.after_seconds):.1f} s")
                _wait(declaration.source, error, pause)


def run_on(
    settings: Settings,
    declaration: FeedDeclaration,
    tell: Callable[[Fetched], object],
    before_rest: Callable[[], object] = lambda: None,
    first_rest: float = 0.0,
) -> None:
    """Fetch what is new again and again, until something that does not pass is in the way or the process is told to
    end.

    Args:
        settings: The lake.
        declaration: The feed.
        tell: Gets what landed.
        before_rest: Called after each fetch that went well, before the next is waited for.
        first_rest: Seconds before the first fetch.

    Raises:
        Elsewhere: Another process fetches it.
        Permanent: Somebody has to do something first.
    """
    with _noted(settings, declaration), _alone(settings, declaration) as fetcher:
        waits, gate = pauses(), Gate(settings, declaration.source)
        time.sleep(first_rest)
        while True:
            if _is_paused(settings, declaration, gate):
                time.sleep(min(LOOKS_AGAIN, declaration.every))
                continue
            try:
                tell(_attempt(settings, declaration, fetcher))
            except Transient as error:
                pause = next(waits)
                _wait(declaration.source, error, pause)
            else:
                waits = pauses()
                fetcher.fold()
                before_rest()
                time.sleep(declaration.every)


@contextmanager
def _alone(settings: Settings, declaration: FeedDeclaration) -> Iterator[Fetching]:
    """What fetches a feed, with its lock held within the block."""
    fetcher = fetcher_of(settings, declaration)
    with fetcher.alone():
        yield fetcher


@contextmanager
def _noted(settings: Settings, declaration: FeedDeclaration) -> Iterator[None]:
    """Note what ends the block, as far as it is of this feed; that another process fetches it is no problem of it."""
    try:
        yield
    except Permanent as error:
        if not isinstance(error, Elsewhere):
            note_problem(settings, declaration.source, error)
        raise


def _is_paused(settings: Settings, declaration: FeedDeclaration, gate: Gate) -> bool:
    """Whether no fetch may begin now; noted, and said once."""
    last = LastFetch.read(settings, declaration.source)
    was, reason = last.paused if last else "", gate.reason()
    note_pause(settings, declaration.source, reason)
    if bool(reason) != bool(was):
        until_loss = last.until_loss(clock.now()) if last else None
        log.warning(
            f"feed {declaration.source} is {reason or 'not paused any more'}",
            feed=declaration.source,
            until_loss_seconds=until_loss,
        )
    return bool(reason)


def _attempt(settings: Settings, declaration: FeedDeclaration, fetcher: Fetching) -> Fetched:
    """One fetch, noted however it ends.

    Raises:
        FeedError: It did not go well; of a disk that fails or is full a Transient.
    """
    began = time.monotonic()
    try:
        fetched = fetcher.fetch()
    except Transient as error:
        note_problem(settings, declaration.source, error)
        raise
    except OSError as error:
        place = error.filename or settings.landing
        problem = f"feed {declaration.source}: {place}: {error.strerror or error}; nothing landed"
        note_problem(settings, declaration.source, Transient(problem))
        raise Transient(problem) from None
    note_fetch(settings, declaration.source, fetched, time.monotonic() - began)
    return fetched


def _wait(feed: str, error: Transient, pause: float) -> None:
    """Wait before the next attempt, for as long as the source asks for where that is longer."""
    seconds = max(pause, error.after_seconds)
    log.warning(str(error), feed=feed, tried_again_in_seconds=round(seconds, 1))
    time.sleep(seconds)
