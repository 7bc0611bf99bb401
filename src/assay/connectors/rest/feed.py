"""The kind of feed that reads an HTTP API: whole, or by windows of time.

A window has one upper bound, which is fixed before it is asked for, and lands when all of its pages were read and the
last one is known to be the last. Keep out: pages (`pages.py`), requests (`client.py`), files and positions as
names (`frame.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from assay.base import clock, log
from assay.connectors.rest.client import Client
from assay.connectors.rest.document import Page
from assay.connectors.rest.exchange import Response
from assay.connectors.rest.hook import HookWindow, hook_pages
from assay.connectors.rest.pages import Ask, Walk
from assay.connectors.rest.sample import sample_of_lines
from assay.connectors.rest.times import asked, parsed, step_of, written
from assay.contract.feed_kinds.rest import RestFeed, Window
from assay.feeds.content import Lines
from assay.feeds.errors import Permanent, Transient
from assay.feeds.frame import Batch
from assay.feeds.names import WHOLE
from assay.feeds.position import Position
from assay.feeds.sample import Sample

PARTITION = "window"
_TICK = 2.0
"""Seconds by which the clock of a server that is right may differ: it says whole ones, and the way takes some."""


class RestReader:
    """An HTTP API.

    Args:
        declaration: The feed, as the yml declares it.
        token_file: Where tokens that can be used once are kept.
        project: The dbt project, in which a hook stands.
    """

    def __init__(self, declaration: RestFeed, token_file: Path, project: Path) -> None:
        self._feed, self._token_file, self._project = declaration, token_file, project
        self._client: Client | None = None
        self._ended_by = ""

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:
        """What is new since a position; see `frame.Feed`."""
        # Kept from one fetch to the next: the connection, and tokens that are good for a while.
        client = self._client = self._client or Client(self._feed, self._token_file)
        if self._feed.window is None:
            yield Batch(WHOLE, None, read_at, Lines(self._lines(client, None)), lag_seconds=0.0)
        else:
            yield from self._windows(client, self._feed.window, position.end_of(PARTITION))

    def sample(self, count: int) -> Sample:
        """The members of the first records, by one request."""
        with Client(self._feed, self._token_file) as client:
            span = None
            if self._feed.window is not None:
                window, now = self._feed.window, _now()
                start = max(window.start, now - window.size) if window.size else window.start
                span = (min(start, now), now, True)
            if self._feed.hook:
                pages: Iterable[list[bytes]] = hook_pages(self._feed, client, self._named(span), self._project)
                lines = next((page for page in pages if page), [])
            else:
                lines = self._walk(client, span).first().lines
            return sample_of_lines(lines[:count])

    def _windows(self, client: Client, window: Window, landed: str | None) -> Generator[Batch | str]:
        """Each window that has records as a batch; one without leads on to the next, and both are one range then."""
        bound = _now()
        start, before = datetime.fromisoformat(landed) if landed else window.start, landed
        at, is_first, empty = start, landed is None, 0
        while at < bound:
            end = min(at + window.size, bound) if window.size else bound
            records = self._lines(client, (at, end, is_first))
            some = [*itertools.islice(records, 1)]
            lag = (clock.now() - end).total_seconds()
            if some:
                content = Lines(itertools.chain(some, records))
                yield Batch(PARTITION, landed, _position(end), content, lag_seconds=lag)
                landed, is_first = _position(end), False
            elif end < bound:
                empty += 1
            if not some and end == bound and empty and at > start:
                # What is known to be empty is not asked for again by the next fetch: one file without records says it.
                yield Batch(PARTITION, landed, _position(at), Lines(()), lag_seconds=lag)
            empty = 0 if some else empty
            at = end
        if landed and landed != before:
            yield f"the last page of the last window: {self._ended_by}"

    def _named(self, span: tuple[datetime, datetime, bool] | None) -> HookWindow:
        window = self._feed.window
        if window is None or span is None:
            return HookWindow()
        since, until = asked(window, span[0], span[1], is_first=span[2])
        return HookWindow(written(since, window.format), written(until, window.format))

    def _lines(self, client: Client, span: tuple[datetime, datetime, bool] | None) -> Iterator[bytes]:
        """The records of a window, or of all; ends without an error only when they were all of them."""
        if self._feed.hook:
            yield from itertools.chain.from_iterable(hook_pages(self._feed, client, self._named(span), self._project))
            self._note(client, span, "the hook", None)
            return
        first = None
        if self._feed.paging.is_twice:
            first = self._walk(client, span)
            for _ in first.lines():
                pass
        walk = self._walk(client, span)
        yield from walk.lines()
        if first is not None and first.digest.digest() != walk.digest.digest():
            raise Transient(f"feed {self._feed.source}: the second reading gave other records: they changed meanwhile")
        self._note(client, span, walk.ended_by, walk)

    def _walk(self, client: Client, span: tuple[datetime, datetime, bool] | None) -> Walk:
        def send(ask: Ask) -> Response:
            return client.get(ask.link, dict(ask.params), ask.base)

        window, params = self._feed.window, dict(client.params)
        if window is None or span is None:
            return Walk(self._feed, send, client.told, params)
        named = self._named(span)
        for name, value in params.items():
            params[name] = value.replace("{from}", named.since).replace("{until}", named.until)
        params |= {name: text for name, text in ((window.since, named.since), (window.until, named.until)) if name}
        has_until = bool(window.until) or any("{until}" in text for text in self._feed.params.values())
        look = _Looking(window, span, has_until)
        wanted = (window.cursor,) if window.cursor else ()
        is_by_time = self._feed.paging.is_inclusive and self._feed.paging.key == window.cursor
        bound = _position(span[1]) if is_by_time else None
        return Walk(self._feed, send, client.told, params, look.check, wanted, bound)

    def _note(
        self, client: Client, span: tuple[datetime, datetime, bool] | None, ended_by: str, walk: Walk | None
    ) -> None:
        window = self._feed.window
        if window is not None and client.skew_seconds > window.lag.total_seconds() + _TICK:
            raise Permanent(
                f"feed {self._feed.source}: the clock of the API is {client.skew_seconds:,.0f} seconds behind, so "
                "records may come with times that were read already; set window: lag to more than that"
            )
        self._ended_by = ended_by
        log.info(
            "feed pages",
            feed=self._feed.source,
            start=_position(span[0]) if span else None,
            end=_position(span[1]) if span else None,
            pages=walk.pages if walk else None,
            records=walk.records if walk else None,
            ended_by=ended_by,
        )


class _Looking:
    """Looks whether the API did as it was asked: an API that does not know a parameter gives everything."""

    def __init__(self, window: Window, span: tuple[datetime, datetime, bool], has_until: bool) -> None:
        self._window, self._has_until = window, has_until
        self._since, self._until = asked(window, span[0], span[1], is_first=span[2])

    def check(self, page: Page) -> None:
        """Refuse a page with a record before the window, or with none before its end.

        Raises:
            Permanent: It is one.
        """
        window = self._window
        if not window.cursor:
            return
        times = []
        for number, (value, *_) in enumerate(page.values):
            moment = parsed(value)
            if moment is None:
                raise Permanent(
                    f"record {number:,} of a page has no time at {window.cursor}, by which windows are checked; "
                    "correct `cursor`"
                )
            times.append(moment)
        early = [moment for moment in times if moment < self._since - step_of(window.format)]
        if early:
            raise Permanent(
                f"records from {_position(self._since)} on were asked for, and one has {window.cursor} "
                f"{_position(min(early))}: is `from` what the API calls the parameter, and `cursor` what it means?"
            )
        if times and self._has_until and min(times) > self._until + step_of(window.format):
            raise Permanent(
                f"records until {_position(self._until)} were asked for, and all of a page come after it; is `until` "
                "what the API calls the parameter?"
            )


def _now() -> datetime:
    return clock.now().astimezone(UTC).replace(microsecond=0)


def _position(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
