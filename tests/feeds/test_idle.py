"""What a feed takes while it has nothing to do; in a soak, as it takes minutes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fed_lake import OneFeed
from tests.feeds.test_buckets import feed_of as bucket_of
from tests.feeds.test_buckets import put, s3, service  # noqa: F401 - fixtures
from tests.feeds.test_services import resident, until
from tests.feeds.test_sftp import feed_of as sftp_of
from tests.kills import KILLS
from tests.mariadb import MariaDb, run
from tests.objects import Moto, ObjectsLake, csv
from tests.postgres import FedLake
from tests.sftp import Files, Sftp

pytestmark = [pytest.mark.feeds, pytest.mark.skipif(KILLS < 20, reason="takes minutes; `make soak` has it")]

EVERY = 15
SETTLES, LOOKS = 90.0, 60.0
"""Seconds until a feed has begun anew, which gives back what writing took, and for which it is looked at."""
_MOST_SHARE = 0.01


def seconds_of(pid: int) -> float:
    """Seconds of a processor that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def sftp(tmp_path: Path) -> Sftp:
    Files.folder = tmp_path / "there"
    (Files.folder / "out").mkdir(parents=True)
    (Files.folder / "out" / "a.csv").write_bytes(csv((1, 10)))
    server = Sftp()
    server.start()
    return server


def test_a_feed_that_rests_is_small_and_takes_next_to_nothing(
    tmp_path: Path,
    *,
    mariadb: MariaDb,
    maria: Any,
    service: Moto,  # noqa: F811 - fixtures
    s3: Any,  # noqa: F811 - as above
    sftp: Sftp,
) -> None:
    run(maria, "create table orders (id bigint primary key, at timestamp(3) null)")
    run(maria, "insert into orders values (1, now(3) - interval 1 hour)")
    put(s3, "sales/a.csv", csv((1, 10)))
    table = {**mariadb.feed, "table": "shop.orders", "mode": "watermark", "cursor": "at", "every": EVERY}
    columns = {"id": "bigint", "at": "timestamp with time zone"}
    lakes: dict[str, tuple[OneFeed, int]] = {
        "database (MariaDB)": (FedLake(tmp_path / "maria", mariadb, table, columns), 120),
        "bucket (S3)": (ObjectsLake(tmp_path / "s3", {**bucket_of(service.port), "every": EVERY}), 200),
        "sftp": (ObjectsLake(tmp_path / "sftp", {**sftp_of(sftp, sftp.port), "every": EVERY}), 120),
    }
    feeds = {kind: lake.running() for kind, (lake, _) in lakes.items()}
    try:
        for lake, _ in lakes.values():
            until(_has_landed(lake))
            lake.lab().good_run()
        time.sleep(SETTLES)
        before = {kind: seconds_of(feed.pid) for kind, feed in feeds.items()}
        time.sleep(LOOKS)
        for kind, feed in feeds.items():
            megabytes, share = resident(feed.pid) >> 20, (seconds_of(feed.pid) - before[kind]) / LOOKS
            print(f"{kind}: {megabytes} MB, {share:.2%} of a core")  # noqa: T201 - the figures of the docs
            assert megabytes < lakes[kind][1] and share < _MOST_SHARE, kind
    finally:
        for feed in feeds.values():
            feed.kill()
            feed.wait()
        sftp.stop()


def _has_landed(lake: OneFeed) -> Callable[[], bool]:
    return lambda: lake.folder.exists() and any(path.suffix in (".csv", ".parquet") for path in lake.folder.rglob("*"))
