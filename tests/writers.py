"""Threads that write to the source of a feed while a test looks at what becomes of it."""

from __future__ import annotations

import random
import threading
import time
from typing import Self


class Writers:
    """Write until the block ends, each thread by a plan of its own; what goes wrong in one is raised by the block.

    Attributes:
        threads: How many write.
        passing: What a source that restarts or cannot be reached raises; the thread tries again.
        written: How often something was written, transactions or files.
    """

    threads = 4
    passing: tuple[type[Exception], ...] = ()

    def __init__(self, seed: int) -> None:
        self.written = 0
        self._is_over = threading.Event()
        self._errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._go_on, args=(n, seed + n)) for n in range(self.threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    @property
    def is_over(self) -> bool:
        """Whether the block has ended."""
        return self._is_over.is_set()

    def write(self, number: int, draw: random.Random) -> None:
        """Write something, or again and again until `is_over`; called anew until then."""
        raise NotImplementedError

    def _go_on(self, number: int, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - a plan is no secret
        while not self.is_over:
            try:
                self.write(number, draw)
            except self.passing:
                time.sleep(0.05)
            except Exception as error:  # noqa: BLE001 - of whichever driver
                self._errors.append(error)
                return
