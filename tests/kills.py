"""A feed's process that is killed again and again while its source restarts, its network is cut and its disk is full.

How often: a few times in CI, as often as the environment says in a soak.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from assay.base.settings import Settings
from assay.feeds.last_fetch import LastFetch
from tests.disk import SmallDisk

KILLS = int(os.environ.get("ASSAY_KILLS", "3"))
FIGURES = os.environ.get("ASSAY_KILLS_FIGURES", "")
"""A file to which each test adds a line with what it came to."""
_PATIENCE = 90.0
Trouble = Callable[[], object]


class Ordeal:
    """Kills a feed at random instants, each time after it got over something else.

    Args:
        kind: What the figures call the feed.
        start: Starts its process.
        landed: How many of its files there are.
        troubles: By name what happens to its source, network or disk; each at least once.
        least: Files that land before a trouble, and after it.
    """

    def __init__(
        self,
        kind: str,
        start: Callable[[], subprocess.Popen[bytes]],
        landed: Callable[[], int],
        troubles: Mapping[str, Trouble],
        least: int = 2,
    ) -> None:
        self.seed = random.SystemRandom().randrange(1_000_000)
        print(f"seed {self.seed}")  # noqa: T201 - shown when a test fails
        self.draw = random.Random(self.seed)  # noqa: S311 - a plan is no secret
        self._kind, self._start, self._landed, self._troubles, self._least = kind, start, landed, troubles, least
        self._counts: Counter[str] = Counter()
        self._began = time.monotonic()

    def kills(self) -> Iterator[int]:
        """Kill it; gives the number of each kill after it, for what a test does between two."""
        names = [*self._troubles]
        for kill in range(max(KILLS, len(names))):
            process = self._start()
            try:
                if kill:  # the first one may die before anything has landed
                    self._wait(process)
                if names:
                    self._troubles[names[kill % len(names)]]()
                    self._counts[names[kill % len(names)]] += 1
                    self._wait(process)
                time.sleep(self.draw.random() / 2)
            finally:
                process.send_signal(signal.SIGKILL)
                process.communicate()
            self._counts["kills"] += 1
            yield kill

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        before, deadline = self._landed(), time.monotonic() + _PATIENCE
        while self._landed() < before + self._least:
            if process.poll() is not None:
                raise AssertionError(f"it ended: {(process.communicate()[1] or b'').decode()}")
            assert time.monotonic() < deadline, "nothing lands any more"
            time.sleep(self.draw.random() / 20)

    def tell(self, rows: int) -> None:
        """Keep what it came to, once a test has held silver against the source.

        Args:
            rows: That are at the source, and in silver as they are there.
        """
        seconds = round(time.monotonic() - self._began)
        line = json.dumps({"kind": self._kind, **self._counts, "rows": rows, "seconds": seconds})
        print(line)  # noqa: T201 - as above
        if FIGURES:
            with Path(FIGURES).open("a", encoding="utf-8") as figures:
                figures.write(f"{line}\n")


def full(disk: SmallDisk | None, settings: Settings, feed: str) -> dict[str, Trouble]:
    """The disk of the landing zone is full until the feed says so; nothing where there is no such disk."""
    if disk is None:
        return {}

    def is_told() -> bool:
        last = LastFetch.read(settings, feed)
        return last is not None and ("No space left" in last.problem or "free" in last.paused)

    return {"full disks": lambda: disk.fill_until(is_told)}
