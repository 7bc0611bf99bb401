"""A feed of a bucket that is killed while objects are put and overwritten has what the bucket holds in the end."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.feeds.test_buckets import feed, proxy, put, s3, service  # noqa: F401 - fixtures
from tests.kills import KILLS
from tests.objects import ObjectsLake, csv

pytestmark = pytest.mark.feeds


class Writer:
    """Puts objects and overwrites them, sometimes twice within a second, and first empty."""

    def __init__(self, client: Any, seed: int) -> None:
        self._client, self._draw = client, random.Random(seed)  # noqa: S311 - a plan is no secret
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.holds: dict[int, bytes] = {}
        self.puts = 0

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._is_over.is_set():
            number = self._draw.randint(0, 60)
            rows = [
                (1000 * number + row, self._draw.randint(0, 9999) / 100) for row in range(self._draw.randint(1, 900))
            ]
            if self._draw.random() < 0.2:
                put(self._client, f"sales/{number}.csv", b"")
            put(self._client, f"sales/{number}.csv", csv(*rows))
            self.holds[number] = csv(*rows)
            self.puts += 1
            time.sleep(self._draw.choice([0, 0, 0.05]))


def test_a_feed_that_is_killed_under_live_writes_has_what_the_bucket_holds(
    tmp_path: Path,
    feed: dict[str, Any],  # noqa: F811 - fixtures
    s3: Any,  # noqa: F811 - as above
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    draw = random.Random(seed)  # noqa: S311 - as above
    lake = ObjectsLake(tmp_path / "lake", {**feed, "every": 0.1})
    with Writer(s3, seed) as writer:
        for kill in range(KILLS):
            fetching = subprocess.Popen(lake.command("run", "sales"), env=lake.environment, stdout=subprocess.DEVNULL)
            deadline = time.monotonic() + 30
            while len(lake.landed()) < 10 * (kill + 1) and time.monotonic() < deadline:
                assert fetching.poll() is None
                time.sleep(draw.random() / 10)
            time.sleep(draw.random())
            fetching.send_signal(signal.SIGKILL)
            fetching.wait()
            if kill != 1:
                lake.lab().good_run()
            else:
                for path in list((lake.folder / "objects").rglob("*.csv"))[:3]:
                    path.unlink()
    assert writer.puts > 50
    lake.fetch()
    lake.lab().good_run()
    assert "not landed" not in lake.fetch(), "all older versions are loaded"
    lab = lake.lab()
    lab.good_run()
    wanted = sorted(
        (int(number), float(amount))
        for body in writer.holds.values()
        for number, amount in (line.split(",") for line in body.decode().splitlines()[1:])
    )
    assert [
        (number, float(amount)) for number, amount in lab.rows("select id, amount from silver.sales order by id")
    ] == (wanted)
    assert not list(lake.folder.glob(".*.part"))
