"""Events that were answered are in the log whole, whatever fails; and each becomes part of one batch."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.base.settings import Settings
from assay.connectors.webhook.event import Event, events_of
from assay.connectors.webhook.feed import WebhookFetcher
from assay.connectors.webhook.intake import Intake
from assay.connectors.webhook.landing import Lander, Look, feed_folder, unlanded
from assay.connectors.webhook.log import EventLog
from assay.connectors.webhook.memory import Remembered
from assay.connectors.webhook.server import WebhookServer
from assay.connectors.webhook.signature import Refused
from assay.contract.feed_kinds.webhook import WebhookFeed
from assay.feeds.errors import Permanent
from assay.feeds.places import journal_file
from tests.unit.test_webhook_events import FEED, NOW

UNSIGNED = replace(FEED, signature="none", id="/id", reserve=0, every=0.1)


def event(number: int, **more: object) -> Event:
    return events_of(UNSIGNED, {}, json.dumps({"id": number, **more}).encode(), NOW)[0]


def ids(paths: list[Path]) -> list[str]:
    return [json.loads(line)["id"] for path in paths for line in path.read_bytes().splitlines()]


def log_of(folder: Path, sync: Callable[[int], None] = os.fsync) -> EventLog:
    return EventLog(folder / "events", Remembered(folder / "memory", 60), sync)


def aside(folder: Path) -> list[Path]:
    return sorted((folder / "events").glob(".*.events"))


class Disk:
    """An fsync that fails when it is told to."""

    def __init__(self) -> None:
        self.syncs, self.is_broken = 0, False

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        os.fsync(descriptor)
        if self.is_broken:
            raise OSError(errno.EIO, "broken")


def test_a_group_shares_one_sync_and_repetitions_are_not_written(tmp_path: Path) -> None:
    disk = Disk()
    log = log_of(tmp_path, disk.sync)
    assert log.append([[event(1)], [event(2), event(3)], [event(1)], []]) == [
        0,
        2,
        1,
        0,
    ]  # of two alike the last counts
    assert disk.syncs == 1
    assert log.append([[event(3)], [event(3, other=True)]]) == [0, 1]
    log.seal()
    assert log.append([[event(1), event(4)]]) == [1], "what is in a file that was sealed is remembered"
    assert ids(aside(tmp_path)) == ["1", "2", "3", "3", "4"]
    assert [ids([path]) for path in aside(tmp_path)] == [["1", "2", "3"], ["3"], ["4"]], "of one id the later is newer"
    assert (log.records, disk.syncs) == (5, 3)
    assert log.append([[event(4)]]) == [0] and disk.syncs == 3
    assert log.append([[event(5, a=1), event(5, a=2), event(6)], [event(5, a=3), event(4)]]) == [3, 1]
    assert [ids([path]) for path in aside(tmp_path)][2:] == [["4", "5"], ["5", "6"], ["5"]]


def test_a_group_that_is_not_synced_is_cut_off_and_what_comes_next_is_written(tmp_path: Path) -> None:
    disk = Disk()
    log = log_of(tmp_path, disk.sync)
    log.append([[event(1)]])
    disk.is_broken = True
    with pytest.raises(OSError, match="broken"):
        log.append([[event(2)], [event(3)]])
    assert ids(aside(tmp_path)) == ["1"]
    disk.is_broken = False
    assert log.append([[event(2)], [event(3)]]) == [1, 1], "what was not answered is not known"
    assert ids(aside(tmp_path)) == ["1", "2", "3"] and log.records == 3


def test_half_an_event_on_a_full_disk_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(tmp_path)
    log.append([[event(1)]])
    write, room = os.write, [100]

    def until_full(descriptor: int, data: Any) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        room[0] -= len(data[: room[0]])
        return write(descriptor, data[:100])

    def cannot_cut(*_: object) -> None:
        raise OSError(errno.EIO, "cannot cut")

    monkeypatch.setattr("assay.connectors.webhook.log.os.write", until_full)
    monkeypatch.setattr("assay.connectors.webhook.log.os.ftruncate", cannot_cut)
    with pytest.raises(OSError, match="full"):
        log.append([[event(2), event(3)]])
    with pytest.raises(OSError, match="cannot cut"):
        log.seal()
    with pytest.raises(OSError, match="cannot cut"):
        log.append([[event(4)]])
    monkeypatch.undo()
    assert log.append([[event(2)]]) == [1]
    log.seal()
    assert ids(aside(tmp_path)) == ["1", "2"]


@pytest.mark.parametrize("torn", [b"", b'{"id":"9","rece', b"\0" * 100, b'{"id":"9"}\n', b"\0\n\0\n"], ids=range(5))
def test_what_a_crash_left_is_taken_over_without_half_an_event(tmp_path: Path, torn: bytes) -> None:
    log = log_of(tmp_path)
    log.append([[event(1)], [event(2)]])
    with aside(tmp_path)[0].open("ab") as file:
        file.write(torn)
    (tmp_path / "events" / ".00000000000000000001.events").write_bytes(torn)
    again = log_of(tmp_path)
    again.recover()
    again.recover()
    assert [file.records for file in again.sealed] == [2]
    assert ids(aside(tmp_path)) == ["1", "2"]
    assert again.append([[event(2)], [event(3)]]) == [0, 1]


def test_a_line_that_is_damaged_between_others_stays_for_bronze_to_count(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.append([[event(1)], [event(2)], [event(3)]])
    path = aside(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b'"id":"2"', b'"id":\0\0\0'))
    again = log_of(tmp_path)
    again.recover()
    assert [file.records for file in again.sealed] == [3]


def test_deliveries_are_forgotten_in_time_and_a_damaged_memory_is_begun_anew(tmp_path: Path) -> None:
    memory = Remembered(tmp_path / "memory", 60)
    memory.add({b"old"}, 1000)
    memory.add({b"new"}, 1050)
    assert memory.known([b"old", b"new", b"none", *(bytes([n % 256, n // 256]) for n in range(1200))]) == {
        b"old",
        b"new",
    }
    memory.add({b"later"}, 1061)
    assert memory.known([b"old", b"new", b"later"]) == {b"new", b"later"}
    memory.close()
    with pytest.raises(sqlite3.Error):
        memory._connection.execute("select 1")
    (tmp_path / "memory").write_bytes(b"no database" * 1000)
    assert Remembered(tmp_path / "memory", 60).known([b"new"]) == set()


@contextmanager
def intake(tmp_path: Path, feed: WebhookFeed = UNSIGNED) -> Iterator[Intake]:
    settings = Settings(home=tmp_path)
    with ThreadPoolExecutor(2) as pool:
        yield Intake(settings, feed, WebhookFetcher(settings, feed).look, pool)


def landed(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "landing").rglob("*.jsonl"), key=lambda path: path.name)


def test_batches_follow_each_other_over_restarts_and_crashes_between_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)

    def lander() -> tuple[EventLog, Lander]:
        memory = Remembered(tmp_path / "memory", 60)
        log = EventLog(feed_folder(settings, "pay"), memory)
        log.recover()
        return log, Lander(settings, "pay", log, WebhookFetcher(settings, UNSIGNED).look)

    log, first = lander()
    log.append([[event(1)], [event(2)]])
    assert first.land() == 2 and first.land() == 0
    log.append([[event(3)]])
    with monkeypatch.context() as patched:
        patched.setattr("assay.feeds.journal.Journal.note", _die)  # linked, and neither noted nor taken from aside
        with pytest.raises(OSError, match="died"):
            first.land()
    assert len(landed(tmp_path)) == 2 and len(unlanded(settings, "pay")) == 1
    log, second = lander()
    log.append([[event(4)]])
    assert second.land() == 1
    assert [path.parent.name for path in landed(tmp_path)] == ["(start)~2", "2~3", "3~4"]
    assert ids(landed(tmp_path)) == ["1", "2", "3", "4"] and not unlanded(settings, "pay")
    fetcher = WebhookFetcher(settings, UNSIGNED)
    with fetcher.alone():
        assert fetcher.begin_epoch() == 2
    log, third = lander()
    log.append([[event(5)]])
    third.land()
    assert landed(tmp_path)[-1].parent.parts[-3:] == ("2", "events", "(start)~1")
    with pytest.raises(Permanent, match="`assay serve` takes those"):
        fetcher.fetch()


def _die(*_: object) -> None:
    raise OSError("died")


def test_what_is_wrong_with_landed_files_keeps_events_aside_until_it_is_put_right(tmp_path: Path) -> None:
    with intake(tmp_path) as first:
        asyncio.run(_stored(first, event(1)))
        assert ids(landed(tmp_path)) == ["1"]
    landed(tmp_path)[0].rename(tmp_path / "away")
    with intake(tmp_path) as second:
        asyncio.run(_stored(second, event(2), is_landed=False))
    assert ids(unlanded(Settings(home=tmp_path), "pay")) == ["2"]
    assert "was loaded" in json.loads((tmp_path / "feeds" / "pay.last.json").read_text())["problem"]
    target = (
        tmp_path
        / "landing"
        / json.loads(journal_file(Settings(home=tmp_path), "pay").read_text().splitlines()[0])["path"]
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "away").rename(target)
    with intake(tmp_path) as third:
        asyncio.run(third.end())
    assert ids(landed(tmp_path)) == ["1", "2"]


async def _stored(one: Intake, *events: Event, is_landed: bool = True) -> None:
    await asyncio.gather(*(one.store([each]) for each in events))
    assert await one.end() is is_landed


Answer = tuple[int, dict[str, str], str]


async def _asked(
    server: WebhookServer, body: list[bytes], path: str = "/hooks/pay", method: str = "POST", **headers: str
) -> Answer:
    """What the application answers; a body that ends with an empty piece does not go on."""
    sent: list[dict[str, Any]] = []
    pieces = iter(body)

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        if piece is None:
            await asyncio.sleep(10)
        return {"type": "http.request", "body": piece, "more_body": piece != body[-1] or piece == b"stuck"}

    async def send(message: Any) -> None:
        sent.append(message)

    named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    await server({"type": "http", "path": path, "method": method, "headers": raw}, receive, send)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, sent[1]["body"].decode()


def test_each_request_is_answered_as_the_docs_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with intake(tmp_path, replace(UNSIGNED, max_bytes=1000, reserve=10**6)) as one:
        server = WebhookServer({"/hooks/pay": one}, body_seconds=0.05)

        def ask(*body: bytes, **more: str) -> Answer:
            return asyncio.run(_asked(server, list(body), **more))

        assert ask(b'{"id"', b":1}")[::2] == (200, '{"stored":1,"of":1}')
        assert ask(b'{"id":1}')[::2] == (200, '{"stored":0,"of":1}')
        assert ask(b'[{"id":2},{"id":1}]')[::2] == (200, '{"stored":1,"of":2}')
        assert ask(b"", path="/healthz", method="GET")[::2] == (200, '{"status":"ok"}')
        assert ask(b"{}", path="/hooks/other")[0] == ask(b"{}", path="/")[0] == 404
        assert ask(b"", method="GET")[:2] == (405, {"allow": "POST", **PLAIN, "content-length": "18"})
        for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=latin-1"):
            assert ask(b'{"id":3}', content_type=kind)[0] == 415
        assert ask(b'{"id":3}', content_encoding="gzip")[0] == 415
        for kind in ("application/cloudevents+json", "Application/JSON; charset=UTF-8"):
            assert ask(b'{"id":3}', content_type=kind)[0] == 200
        assert ask(b"{}")[0] == ask(b"{'id': 3}")[0] == 400
        assert ask(b"{}", content_length="1001")[:2] == (413, {"connection": "close", **PLAIN, "content-length": "35"})
        assert ask(b"x" * 600, b"y" * 600)[0] == 413
        assert ask(b'{"id":4', b"stuck")[0] == 408
        assert server._held == 0
        with monkeypatch.context() as patched:
            patched.setattr("assay.connectors.webhook.server.HELD_BYTES", 5)
            assert ask(b'{"id":4}')[0] == 503
        one._room_until = 0
        monkeypatch.setattr("assay.connectors.webhook.intake.shutil.disk_usage", lambda _: type("U", (), {"free": 10}))
        status, headers, told = ask(b'{"id":5}')
        assert (status, headers["retry-after"], told) == (503, "60", "the disk has too little room\n")
        one._room_until = time.monotonic() + 60
        one.lander.waiting_bytes = one.feed.backlog
        assert ask(b'{"id":5}')[::2] == (503, "too much waits to be loaded\n")


PLAIN = {"content-type": "text/plain; charset=utf-8"}


def test_a_write_that_fails_is_answered_503_for_the_whole_group_and_the_next_one_is_stored(tmp_path: Path) -> None:
    async def work(one: Intake) -> None:
        disk = Disk()
        one._events._sync_data = disk.sync
        disk.is_broken = True
        answers = await asyncio.gather(*(one.store([event(n)]) for n in range(5)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [Refused] * 5
        assert {answer.retry_after for answer in answers if isinstance(answer, Refused)} == {5}
        disk.is_broken = False
        assert await asyncio.gather(*(one.store([event(n)]) for n in range(3, 40))) == [1] * 37
        assert disk.syncs <= 4, "many requests share a sync"
        assert await one.end()

    with intake(tmp_path) as one:
        asyncio.run(work(one))
    assert ids(landed(tmp_path)) == [str(n) for n in range(3, 40)]


def test_a_look_that_fails_keeps_events_and_lands_them_later(tmp_path: Path) -> None:
    looks = iter([Look(problem="feed pay: something is in the way"), Look()])
    settings = Settings(home=tmp_path)
    log = EventLog(feed_folder(settings, "pay"), Remembered(tmp_path / "memory", 60))
    lander = Lander(settings, "pay", log, lambda: next(looks))
    log.append([[event(1)]])
    with pytest.raises(Permanent, match="in the way"):
        lander.land()
    log.append([[event(2)]])
    assert lander.land() == 2
    assert ids(landed(tmp_path)) == ["1", "2"]
