"""One feed of webhooks while it is served: requests become events, share an fsync, and land a moment later."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path

from assay.base.settings import Settings
from assay.connectors.webhook.event import Event
from assay.connectors.webhook.keys import Keys
from assay.connectors.webhook.landing import Lander, Look, feed_folder
from assay.connectors.webhook.log import EventLog
from assay.connectors.webhook.memory import Remembered
from assay.connectors.webhook.notices import problem
from assay.connectors.webhook.signature import Refused
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.feeds.errors import FeedError, Transient
from assay.feeds.last_fetch import note_problem

LARGEST_FILE = 16_000_000
"""Bytes of events for which a file lands before its time."""
_ROOM_SECONDS = 0.5
"""For how long it is taken for granted that the disk has room."""
_LEDGER_SECONDS, _LEDGER_LIMIT_SECONDS = 60.0, 5.0
"""Seconds between two looks at what was loaded; the second one where what waits is near its limit."""
_RETRY_SECONDS = 5.0
_FULL, _FAILED = 60, 5
"""Seconds in Retry-After: where a disk or a backlog has to become smaller, and where a write failed."""


class Intake:
    """Takes the events of a feed whose lock is held.

    Args:
        settings: The lake.
        feed: The feed.
        look: Says where it is.
        pool: Runs what waits for the disk.

    Raises:
        Permanent: A secret is not there.
    """

    def __init__(self, settings: Settings, feed: WebhookFeed, look: Callable[[], Look], pool: Executor) -> None:
        self.feed = feed
        self.keys = Keys(feed)
        self._settings, self._pool = settings, pool
        self._folder = feed_folder(settings, feed.source)
        memory = Remembered(settings.home / "feeds" / f"{feed.source}.deliveries", feed.remember)
        self._events = EventLog(self._folder, memory)
        self._events.recover()
        self.lander = Lander(settings, feed.source, self._events, look)
        self._waiting: list[tuple[list[Event], asyncio.Future[int]]] = []
        self._committing: asyncio.Task[None] | None = None
        self._landing: asyncio.Future[int] | None = None
        self._has_some, self._has_much = asyncio.Event(), asyncio.Event()
        self._room_until = 0.0
        self._ledger_seen, self._ledger_at = self._ledger(), time.monotonic()

    def refuse_without_room(self) -> None:
        """Refuse what could not be stored, or would wait for too long.

        Raises:
            Refused: 503.
        """
        if self.lander.waiting_bytes + self._events.size_bytes > self.feed.backlog:
            raise Refused(503, "too much waits to be loaded", _FULL)
        if time.monotonic() < self._room_until:
            return
        if shutil.disk_usage(_there(self._folder)).free < self.feed.reserve:
            raise Refused(503, "the disk has too little room", _FULL)
        self._room_until = time.monotonic() + _ROOM_SECONDS

    async def store(self, events: list[Event]) -> int:
        """Store events, durable when this returns; gives how many were new.

        Raises:
            Refused: 503: they are not stored.
        """
        stored: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, stored))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit())
        return await stored

    async def begin(self) -> None:
        """Land what a process that died left aside; what cannot land now waits there."""
        try:
            await self._land()
        except (FeedError, OSError) as error:
            self._tell(error)

    async def land_on(self) -> None:
        """Land events again and again, as long as the task lives."""
        while True:
            try:
                await self._something_to_land()
                await self._land()
            except (FeedError, OSError) as error:
                self._tell(error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def end(self) -> bool:
        """Land what is aside, for the last time; whether all of it did. What did not lands at the next start."""
        while self._committing is not None:
            await asyncio.wait([self._committing])
        try:
            if self._events.records:
                await self._land()
        except (FeedError, OSError) as error:
            self._tell(error)
        finally:
            self._events.close()
        return not self._events.records

    async def _commit(self) -> None:
        """Write what waits, a group at a time: while one is synced the next one gathers."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._write(group)
        finally:
            self._committing = None

    async def _write(self, group: list[tuple[list[Event], asyncio.Future[int]]]) -> None:
        counts: list[int] = []
        refusal: Refused | None = Refused(503, "it could not be stored", _FAILED)
        try:
            counts = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._events.append, [events for events, _ in group]
            )
            refusal = None
        except OSError as error:
            name = self.feed.source
            problem(f"feed {name}: {error.strerror or error}; {len(group)} requests are answered 503", feed=name)
        finally:
            for at, (_, stored) in enumerate(group):
                if stored.done():  # its sender went away
                    continue
                if refusal:
                    stored.set_exception(refusal)
                else:
                    stored.set_result(counts[at])
        if self._events.records:
            self._has_some.set()
        if self._events.size_bytes >= LARGEST_FILE:
            self._has_much.set()

    async def _something_to_land(self) -> None:
        while not self._has_some.is_set() and not self._events.records:
            if self.lander.waiting_bytes and self._is_ledger_newer():
                self.lander.forget()
                return
            try:
                await asyncio.wait_for(self._has_some.wait(), _LEDGER_LIMIT_SECONDS)
            except TimeoutError:
                continue
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_much.wait(), self.feed.every)
        self._has_some.clear()
        self._has_much.clear()
        if self._is_ledger_newer():
            self.lander.forget()

    def _is_ledger_newer(self) -> bool:
        """Whether a run has published its ledger since it was asked, which is not done all the time."""
        is_near = 2 * self.lander.waiting_bytes > self.feed.backlog
        if time.monotonic() < self._ledger_at + (_LEDGER_LIMIT_SECONDS if is_near else _LEDGER_SECONDS):
            return False
        before, self._ledger_seen, self._ledger_at = self._ledger_seen, self._ledger(), time.monotonic()
        return self._ledger_seen != before

    def _ledger(self) -> Path | None:
        """The file with what was published last."""
        try:
            return (self._settings.published / "ops.duckdb").resolve(strict=True)
        except OSError:
            return None

    async def _land(self) -> None:
        """Land what is aside; a task that is cancelled meanwhile leaves it under way, and the next one waits for it."""
        if self._landing is not None:
            await asyncio.wait([self._landing])
        self._landing = asyncio.get_running_loop().run_in_executor(self._pool, self.lander.land)
        await asyncio.shield(self._landing)

    def _tell(self, error: FeedError | OSError) -> None:
        name = self.feed.source
        why = str(error)
        if isinstance(error, OSError):
            why = f"feed {name}: {error.filename or self._folder}: {error.strerror or error}; events wait aside"
        problem(why, feed=name)
        note_problem(self._settings, name, error if isinstance(error, FeedError) else Transient(why))


def _there(folder: Path) -> Path:
    """The folder, or the nearest one around it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())
