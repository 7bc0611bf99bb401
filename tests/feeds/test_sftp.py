"""Files of a real SFTP server become rows, each version once, and none before it is whole."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from assay.connectors.objects import sftp
from tests.disk import small_disk
from tests.kills import Ordeal, full
from tests.objects import SECRET, ObjectsLake, csv
from tests.proxy import TcpProxy
from tests.sftp import Files, Server, Sftp
from tests.writers import Writers

pytestmark = pytest.mark.feeds


@pytest.fixture(scope="module")
def service() -> Iterator[Sftp]:
    service = Sftp()
    service.start()
    yield service
    service.stop()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Path]:
    """The folder that the server shows."""
    folder = tmp_path / "there"
    (folder / "out").mkdir(parents=True)
    Files.folder = folder
    yield folder / "out"
    Files.forbidden, Files.on_read, Server.keys = frozenset(), staticmethod(lambda _: None), ()


def feed_of(service: Sftp, port: int) -> dict[str, Any]:
    """A feed of the server by way of a port."""
    return {
        "kind": "sftp",
        "host": "127.0.0.1",
        "port": port,
        "user": "reader",
        "password": "${env:BUCKET_SECRET}",
        "host_key": service.key,
        "folder": "/out",
        "files": "**/*.csv",
        "settle": 0.2,
    }


@pytest.fixture
def feed(service: Sftp) -> dict[str, Any]:
    return feed_of(service, service.port)


@pytest.fixture
def lake(tmp_path: Path, feed: dict[str, Any]) -> ObjectsLake:
    return ObjectsLake(tmp_path / "lake", feed)


def put(path: Path, content: bytes, age: float = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age, time.time() - age))


def test_files_land_and_newer_versions_replace_older_ones(lake: ObjectsLake, there: Path) -> None:
    put(there / "a.csv", csv((1, 10)))
    put(there / "deep/er/b.csv", csv((2, 20)))
    put(there / "c.txt", b"no")
    assert "2 objects landed" in lake.fetch()
    assert set(lake.landed()) == {"a.csv", "deep/er/b.csv"}
    assert "0 objects landed" in lake.fetch()
    put(there / "a.csv", csv((1, 11)), age=5)
    assert "the older version in landing is not loaded yet" in lake.fetch()
    assert lake.silver() == [(1, 10), (2, 20)]
    assert "1 objects landed" in lake.fetch()
    assert lake.silver() == [(1, 11), (2, 20)]
    (there / "a.csv").unlink()
    shutil.rmtree(lake.folder)
    assert "0 objects landed" in lake.fetch()
    shown = lake.feed("test", "sales")
    assert "deep/er/b.csv" in shown and "c.txt" in shown and SECRET not in shown
    kept = [path.read_bytes() for path in lake.home.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in content for content in kept)


def test_a_file_is_taken_when_it_is_whole(lake: ObjectsLake, there: Path, feed: dict[str, Any]) -> None:
    put(there / "done.csv", csv((1, 10)))
    is_over = threading.Event()

    def grow() -> None:
        with (there / "grows.csv").open("ab") as file:
            while not is_over.is_set():
                file.write(b"1,1\n")
                file.flush()
                time.sleep(0.1)  # so slow that nothing changes while it is read

    lake.declare({**feed, "settle": 0.6})
    writer = threading.Thread(target=grow)
    writer.start()
    try:
        told = lake.fetch()
    finally:
        is_over.set()
        writer.join()
    assert "1 objects landed" in told and "1 not landed: written to while it was looked at" in told
    lake.declare({**{key: value for key, value in feed.items() if key != "settle"}, "done": "{name}.ok"})
    put(there / "grows.csv.ok", b"", age=600)
    assert "1 not landed: no marker" in lake.fetch(), "the marker is older than the file"
    put(there / "grows.csv.ok", b"", age=0)
    assert "1 objects landed" in lake.fetch()


def test_a_file_that_changes_while_it_is_read_waits(lake: ObjectsLake, there: Path) -> None:
    big = csv(*((number, number) for number in range(40_000)))
    put(there / "a.csv", big)
    other = big.replace(b"1", b"2")
    writes = iter([other])

    def write(offset: int) -> None:
        if offset > 100_000 and (content := next(writes, None)):
            put(there / "a.csv", content, age=30)

    Files.on_read = staticmethod(write)
    told = lake.fetch()
    assert "0 objects landed (1 not landed: written to while it was looked at" in told
    assert "1 objects landed" in lake.fetch()
    assert lake.landed() == {"a.csv": other}


def test_odd_names_links_and_forbidden_files_are_told_and_the_others_land(lake: ObjectsLake, there: Path) -> None:
    put(there / "a.csv", csv((1, 10)))
    put(there / "new\nline \\ 'q'.csv", csv((2, 20)))
    put(Path(os.fsdecode(os.fsencode(there) + b"/\xff.csv")), csv((3, 30)))
    put(there / "secret.csv", csv((4, 40)))
    put(there / "locked/x.csv", csv((5, 50)))
    put(there.parent / "outside.csv", csv((6, 60)))
    put(there / "_work/y.csv", csv((7, 70)))
    (there / "link.csv").symlink_to("a.csv")
    (there / "leads_out.csv").symlink_to("../outside.csv")
    (there / "round").symlink_to(".")
    (there / "nowhere.csv").symlink_to("gone.csv")
    Files.forbidden = frozenset({b"secret.csv", b"locked"})
    told = lake.fetch()
    assert set(lake.landed()) == {"a.csv", "new%_0Aline \\ 'q'.csv", "link.csv"}
    assert "2 cannot land" in told
    for note in ("its name is not UTF-8", "folder locked/ cannot be listed", "leads_out.csv leads out of the folder",
                 "link nowhere.csv leads nowhere"):  # fmt: skip
        assert note in told
    Files.forbidden = frozenset({b"out"})
    assert "cannot be listed" in lake.fetch(code=1)


def test_only_a_server_whose_key_is_known_is_asked(
    tmp_path: Path, lake: ObjectsLake, there: Path, feed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(there / "a.csv", csv((1, 10)))
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{feed['port']} {feed['host_key']}\n")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    bare = {key: value for key, value in feed.items() if key != "host_key"}
    monkeypatch.setenv("HOME", str(tmp_path))
    lake.declare(bare)
    assert "the server's key is not known" in lake.fetch(code=1)
    lake.declare({**feed, "host_key": other})
    assert "shows another key than the one that is known" in lake.fetch(code=1)
    lake.declare({**bare, "known_hosts": str(known), "user": "someone"})
    told = lake.fetch(code=1)
    assert "lets someone not in" in told and SECRET not in told
    key = asyncssh.generate_private_key("ssh-ed25519")
    Server.keys = (key.export_public_key().decode().split()[1],)
    key.write_private_key(str(tmp_path / "id"), passphrase="planted")  # noqa: S106 - of a key that lives for a second
    monkeypatch.setenv("KEY_PASSWORD", "planted")
    del bare["password"]
    lake.declare(
        {**bare, "known_hosts": str(known), "key": str(tmp_path / "id"), "key_password": "${env:KEY_PASSWORD}"}
    )
    assert "1 objects landed" in lake.fetch()
    monkeypatch.setenv("KEY_PASSWORD", "wrong")
    assert "needs the right key_password" in lake.fetch(code=1)


class Exports(Writers):
    """Writes files by halves, and others over them."""

    threads = 1

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(seed)
        self._folder = folder

    def write(self, number: int, draw: random.Random) -> None:
        number = draw.randint(0, 400)
        content = csv(*((1000 * number + row, draw.randint(0, 999)) for row in range(draw.randint(1, 90))))
        with (self._folder / f"{number}.csv").open("wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            time.sleep(0.01)
            file.write(content[len(content) // 2 :])
        self.written += 1


def test_a_feed_that_is_killed_under_live_writes_has_what_the_server_holds(
    tmp_path: Path, service: Sftp, there: Path
) -> None:
    with TcpProxy(service.port) as proxy, small_disk(tmp_path / "lake" / "data" / "landing") as disk:
        lake = ObjectsLake(tmp_path / "lake", {**feed_of(service, proxy.port), "every": 0.1, "settle": 0.1})

        def restart() -> None:
            service.stop()
            proxy.cut(0.3, is_silent=False)
            service.start()

        troubles = {"restarts": restart, "cuts": proxy.cut_for_a_while, **full(disk, lake.settings, "sales")}
        ordeal = Ordeal("sftp", lake.running, lake.count_of_versions(), troubles)
        with Exports(there, ordeal.seed) as exports:
            for kill in ordeal.kills():
                if kill != 1:
                    lake.lab().good_run()
        assert exports.written > 50
        time.sleep(1.1)
        for path in there.iterdir():
            os.utime(path)  # two versions of one size within a second are one to a server that tells whole seconds
        lake.fetch()
        lake.lab().good_run()
        assert "not landed" not in lake.fetch()
        silver = lake.silver()
        assert silver == sorted(
            (int(number), int(amount))
            for path in there.iterdir()
            for number, amount in (line.split(",") for line in path.read_text().splitlines()[1:])
        )
        ordeal.tell(len(silver))


def test_a_server_that_is_gone_is_tried_again(lake: ObjectsLake, feed: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr("assay.fetching.running.ATTEMPTS", 2)
    lake.declare({**feed, "port": 1})
    told = lake.fetch(code=1)
    assert told.count("Unable to connect") == 2 and "it is tried again in 0." in told, "who waits is told for what"
    assert sftp.SftpSource.at_once == 1
