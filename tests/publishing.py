"""A program that publishes a lake of `tests/readers.py` and dies, as by `kill -9`, at one of the steps on the way."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from assay.publish import lake_state, part_files
from assay.publish.publishing import clean_up
from tests.readers import Shop

EVENTS = ("open", "os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")


def main(home: Path, last: int) -> None:
    """Publish what the warehouse of a lake holds, and die at a step, counted from 1; 0 is never.

    Args:
        home: Of the lake.
        last: The step.
    """
    lake_state.NATIVE_ROWS, part_files.ROWS, part_files.MOST = 4, 1, 8
    shop = Shop(home / "published", database=str(home / "warehouse.duckdb"))
    steps = 0

    def die(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal steps
        if event in EVENTS and "published" in str(arguments):
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)
    clean_up(shop.published)
    shop.publish(keep_seconds=0)
    sys.stdout.write(str(steps))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
