"""Objects of a real S3 server become rows, each version once, whatever happens to the feed, its index and its files."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from assay.feeds.places import objects_file
from tests.objects import ACCESS, SECRET, Moto, ObjectsLake, Proxy, csv

pytestmark = pytest.mark.feeds


@pytest.fixture(scope="module")
def service() -> Iterator[Moto]:
    service = Moto()
    service.start()
    yield service
    service.stop()


@pytest.fixture
def s3(service: Moto) -> Iterator[Any]:
    """A client of the owner, and an empty bucket `shop`."""
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{service.port}",
        aws_access_key_id="owner",
        aws_secret_access_key="x",  # noqa: S106 - nobody asks for it
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket="shop")
    yield client
    for one in client.list_objects_v2(Bucket="shop").get("Contents", []):
        client.delete_object(Bucket="shop", Key=one["Key"])
    client.delete_bucket(Bucket="shop")


@pytest.fixture
def proxy(service: Moto) -> Iterator[Proxy]:
    with Proxy(service.port).running() as proxy:
        yield proxy


def feed_of(port: int) -> dict[str, Any]:
    """A feed of the bucket by way of a port."""
    return {
        "kind": "bucket",
        "url": "s3://shop/exports",
        "endpoint": f"http://127.0.0.1:{port}",
        "files": "sales/*.csv",
        **ACCESS,
    }


@pytest.fixture
def feed(proxy: Proxy) -> dict[str, Any]:
    return feed_of(proxy.port)


@pytest.fixture
def lake(tmp_path: Path, feed: dict[str, Any]) -> ObjectsLake:
    return ObjectsLake(tmp_path / "lake", feed)


def put(s3: Any, key: str, body: bytes) -> None:
    s3.put_object(Bucket="shop", Key=f"exports/{key}", Body=body)


def amounts(lake: ObjectsLake) -> dict[int, Decimal]:
    return dict(lake.silver())


def test_objects_land_as_files_and_newer_versions_replace_older_ones(lake: ObjectsLake, s3: Any) -> None:
    put(s3, "sales/a.csv", csv((1, 10), (2, 20)))
    put(s3, "sales/b.csv", csv((3, 30)))
    put(s3, "other/c.csv", csv((4, 40)))
    assert "2 objects landed" in lake.fetch()
    assert lake.landed() == {"sales/a.csv": csv((1, 10), (2, 20)), "sales/b.csv": csv((3, 30))}
    put(s3, "sales/a.csv", csv((1, 11)))
    told = lake.fetch()
    assert "0 objects landed (1 not landed: the older version in landing is not loaded yet" in told
    assert amounts(lake) == {1: 10, 2: 20, 3: 30}
    assert "1 objects landed" in lake.fetch()
    assert amounts(lake) == {1: 11, 3: 30}
    assert '"batches_not_loaded": 0' in lake.feed("status", "--json"), "the ledger is asked, not only the index"
    s3.delete_object(Bucket="shop", Key="exports/sales/b.csv")
    assert "0 objects landed" in lake.fetch()
    assert amounts(lake) == {1: 11, 3: 30}


HOSTILE = (
    "sales//a.csv", "sales/../b.csv", "sales/./c.csv", "/sales/d.csv", "sales/e\x01\x1b\x7f.csv", "sales/%_2E.csv",
    "sales/f%20g.csv", "sales/ü €.csv", "sales/h\\i'\"$(j).csv", "sales/-rf.csv", "sales/k!/l.csv",
)  # fmt: skip


def test_each_key_lands_under_a_name_of_its_own_or_is_told(tmp_path: Path, feed: dict[str, Any], s3: Any) -> None:
    lake = ObjectsLake(tmp_path / "lake", {**feed, "files": "**/*.csv"})
    for number, key in enumerate(HOSTILE):
        put(s3, key, csv((number, number)))
    put(s3, "sales/" + "x" * 252 + ".csv", csv((100, 1)))
    put(s3, "sales/folder.csv", csv((200, 1)))
    put(s3, "sales/folder.csv/m.csv", csv((201, 1)))
    for left in ("_SUCCESS.csv", ".hidden/a.csv", "_temporary/0/a.csv", "half.csv.tmp", "folder/"):
        put(s3, f"sales/{left}", b"")
    told = lake.fetch()
    assert "12 objects landed" in told and "(2 cannot land, the first is sales/" in told and "has 256 bytes" in told
    landed = lake.landed()
    assert set(landed) == {
        "sales/%_/a.csv", "sales/%_2E./b.csv", "sales/%_2E/c.csv", "%_/sales/d.csv", "sales/e%_01%_1B%_7F.csv",
        "sales/%_25_2E.csv", *HOSTILE[6:], "sales/folder.csv",
    }  # fmt: skip
    assert "one object has the name of another one's folder" in _told_of(lake, s3, "sales/" + "x" * 252 + ".csv")
    assert set(amounts(lake)) == {*range(len(HOSTILE)), 200}


def _told_of(lake: ObjectsLake, s3: Any, without: str) -> str:
    s3.delete_object(Bucket="shop", Key=f"exports/{without}")
    return lake.fetch()


def test_a_lost_index_costs_downloads_and_doubles_nothing(lake: ObjectsLake, s3: Any, proxy: Proxy) -> None:
    put(s3, "sales/a.csv", csv((1, 10)))
    put(s3, "sales/empty.csv", b"")
    assert "2 objects landed" in lake.fetch()
    proxy.requests.clear()
    assert "0 objects landed" in lake.fetch()
    assert [path.split("?")[0] for path in proxy.requests] == ["/shop"], "known objects cost a listing"
    (lake.folder / "objects/sales/a.csv").unlink()
    assert "1 objects landed" in lake.fetch(), "what is gone and was not loaded is fetched again"
    objects_file(lake.settings, "sales").unlink()
    assert "0 objects landed" in lake.fetch()
    assert amounts(lake) == {1: 10}
    put(s3, "sales/empty.csv", csv((2, 20)))
    assert "1 objects landed" in lake.fetch(), "a file that was refused is replaced"
    assert amounts(lake) == {1: 10, 2: 20}
    (lake.folder / "objects/sales/a.csv").unlink()
    assert "0 objects landed" in lake.fetch(), "what is loaded may be deleted"
    objects_file(lake.settings, "sales").write_bytes(b"no database at all" * 100)
    assert "remove it: objects are read again then" in lake.fetch(code=1)
    objects_file(lake.settings, "sales").unlink()
    assert "1 objects landed" in lake.fetch()
    assert "is in epoch 2" in lake.feed("reset", "sales", "--epoch")
    assert "0 objects landed" in lake.fetch(), "the same bytes are there"
    put(s3, "sales/a.csv", csv((1, 11)))
    assert "1 objects landed" in lake.fetch()
    assert amounts(lake) == {1: 11, 2: 20}
    assert lake.lab().rows("select count(*) from ops.loaded_files")[0][0] == 3
    shown = lake.feed("status", "--json")
    assert '"epoch": 2' in shown and "2 objects, the newest of" in shown and '"batches_not_loaded": 0' in shown


def test_without_an_index_an_older_version_that_is_not_loaded_stays(lake: ObjectsLake, s3: Any) -> None:
    put(s3, "sales/a.csv", csv((1, 10)))
    lake.fetch()
    objects_file(lake.settings, "sales").unlink()
    put(s3, "sales/a.csv", csv((1, 11)))
    assert "0 objects landed (1 not landed: the older version" in lake.fetch()
    assert lake.landed() == {"sales/a.csv": csv((1, 10))}


def test_a_lake_that_was_made_anew_gets_everything_again(lake: ObjectsLake, s3: Any) -> None:
    put(s3, "sales/a.csv", csv((1, 10)))
    lake.fetch()
    assert amounts(lake) == {1: 10}
    assert "0 objects landed" in lake.fetch()
    (lake.folder / "objects/sales/a.csv").unlink()
    shutil.rmtree(lake.settings.published)
    assert "1 objects landed" in lake.fetch()


def test_parts_that_break_off_go_on_and_an_object_that_changes_begins_again(
    lake: ObjectsLake, s3: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.connectors.objects.s3.PART", 100_000)
    big = csv(*((number, number) for number in range(60_000)))
    put(s3, "sales/big.csv", big)
    cuts = iter([0, 1, 50_000, 99_999])

    def cut(path: str) -> Any:
        return (next(cuts, None),) if "big" in path else None

    proxy.trouble = cut
    assert "1 objects landed" in lake.fetch()
    assert lake.landed() == {"sales/big.csv": big} and next(cuts, None) is None
    changes = iter([csv((1, 2)) * 30_000])
    put(s3, "sales/second.csv", big[:-1])

    def change(path: str) -> Any:
        if "second" in path and "range" not in path and (body := next(changes, None)):
            put(s3, "sales/second.csv", body)

    proxy.trouble = change
    assert "0 objects landed (1 not landed: written to while it was looked at" in lake.fetch()
    assert "1 objects landed" in lake.fetch()
    assert lake.landed()["sales/second.csv"] == csv((1, 2)) * 30_000
    assert not list(lake.folder.glob(".*"))


@pytest.mark.parametrize("part", [100_000, 5_000], ids=["whole", "in parts"])
def test_damaged_bytes_do_not_land(
    lake: ObjectsLake, s3: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr("assay.connectors.objects.s3.PART", part)
    body = csv(*((number, number) for number in range(1_500)))
    put(s3, "sales/a.csv", body)
    proxy.trouble = lambda path: (lambda there: there[:-1] + b"x") if "a.csv" in path else None
    assert "0 objects landed (1 cannot land, the first is sales/a.csv: its bytes do not have the MD5" in lake.fetch()
    proxy.trouble = lambda _: None
    assert "1 objects landed" in lake.fetch()
    assert lake.landed() == {"sales/a.csv": body}


def test_what_passes_is_tried_again_and_what_does_not_is_told_without_the_secret(
    lake: ObjectsLake, s3: Any, proxy: Proxy, feed: dict[str, Any]
) -> None:
    put(s3, "sales/a.csv", csv((1, 10)))
    put(s3, "sales/b.csv", csv((2, 20)))
    answers = iter([500, 503, 429, 500])
    proxy.trouble = lambda _: next(answers, None)
    assert "2 objects landed" in lake.fetch()
    put(s3, "sales/new.csv", csv((1, 1)))
    proxy.trouble = lambda path: 403 if "new" in path else None
    assert "nothing may be read" in lake.fetch(code=1)
    proxy.trouble = lambda _: 403
    assert "cannot be listed" in lake.fetch(code=1)
    proxy.trouble = lambda _: None
    lake.declare({**feed, "url": "s3://nowhere/x"})
    told = lake.fetch(code=1)
    assert "NoSuchBucket" in told and SECRET not in told


def test_test_shows_objects_and_writes_nothing(lake: ObjectsLake, s3: Any) -> None:
    put(s3, "sales/a.csv", csv((1, 10)))
    put(s3, "sales/b.txt", b"x")
    told = lake.feed("test", "sales")
    assert "sales/a.csv" in told and "yes" in told and "no: `files` does not match" in told
    assert not lake.folder.exists() and not objects_file(lake.settings, "sales").exists()


def test_names_of_objects_give_columns_moments_and_members_of_archives(
    tmp_path: Path, feed: dict[str, Any], s3: Any
) -> None:
    lake = ObjectsLake(tmp_path / "lake", feed)
    lake.declare(
        {**feed, "files": "region={region}/sales_*.zip!/*.csv"},
        columns=("region",),
        newest_by={"file_date": "day_%Y-%m-%d.csv"},
    )
    put(s3, "region=New%20York/sales_1.zip", zipped({"day_2026-01-02.csv": csv((1, 12)), "day_2026-01-01.csv": b""}))
    put(s3, "region=B/sales_1.zip", zipped({"day_2026-01-01.csv": csv((1, 1), (2, 2))}))
    assert "2 objects landed" in lake.fetch()
    lab = lake.lab()
    lab.good_run()
    rows = "select id, amount, region from silver.sales order by id"
    assert lab.rows(rows) == [(1, 12, "New York"), (2, 2, "B")]
    put(s3, "region=B/sales_1.zip", zipped({"day_2026-01-03.csv": csv((1, 3), (2, 3))}))
    assert "1 objects landed" in lake.fetch(), "all members are judged, so the archive may be replaced"
    lab.good_run()
    assert lab.rows(rows) == [(1, 3, "B"), (2, 3, "B")]
    for path in lake.folder.rglob("*.zip"):
        path.unlink()
    assert "0 objects landed" in lake.fetch()


def test_with_a_marker_an_object_waits_for_it(tmp_path: Path, feed: dict[str, Any], s3: Any) -> None:
    lake = ObjectsLake(tmp_path / "lake", {**feed, "files": "sales/*", "done": "{name}.done"})
    put(s3, "sales/a.csv", csv((1, 10)))
    put(s3, "sales/b.csv", csv((2, 20)))
    put(s3, "sales/b.csv.done", b"")
    assert "1 objects landed" in (told := lake.fetch()) and "1 not landed: no marker" in told
    assert list(lake.landed()) == ["sales/b.csv"]


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_between_full_listings_only_recent_folders_are_listed(tmp_path: Path, feed: dict[str, Any], s3: Any) -> None:
    lake = ObjectsLake(tmp_path / "lake", {**feed, "files": "dt=*/*.csv", "recent": "dt=%Y-%m-%d/", "every": 0.1})
    put(s3, "dt=2020-01-01/a.csv", csv((1, 10)))
    today = datetime.now(UTC).strftime("dt=%Y-%m-%d/")
    fetching = subprocess.Popen(lake.command("run", "sales"), env=lake.environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(lake, "dt=2020-01-01/a.csv")
        put(s3, "dt=2020-01-01/late.csv", csv((2, 20)))
        put(s3, f"{today}b.csv", csv((3, 30)))
        _wait_for(lake, f"{today}b.csv")
    finally:
        fetching.send_signal(signal.SIGTERM)
        assert fetching.wait(30) == 0
    assert "dt=2020-01-01/late.csv" not in lake.landed()
    assert "1 objects landed" in lake.fetch(), "a process begins with a full listing"


def _wait_for(lake: ObjectsLake, name: str) -> None:
    deadline = time.monotonic() + 60
    while name not in lake.landed():
        assert time.monotonic() < deadline
        time.sleep(0.05)
