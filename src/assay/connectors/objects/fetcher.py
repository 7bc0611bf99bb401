"""Lands the objects of a place: each as a file with its own bytes and name, a newer version in the place of the older.

An object is known by its key and version, and what has landed is noted in an index (`index.py`). A file in
landing is replaced only when the published ledger says that it was loaded or refused; until then the newer version
waits. Belongs here: what is fetched, and when. Keep out: how a place is asked (`source.py`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain

from assay.base import log
from assay.base.printable import printable
from assay.base.settings import Settings
from assay.connectors.objects.index import ObjectIndex
from assay.connectors.objects.listings import Listings
from assay.connectors.objects.names import path_of, problem_of
from assay.connectors.objects.placing import Placing
from assay.connectors.objects.source import Changed, Denied, Gone, ObjectSource, OneObject, Seen, Waits
from assay.connectors.objects.told import Told
from assay.contract.feed import FOLDER
from assay.contract.feed_kinds.objects import NAME, OBJECTS, ObjectsFeed
from assay.feeds.errors import Permanent
from assay.feeds.frame import Fetched
from assay.feeds.journal import Landed
from assay.feeds.landing import BatchStore
from assay.feeds.places import alone, objects_file


class ObjectsFetcher:
    """Lands the objects of a place; `Fetching`. Only who holds its lock may fetch.

    Args:
        settings: The lake.
        declaration: The feed, as the yml declares it.
        source: The place.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        settings: Settings,
        declaration: ObjectsFeed,
        source: ObjectSource,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._feed = declaration
        self._source = source
        self._sleep = sleep
        self._claims = declaration.landed_glob.claims
        self._store = BatchStore(settings.landing, declaration.source, settings.settle_seconds)
        self._placing = Placing(settings, declaration.source)
        self._listings = Listings(declaration.recent)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the feed's lock within the block.

        Raises:
            Permanent: Another process fetches this feed.
        """
        with alone(self._settings, self._feed.source):
            self._store.clean()
            yield

    def fold(self) -> int:
        """See `Fetching`: files land as the source's own and stay so."""
        return 0

    def begin_epoch(self) -> int:
        """Begin anew: the next fetch reads all objects again; within `alone`."""
        with ObjectIndex.opened(objects_file(self._settings, self._feed.source)) as index:
            return index.begin_epoch()

    def fetch(self) -> Fetched:
        """Land what is new; within `alone`.

        Raises:
            Permanent: The place cannot be read until somebody does something.
            Transient: It cannot be read now, or the listing did not come to its end.
            OSError: A file cannot be written; nothing of it is there then.
        """
        before, fetched, told = time.monotonic(), Fetched(unit="objects"), Told()
        with ObjectIndex.opened(objects_file(self._settings, self._feed.source)) as index:
            self._placing.review(index)
            with self._source.connected():
                for page in self._new(index, told):
                    self._land_all(self._placing.free(page, index, told), index, told, fetched)
            for note in self._source.notes():
                told.note(note)
        if told.denied and not told.read:
            raise Permanent(f"feed {self._feed.source}: {self._feed.where}: nothing may be read: {told.sentence()}")
        fetched.note, fetched.lag_seconds = told.sentence(), told.lag_seconds()
        log.info(
            "feed",
            feed=self._feed.source,
            objects=fetched.records,
            size_bytes=fetched.size_bytes,
            listed=told.listed,
            lag_seconds=fetched.lag_seconds,
            seconds=round(time.monotonic() - before, 3),
            note=fetched.note or None,
        )
        return fetched

    def _new(self, index: ObjectIndex, told: Told) -> Iterator[list[tuple[Seen, str]]]:
        """Objects of the source that did not land in this version, each with its path."""
        if not (self._source.settle_seconds or self._feed.done):
            for folder in self._listings.folders():
                for page in self._source.pages(folder):
                    yield self._unknown(page, index, told)
            self._listings.end()
            return
        markers: dict[str, float] = {}
        new = list(chain.from_iterable(self._unknown(page, index, told, markers) for page in self._source.pages()))
        if self._feed.done:
            whole = [one for one in new if markers.get(self._marker(one[0].key), -1.0) >= one[0].modified]
            told.unmarked += len(new) - len(whole)
            yield whole
        elif new:
            self._sleep(self._source.settle_seconds)  # what is another version by then is told when it is downloaded
            yield new

    def _unknown(
        self, page: Sequence[Seen], index: ObjectIndex, told: Told, markers: dict[str, float] | None = None
    ) -> list[tuple[Seen, str]]:
        told.listed += len(page)
        if markers is not None:
            markers.update((seen.key, seen.modified) for seen in page if self._is_marker(seen.key))
        claimed: list[tuple[Seen, str]] = []
        for seen in page:
            path = f"{FOLDER}/{self._feed.source}/{OBJECTS}/{path_of(seen.key)}"
            is_folder = seen.key.endswith("/") and not seen.size
            if self._claims(path) and not is_folder and not self._is_marker(seen.key):
                if problem := problem_of(path):
                    told.refuse(seen.key, f"{problem}; rename it")
                else:
                    claimed.append((seen, path))
        known = index.versions([seen.key for seen, _ in claimed])
        return [(seen, path) for seen, path in claimed if known.get(seen.key) != seen.version]

    def _is_marker(self, key: str) -> bool:
        if not self._feed.done:
            return False
        before, after = self._feed.done.split(NAME)
        name = key.rpartition("/")[2]
        return name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)

    def _marker(self, key: str) -> str:
        folder, slash, name = key.rpartition("/")
        return f"{folder}{slash}{self._feed.done.replace(NAME, name)}"

    def _land_all(self, new: Sequence[tuple[Seen, str]], index: ObjectIndex, told: Told, fetched: Fetched) -> None:
        """Download and land objects, several at the same time; each is noted when it is durable."""
        if not new:
            return
        with ThreadPoolExecutor(self._source.at_once, thread_name_prefix="object") as pool:
            waiting: deque[tuple[Seen, Future[tuple[Landed, bool]]]] = deque()
            try:
                for seen, path in new:
                    waiting.append((seen, pool.submit(self._land, seen, path)))
                    if len(waiting) >= 2 * self._source.at_once:
                        self._note(*waiting.popleft(), index, told, fetched)
                while waiting:
                    self._note(*waiting.popleft(), index, told, fetched)
            finally:
                for _, future in waiting:
                    future.cancel()

    def _land(self, seen: Seen, path: str) -> tuple[Landed, bool]:
        with self._store.aside() as aside:
            self._source.download(seen, aside)
            return self._placing.place(aside, path)

    @staticmethod
    def _note(
        seen: Seen, future: Future[tuple[Landed, bool]], index: ObjectIndex, told: Told, fetched: Fetched
    ) -> None:
        try:
            landed, is_new = future.result()
        except Changed:
            told.changing += 1
            told.late(seen.modified)
        except Gone:
            pass
        except Waits:
            told.waiting += 1
            told.late(seen.modified)
        except OneObject as problem:
            told.refuse(seen.key, str(problem), is_denied=isinstance(problem, Denied))
        else:
            told.read += 1
            index.note(seen, landed)
            if is_new:
                fetched.records += 1
                fetched.size_bytes += landed.size_bytes
                fetched.batches.append(printable(landed.path))
