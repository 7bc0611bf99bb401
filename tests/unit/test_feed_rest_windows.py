"""Windows of time: their bounds, what lands of them, and what an API does that does not know them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from assay.connectors.rest.document import Number
from assay.connectors.rest.times import asked, parsed, written
from assay.contract.feed_kinds.rest import Window
from assay.feeds.errors import Permanent, Transient
from assay.feeds.position import Position
from tests.http_server import Answer, Asked, HttpServer
from tests.places import PROJECT
from tests.rest import fetched, lines_of, reader

NOW = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
WINDOW = {"from": "since", "until": "to", "cursor": "/at", "start": "2026-03-01", "size": "1 day", "lag": 60}


class Orders:
    """An API of records by time."""

    def __init__(self, *times: str) -> None:
        self.rows: list[dict[str, Any]] = [{"id": number, "at": at} for number, at in enumerate(times, 1)]

    def __call__(self, asked: Asked) -> Answer:
        since, until = asked.params.get("since", ""), asked.params.get("to", "~")
        return Answer([row for row in self.rows if since <= row["at"] < until])


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda _: Answer([])) as server:
        yield server


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as moment:
        yield moment


def spans(source: Any, landed: str | None = None) -> list[tuple[str | None, str, list[int]]]:
    return [(b.start, b.end, [json.loads(line)["id"] for line in lines]) for b, lines in fetched(source, landed)]


def test_each_window_is_a_batch_that_follows_the_one_before(server: HttpServer, tmp_path: Path) -> None:
    server.program = Orders("2026-03-01T05:00:00Z", "2026-03-03T23:59:30Z", "2026-03-04T12:00:00Z")
    server.asked.clear()
    assert spans(reader(tmp_path, url=server.url, mode="window", window=WINDOW)) == [
        (None, "2026-03-02T00:00:00Z", [1]),
        ("2026-03-02T00:00:00Z", "2026-03-04T00:00:00Z", [2]),
        ("2026-03-04T00:00:00Z", "2026-03-04T12:00:30Z", [2, 3]),
    ]
    assert [(a.params["since"], a.params["to"]) for a in server.asked] == [
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
        ("2026-03-01T23:59:00Z", "2026-03-03T00:00:00Z"),
        ("2026-03-02T23:59:00Z", "2026-03-04T00:00:00Z"),
        ("2026-03-03T23:59:00Z", "2026-03-04T12:00:30Z"),
    ]


def test_windows_without_records_are_one_file_at_most(server: HttpServer, tmp_path: Path) -> None:
    server.program = Orders("2026-03-01T05:00:00Z")
    source = reader(tmp_path, url=server.url, mode="window", window=WINDOW)
    assert spans(source, "2026-03-02T12:00:00Z") == [("2026-03-02T12:00:00Z", "2026-03-04T12:00:00Z", [])]
    assert spans(source, "2026-03-03T12:00:00Z") == [("2026-03-03T12:00:00Z", "2026-03-04T12:00:00Z", [])]
    assert spans(source, "2026-03-04T12:00:00Z") == []
    assert spans(source, "2026-03-04T12:00:30Z") == []


def test_an_api_that_is_not_asked_until_when_has_one_window(server: HttpServer, tmp_path: Path) -> None:
    server.program = Orders("2026-03-01T05:00:00Z", "2026-03-04T13:00:00Z")
    window = {"from": "since", "cursor": "/at", "start": "2026-03-01"}
    source = reader(tmp_path, url=server.url, mode="window", window=window)
    assert spans(source) == [(None, "2026-03-04T12:00:30Z", [1, 2])]


def test_a_listing_that_grows_while_it_is_read_ends_with_its_window(server: HttpServer, tmp_path: Path) -> None:
    """Each request finds one more record that changed just now: what is past the bound is of the next window."""
    orders = Orders(*(f"2026-03-04T11:00:{second:02}Z" for second in range(10)))

    def program(asked: Asked) -> Answer:
        second = len(orders.rows)
        orders.rows.append({"id": second + 1, "at": f"2026-03-04T12:01:{second:02}Z"})
        return Answer([row for row in orders.rows if row["at"] >= asked.params["since"]][:4])

    server.program = program
    window = {"from": "since", "cursor": "/at", "start": "2026-03-01"}
    paging = {"type": "keyset", "param": "since", "key": "/at", "inclusive": True, "size": 4}
    source = reader(tmp_path, url=server.url, mode="window", window=window, paging=paging)
    ((start, end, ids),) = spans(source)
    assert (start, end, ids) == (None, "2026-03-04T12:00:30Z", [*range(1, 14)])
    assert spans(source, "2026-03-04T12:00:00Z")[0][2][0] == 11


def test_what_changes_after_the_last_page_is_of_the_next_window(server: HttpServer, tmp_path: Path) -> None:
    """The last page is short; the request after it finds a change of now, and one of before would mean a cut page."""
    orders = Orders(*(f"2026-03-04T11:00:{second:02}Z" for second in range(6)))

    def program(asked: Asked) -> Answer:
        page = [row for row in orders.rows if row["at"] >= asked.params["since"]][:4]
        if asked.params["since"] > "2026-03-04T11:00:02Z" and len(orders.rows) == 6:
            orders.rows.append({"id": 7, "at": late})
        return Answer(page)

    server.program = program
    window = {"from": "since", "cursor": "/at", "start": "2026-03-01"}
    paging = {"type": "keyset", "param": "since", "key": "/at", "inclusive": True, "size": 4}
    source = reader(tmp_path, url=server.url, mode="window", window=window, paging=paging)
    late = "2026-03-04T12:00:40Z"
    assert spans(source)[0][2] == [1, 2, 3, 4, 5, 6, 7]
    del orders.rows[6:]
    late = "2026-03-04T11:00:40Z"
    with pytest.raises(Transient, match="a page of 3 records was not the last one"):
        spans(source)


def test_a_window_that_fails_lands_nothing_and_those_before_it_stay(server: HttpServer, tmp_path: Path) -> None:
    orders = Orders("2026-03-01T05:00:00Z", "2026-03-02T05:00:00Z")
    server.program = lambda a: Answer(b"[{") if a.params["since"] > "2026-03-01T12" else orders(a)
    source = reader(tmp_path, url=server.url, mode="window", window=WINDOW)
    landed = []
    with pytest.raises(Transient, match="breaks off"):
        for batch in source.read(Position(), "2026"):
            landed.append((batch.end, [*batch.content.lines]))  # type: ignore[union-attr, attr-defined]
    assert [end for end, _ in landed] == ["2026-03-02T00:00:00Z"]


WRONG = {
    "ignores from": (Orders("2026-02-01T00:00:00Z"), "is `from` what the API calls the parameter"),
    "ignores until": (Orders("2026-03-04T05:00:00Z"), "is `until` what the API calls the parameter"),
    "no cursor": (Orders(), "has no time at /at"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_api_that_does_not_know_the_window_is_told(server: HttpServer, tmp_path: Path, name: str) -> None:
    orders, problem = WRONG[name]
    rows = orders.rows or [{"id": 1, "at": None}]
    server.program = lambda _: Answer(rows)
    with pytest.raises(Permanent, match=problem):
        lines_of(reader(tmp_path, url=server.url, mode="window", window=WINDOW))


def test_a_window_may_stand_inside_of_parameters(server: HttpServer, tmp_path: Path) -> None:
    server.program = lambda _: Answer([])
    server.asked.clear()
    window = {"start": "2026-03-01", "format": "date", "lag": 3600}
    params = {"q": "updated:{from}..{until}", "n": 5}
    assert lines_of(reader(tmp_path, url=server.url, mode="window", window=window, params=params)) == []
    assert server.asked[0].params == {"q": "updated:2026-03-01..2026-03-05", "n": "5"}


def test_a_clock_that_is_behind_is_told(server: HttpServer, tmp_path: Path) -> None:
    server.program = lambda _: Answer(raw=(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Wed, 04 Mar 2026 11:58:00 GMT\r\n\r\n[]"
    ))  # fmt: skip
    window = {"from": "since", "start": "2026-03-01", "lag": 60}
    with pytest.raises(Permanent, match="the clock of the API is 150 seconds behind"):
        lines_of(reader(tmp_path, url=server.url, mode="window", window=window))
    assert lines_of(reader(tmp_path, url=server.url, mode="window", window={**window, "lag": 150})) == []


@pytest.mark.parametrize(
    ("form", "since", "until"),
    [
        ("iso", "2026-03-04T10:00:01Z", "2026-03-04T11:00:01Z"),
        ("unix", "1772618401", "1772622001"),
        ("unix_ms", "1772618401000", "1772622001000"),
        ("date", "2026-03-04", "2026-03-05"),
        ("%Y-%m-%d %H:%M", "2026-03-04 10:00", "2026-03-04 11:01"),
        ("%d.%m.%Y", "04.03.2026", "05.03.2026"),
    ],
)
def test_no_format_leaves_out_what_is_between_two_windows(form: str, since: str, until: str) -> None:
    window = Window(start=NOW, lag=timedelta(seconds=60), format=form)
    start = datetime(2026, 3, 4, 10, 1, 1, tzinfo=UTC)
    bounds = asked(window, start, start + timedelta(minutes=59), is_first=False)
    assert [written(moment, form) for moment in bounds] == [since, until]


def test_times_of_records_are_read_in_utc() -> None:
    expected = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
    texts = ["2026-03-04T12:00:30Z", "2026-03-04T13:00:30+01:00", "2026-03-04 12:00:30", Number("1772625630"),
             Number("1772625630000"), "1772625630"]  # fmt: skip
    assert [parsed(text) for text in texts] == [expected] * len(texts)
    assert parsed("20260304") == datetime(2026, 3, 4, tzinfo=UTC)
    assert [parsed(text) for text in (None, True, {}, "soon", Number("1e400"))] == [None] * 5


DOCS = (PROJECT / "docs" / "feeds_rest.md").read_text()
HOOK = (
    re.findall(r"```python\n(.+?)```", DOCS, re.DOTALL)[0]
    + """

def fails(client, window):
    yield {}["secret"]


def wrong(client, window):
    yield [{"id": 1}]
"""
)


def test_a_hook_reads_what_yml_cannot_say(server: HttpServer, tmp_path: Path) -> None:
    def program(asked: Asked) -> Answer:
        if asked.path == "/reports" and asked.method == "POST":
            return Answer({"id": "r", "parts": 2, "asked": json.loads(asked.body)})
        return Answer({"rows": [{"id": asked.params["part"] + asked.params["id"]}]})

    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "orders.py").write_text(HOOK)
    server.program = program
    server.asked.clear()
    feed = {"url": server.url, "mode": "window", "window": WINDOW, "params": {"n": 1}}
    source = reader(tmp_path, hook="orders:pages", **feed)
    assert lines_of(source, "2026-03-04T00:00:00Z") == [b'{"id": "0r"}', b'{"id": "1r"}']
    assert json.loads(server.asked[0].body) == {"from": "2026-03-03T23:59:00Z", "to": "2026-03-04T12:00:30Z"}
    assert server.asked[1].params == {"n": "1", "id": "r", "part": "0"}
    assert source.sample(10).records == (("0r",),)
    for hook, problem in (
        ("orders:fails", "orders.py, line 9: KeyError: 'secret'"),
        ("orders:wrong", "yields list, expected a list as `reply.records"),
        ("orders:other", "feeds/orders.py has no function other"),
        ("others:pages", "there is no feeds/others.py in the dbt project"),
    ):
        with pytest.raises(Permanent, match=f"feed orders: hook {hook}.*{problem}"):
            lines_of(reader(tmp_path, hook=hook, **feed))
    server.program = lambda _: Answer(status=404)
    with pytest.raises(Permanent, match="the server says 404"):
        lines_of(source)


def test_a_sample_is_one_request(server: HttpServer, tmp_path: Path) -> None:
    records = [{"id": 1, "at": "2026-03-04T05:00:00Z", "a": {"b": 1.10}}, {"id": "x", "at": None, "c": [True]}] * 9
    server.program = lambda _: Answer(json.dumps({"data": records}).replace("1.1", "1.10").encode())
    server.asked.clear()
    window = {**WINDOW, "cursor": None}
    del window["cursor"]
    sample = reader(tmp_path, url=server.url, mode="window", window=window, records="/data",
                    paging={"type": "page"}).sample(10)  # fmt: skip
    assert [(column.name, column.there) for column in sample.columns] == [
        ("id", "number or string"), ("at", "string or null"), ("a", "object, not in all"), ("c", "array, not in all"),
    ]  # fmt: skip
    assert sample.records[:2] == (("1", "2026-03-04T05:00:00Z", '{"b":1.10}', None), ("x", None, None, "[true]"))
    assert len(sample.records) == 10 and len(server.asked) == 1
    assert server.asked[0].params == {"page": "1", "since": "2026-03-03T12:00:30Z", "to": "2026-03-04T12:00:30Z"}
