"""Records of an HTTP API are in silver as they are at the source, however its server behaves and the feed dies."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.disk import small_disk
from tests.http_server import Answer, Asked, HttpServer
from tests.kills import Ordeal, full
from tests.places import PROJECT
from tests.proxy import TcpProxy
from tests.rest import RestLake
from tests.writers import Writers

pytestmark = pytest.mark.feeds

COLUMNS = {"id": "bigint", "amount": "decimal(10,2)", "updated_at": "timestamp with time zone"}


@pytest.fixture
def api() -> Iterator[HttpServer]:
    with HttpServer(lambda _: Answer(status=404)) as server:
        yield server


class Orders(Writers):
    """Orders that change, by time and after an id, of a server that fails now and then in every way it can."""

    threads = 1

    def __init__(self, seed: int, trouble: float = 0.0) -> None:
        super().__init__(seed)
        self.rows: dict[int, dict[str, Any]] = {}
        self._draw = random.Random(seed)  # noqa: S311 - a plan is no secret
        self._trouble = trouble
        self._lock = threading.Lock()

    def put(self, number: int) -> None:
        with self._lock:
            moment = datetime.now(UTC).isoformat(timespec="milliseconds")
            amount = f"{self._draw.randint(0, 99999) / 100:.2f}"
            self.rows[number] = {"id": number, "amount": amount, "updated_at": moment}
            self.written += 1

    def write(self, number: int, draw: random.Random) -> None:  # noqa: ARG002 - there is one thread
        self.put(draw.randint(1, 400))
        time.sleep(0.002)

    def __call__(self, asked: Asked) -> Answer:
        with self._lock:
            since, until = (datetime.fromisoformat(asked.params[name]) for name in ("since", "until"))
            after = int(asked.params.get("after", "0"))
            rows = [row for row in sorted(self.rows.values(), key=lambda row: row["id"]) if row["id"] > after
                    and since <= datetime.fromisoformat(row["updated_at"]) < until]  # fmt: skip
            page = [{**row, "amount": "NUMBER"} for row in rows[:20]]
            text = json.dumps({"orders": page, "has_more": len(rows) > 20})
            for row in rows[:20]:
                text = text.replace('"NUMBER"', row["amount"], 1)
            return self._troubled(text.encode())

    def _troubled(self, body: bytes) -> Answer:
        if self._draw.random() > self._trouble:
            return Answer(body)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return self._draw.choice([
            Answer(status=429, headers={"Retry-After": "0"}),
            Answer(status=500),
            Answer(body[: len(body) // 2]),
            Answer(raw=head + body[: len(body) // 2]),
            Answer(raw=b""),
        ])  # fmt: skip


WINDOW = {
    "path": "/orders",
    "records": "/orders",
    "paging": {"type": "keyset", "param": "after", "key": "/id", "more": "/has_more", "size": 20},
    "mode": "window",
    "window": {"from": "since", "until": "until", "cursor": "/updated_at", "lag": 2},
}


def started() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def assert_equal(lake: RestLake, orders: Orders) -> None:
    lab = lake.lab()
    lab.good_run()
    expected = [
        (row["id"], Decimal(row["amount"]), datetime.fromisoformat(row["updated_at"]))
        for row in sorted(orders.rows.values(), key=lambda row: row["id"])
    ]
    assert lab.rows("select id, amount, updated_at from silver.orders order by id") == expected


def test_a_feed_that_is_killed_while_the_source_changes_and_fails_has_every_record_once(
    tmp_path: Path, api: HttpServer
) -> None:
    window = {**WINDOW["window"], "start": started()}  # type: ignore[dict-item]
    with TcpProxy(api.port) as proxy, small_disk(tmp_path / "lake" / "data" / "landing") as disk:
        url = f"http://127.0.0.1:{proxy.port}"
        lake = RestLake(tmp_path / "lake", {**WINDOW, "url": url, "window": window, "every": 0.1}, COLUMNS)

        def restart() -> None:
            api.stop()
            proxy.cut(0.3, is_silent=False)  # with the connections that are open
            api.start()

        troubles = {"restarts": restart, "cuts": proxy.cut_for_a_while, **full(disk, lake.settings, "orders")}
        ordeal = Ordeal("rest, by windows", lake.running, lambda: len(lake.landed()), troubles)
        with Orders(ordeal.seed, trouble=0.05) as orders:
            api.program = orders
            for kill in ordeal.kills():
                if kill == 1:
                    lake.lab().good_run()
                    for path in lake.landed()[:2]:
                        path.unlink()
        assert orders.written > 500
        time.sleep(1.1)  # a window ends at a whole second
        lake.feed("run", "orders", "--once")
        assert_equal(lake, orders)
        ordeal.tell(len(orders.rows))


def test_a_backfill_is_a_batch_for_each_window_and_goes_on_after_an_error(tmp_path: Path, api: HttpServer) -> None:
    orders = Orders(1)
    for number in range(1, 90):
        orders.put(number)
        day = 1 + number % 20
        orders.rows[number]["updated_at"] = f"2026-01-{day:02}T{number % 24:02}:00:00.000+00:00"
    window = {**WINDOW["window"], "start": "2026-01-01", "size": "1 week"}  # type: ignore[dict-item]
    lake = RestLake(tmp_path / "lake", {**WINDOW, "url": api.url, "window": window}, COLUMNS)
    api.program = lambda a: Answer(status=403) if a.params["since"] > "2026-01-10" else orders(a)
    assert "403 Forbidden" in lake.feed("run", "orders", "--once", code=1)
    assert [path.parent.name for path in lake.landed()] == [
        "%28start%29~2026-01-08T00:00:00Z".replace("%28start%29", "(start)"),
        "2026-01-08T00:00:00Z~2026-01-15T00:00:00Z",
    ][: len(lake.landed())]
    api.program = orders
    assert "records landed" in lake.feed("run", "orders", "--once")
    position = json.loads(lake.feed("status", "--json"))[0]["position"]["window"]
    assert position > "2026-03", "windows without records are known to be so"
    assert lake.landed()[-1].stat().st_size == 0
    assert "0 records landed" in lake.feed("run", "orders", "--once")
    assert_equal(lake, orders)


def test_a_whole_source_is_a_snapshot_and_one_that_is_as_it_was_is_no_file(tmp_path: Path, api: HttpServer) -> None:
    rows = [{"id": 1, "name": "a", "address": {"city": "Bern", "zip": "3000"}}, {"id": 2, "name": "b", "address": None}]
    api.program = lambda _: Answer({"data": rows})
    columns = {
        "id": "bigint",
        "name": {"data_type": "varchar", "config": {"meta": {"personal": True}}},
        "city": {"data_type": "varchar", "config": {"meta": {"path": "/address/city"}}},
    }
    feed = {"url": api.url, "records": "/data", "mode": "whole"}
    lake = RestLake(tmp_path / "lake", feed, columns)
    shown = lake.feed("test", "orders")
    assert "city varchar" in shown
    assert "masked" in shown and "is not there" not in shown and not lake.folder.exists()
    assert "2 records landed" in lake.feed("run", "orders", "--once")
    assert "no new snapshot" in lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.good_run()
    assert lab.rows("select id, name, city from silver.orders order by id") == [(1, "a", "Bern"), (2, "b", None)]
    del rows[0]
    assert "1 records landed" in lake.feed("run", "orders", "--once")
    lab.good_run()
    assert lab.rows("select id from silver.orders") == [(2,)]


def test_records_keep_every_digit_and_those_that_are_doubtful_are_quarantined(tmp_path: Path, api: HttpServer) -> None:
    body = b'[{"id": 1, "n": 12345678901234567890.123, "t": 1.10},\r\n {"id": 2, "n": 1, "n": 2, "t": "x"}]'
    api.program = lambda _: Answer(body)
    columns = {"id": "bigint", "n": "decimal(38,3)", "t": "varchar"}
    lake = RestLake(tmp_path / "lake", {"url": api.url, "mode": "whole"}, columns)
    assert "2 records landed" in lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.run()
    assert lab.rows("select id, n, t from silver.orders") == [(1, Decimal("12345678901234567890.123"), "1.10")]
    assert "occurs more than once" in str(lab.rows("select * from quarantine.orders"))


def test_the_elements_of_a_list_are_rows(tmp_path: Path, api: HttpServer) -> None:
    api.program = lambda _: Answer([{"no": 7, "lines": [{"sku": "a"}, {"sku": "b"}]}, {"no": 8, "lines": []}])
    columns = {
        "sku": "varchar",
        "no": {"data_type": "bigint", "config": {"meta": {"path": "^/no"}}},
        "position": {"data_type": "bigint", "config": {"meta": {"path": "#"}}},
    }
    lake = RestLake(tmp_path / "lake", {"url": api.url, "mode": "whole", "each": "/lines"}, columns)
    lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.good_run()
    assert lab.rows("select no, position, sku from silver.orders order by 2") == [(7, 1, "a"), (7, 2, "b")]


def test_no_secret_is_written_or_told_anywhere(
    tmp_path: Path, api: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"KEY": "k-9f81c2", "FIRST": "f-1d22ab", "CLIENT": "c-77aa10", "TOKEN_KEY": "t-00f1ed"}
    for name, secret in secrets.items():
        monkeypatch.setenv(name, secret)
    given = ["f-1d22ab"]

    def program(asked: Asked) -> Answer:
        if asked.path == "/token":
            if asked.form["refresh_token"] != given[-1]:
                return Answer({"error": "invalid_grant", "given": asked.form}, status=400)
            given.append(f"refresh-{len(given)}-5cc0")
            return Answer({"access_token": "access-0b3d", "refresh_token": given[-1], "expires_in": 1})
        if asked.headers.get("authorization") not in (None, "Bearer access-0b3d") or asked.path == "/broken":
            return Answer({"echo": [dict(asked.headers), asked.params]}, status=403)
        return Answer([{"id": 1}])

    api.program = program
    oauth = {"type": "oauth2", "token_url": f"{api.url}/token", "client_id": "app", "client_secret": "${env:CLIENT}",
             "refresh_token": "${env:FIRST}", "token_key": "${env:TOKEN_KEY}"}  # fmt: skip
    key = {"type": "key", "name": "api_key", "in": "query", "value": "${env:KEY}"}
    lake = RestLake(tmp_path / "lake", {"url": api.url, "mode": "whole"}, {"id": "bigint"})
    told = []
    run = ("run", "orders", "--once")
    for feed, words, code in (
        ({"auth": oauth}, ("test", "orders"), 0),
        ({"auth": key}, run, 0),
        ({"auth": key, "path": "/broken"}, run, 1),
        ({"auth": oauth, "path": "/broken"}, run, 1),
    ):
        lake.declare({"kind": "rest", "url": api.url, "mode": "whole", **feed}, {"id": "bigint"})
        more = {"env": {**lake.environment, "ASSAY_LOG": "json"}} if code else {}
        told.append(lake.feed(*words, code=code, **more))
    given.append("another")
    told.append(lake.feed("run", "orders", "--once", code=1))
    assert "allow the application again" in told[-1] and len(given) > 3
    told += [lake.feed("status"), lake.feed("list")]
    lake.lab().good_run()
    planted = [text.encode() for text in (*secrets.values(), "access-0b3d", *given[1:-1])]
    assert not [text for text in told for secret in planted if secret in text.encode()]
    files = [path for path in lake.project.parent.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files for secret in planted if secret in path.read_bytes()]


EXAMPLES = re.findall(r"```yaml\n(models:.+?)```", (PROJECT / "docs" / "feeds_rest.md").read_text(), re.DOTALL)


def example(host: str, url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The feed and columns of an example of the docs, at another address."""
    text = next(text for text in EXAMPLES if host in text)
    (model,) = yaml.safe_load(text.replace(f"https://{host}", url))["models"]
    columns = {column.pop("name"): column for column in model["columns"]}
    return model["config"]["meta"]["feed"], columns


def test_issues_of_github_are_read_as_the_docs_declare_it(
    tmp_path: Path, api: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shape: a link to the next page in a header, a rate that is said in headers, `since` and no until."""
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_abc")
    every = [{"id": 10_000 + n, "number": n, "title": f"t{n}", "state": "open", "user": {"login": f"u{n}"},
              "body": None, "updated_at": f"2026-02-{1 + n // 10:02}T00:00:{n % 10:02}Z"}
             for n in range(1, 251)]  # fmt: skip
    limited = [1]

    def program(asked: Asked) -> Answer:
        assert asked.headers["authorization"] == "Bearer ghp_abc" and asked.path == "/repos/dlt-hub/dlt/issues"
        if limited and limited.pop():
            reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()))}
            return Answer({"message": "API rate limit exceeded"}, status=403, headers=reset)
        since = sorted(every, key=lambda issue: str(issue["updated_at"]))
        since = [issue for issue in since if str(issue["updated_at"]) >= asked.params["since"]]
        size, page = int(asked.params["per_page"]), int(asked.params.get("page", "1"))
        more = len(since) > page * size
        query = f"since={asked.params['since']}&per_page={size}&state=all"
        link = [f'<{api.url}{asked.path}?{query}&page={page - 1}>; rel="prev"'] if page > 1 else []
        link += [f'<{api.url}{asked.path}?{query}&page={page + 1}>; rel="next"'] if more else []
        return Answer(since[(page - 1) * size : page * size], headers={"Link": ", ".join(link)} if link else {})

    api.program = program
    lake = RestLake(tmp_path / "lake", *example("api.github.com", api.url))
    assert "250 records landed" in lake.feed("run", "orders", "--once")
    every[3] |= {"state": "closed", "updated_at": started()}
    every.append({**every[0], "id": 1, "number": 251, "updated_at": started()})
    time.sleep(1.1)
    assert "2 records landed" in lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.good_run()
    rows = lab.rows("select id, number, state, author from silver.orders order by id")
    assert rows == sorted((i["id"], i["number"], i["state"], i["user"]["login"]) for i in every)


def test_events_of_stripe_are_read_as_the_docs_declare_it(
    tmp_path: Path, api: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shape: the newest first, `has_more`, `starting_after` an id, times as numbers."""
    monkeypatch.setenv("STRIPE_KEY", "sk_abc")
    first = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp())
    every = [{"id": f"evt_{n}", "type": "charge", "created": first + n * 3600, "data": {"object": {"amount": n}}}
             for n in range(500)]  # fmt: skip

    def program(asked: Asked) -> Answer:
        begin, end = int(asked.params["created[gte]"]), int(asked.params["created[lt]"])
        inside = [event for event in reversed(every) if begin <= event["created"] < end]  # type: ignore[operator]
        if last := asked.params.get("starting_after"):
            inside = inside[[event["id"] for event in inside].index(last) + 1 :]
        size = int(asked.params["limit"])
        return Answer({"object": "list", "data": inside[:size], "has_more": len(inside) > size})

    api.program = program
    lake = RestLake(tmp_path / "lake", *example("api.stripe.com", api.url))
    assert "records landed" in lake.feed("run", "orders", "--once")
    lab = lake.lab()
    lab.good_run()
    assert lab.rows("select count(*), count(distinct id), sum(amount) from silver.orders") == [
        (500, 500, sum(range(500)))
    ]
    assert len(lake.landed()) > 15, "a day is a batch"
