"""A feed of a bucket that is killed while objects are put and overwritten has what the bucket holds in the end."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.disk import small_disk
from tests.feeds.test_buckets import feed_of, put, s3, service  # noqa: F401 - fixtures
from tests.kills import Ordeal, full
from tests.objects import Moto, ObjectsLake, csv
from tests.proxy import TcpProxy
from tests.writers import Writers

pytestmark = pytest.mark.feeds


class Exports(Writers):
    """Puts objects and overwrites them, sometimes twice within a second, and first empty."""

    threads = 1
    passing = (BotoCoreError, ClientError)

    def __init__(self, client: Any, seed: int) -> None:
        super().__init__(seed)
        self._client = client

    def write(self, number: int, draw: random.Random) -> None:
        number = draw.randint(0, 400)
        rows = [(1000 * number + row, draw.randint(0, 9999) / 100) for row in range(draw.randint(1, 90))]
        if draw.random() < 0.2:
            put(self._client, f"sales/{number}.csv", b"")
        put(self._client, f"sales/{number}.csv", csv(*rows))
        self.written += 1
        time.sleep(draw.choice([0, 0, 0.05]))


def held(s3: Any) -> list[tuple[int, float]]:  # noqa: F811 - as above
    """What the bucket holds, whatever became of a request while its server restarted."""
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="shop")["Contents"]]
    bodies = [s3.get_object(Bucket="shop", Key=key)["Body"].read().decode() for key in keys]
    return sorted(
        (int(number), float(amount))
        for body in bodies
        for number, amount in (line.split(",") for line in body.splitlines()[1:])
    )


def test_a_feed_that_is_killed_under_live_writes_has_what_the_bucket_holds(
    tmp_path: Path,
    service: Moto,  # noqa: F811 - fixtures
    s3: Any,  # noqa: F811 - as above
) -> None:
    with TcpProxy(service.port) as proxy, small_disk(tmp_path / "lake" / "data" / "landing") as disk:
        lake = ObjectsLake(tmp_path / "lake", {**feed_of(proxy.port), "every": 0.1})

        def restart() -> None:
            service.stop()
            proxy.cut(0.3, is_silent=False)
            service.start()

        troubles = {"restarts": restart, "cuts": proxy.cut_for_a_while, **full(disk, lake.settings, "sales")}
        ordeal = Ordeal("bucket (S3)", lake.running, lake.count_of_versions(), troubles)
        with Exports(s3, ordeal.seed) as exports:
            for kill in ordeal.kills():
                if kill != 1:
                    lake.lab().good_run()
                else:
                    for path in list((lake.folder / "objects").rglob("*.csv"))[:3]:
                        path.unlink()
        assert exports.written > 50
        lake.fetch()
        lake.lab().good_run()
        assert "not landed" not in lake.fetch(), "all older versions are loaded"
        silver = [(number, float(amount)) for number, amount in lake.silver()]
        assert silver == held(s3)
        assert not list(lake.folder.glob(".*.part"))
        ordeal.tell(len(silver))
