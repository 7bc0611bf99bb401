"""A day of all kinds of feeds, good and bad: no secret of any is in a byte that was written, told or listed."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from standardwebhooks import Webhook

from assay.base import clock
from assay.cli.feeds import declared
from assay.feeds.last_fetch import LastFetch
from assay.fetching.supervision import read_children
from assay.orchestration.feed_events import CHANGED, FeedObserver
from assay.orchestration.incidents_sensor import Watchman
from assay.orchestration.instance import open_instance
from tests.fed_lake import OneFeed
from tests.feeds import test_buckets, test_sftp
from tests.feeds.test_buckets import proxy, s3, service  # noqa: F401 - fixtures
from tests.feeds.test_services import Services, until
from tests.http_server import Answer, Asked, HttpServer
from tests.mariadb import MariaDb, run
from tests.objects import SECRET, Proxy, csv
from tests.postgres import PASSWORD, Server
from tests.sftp import Files, Sftp
from tests.vault import TOKEN, Vault

HOOK = "whsec_c2VjcmV0LXRoYXQtaXMtcGxhbnRlZC1oZXJl"
BEARER = "b3arer.of.a-test"
SOURCES = ("watermark", "changes", "maria", "api", "files", "sftp")
"""What the services fetch; they serve `hook`, which senders bring."""


class Day(OneFeed):
    """A lake with a feed of each kind, each with a secret of its own."""

    def __init__(self, home: Path, feeds: dict[str, dict[str, Any]], vault: Vault, key: Path) -> None:
        super().__init__(home)
        self.secrets = {
            "SHOP_PASSWORD": PASSWORD,
            "BUCKET_SECRET": SECRET,
            "HOOK_SECRET": HOOK,
            "AWS_EC2_METADATA_DISABLED": "true",
            **vault.environment,
        }
        self._key = key
        key.write_text(SECRET)
        vault.secrets["/v1/kv/shop"]["password"] = BEARER
        self.planted = {PASSWORD, SECRET, HOOK, HOOK[6:], base64.b64decode(HOOK[6:]).decode(), TOKEN, BEARER}
        self.write(*(self._model(name, feed) for name, feed in feeds.items()))

    @staticmethod
    def _model(source: str, feed: dict[str, Any]) -> dict[str, Any]:
        contract: dict[str, Any] = {"version": "1.0.0", "owner": "tests", "new_columns": "rescue"}
        if feed["kind"] in ("bucket", "sftp"):
            contract["format"] = {"type": "csv", "delimiter": ",", "header": True, "encoding": "utf-8"}
            contract["load"] = "events"
        return {
            "name": f"bronze_{source}",
            "description": "One row per order.",
            "config": {"meta": {"contract": contract, "feed": {"every": 0.3, **feed}}},
            "constraints": [{"type": "primary_key", "columns": ["id"]}],
            "columns": [{"name": "id", "data_type": "varchar" if source == "hook" else "bigint"}],
        }

    def plant_others(self, vault: Vault) -> None:
        """Have secrets that no source takes."""
        for name in ("SHOP_PASSWORD", "BUCKET_SECRET"):
            self.secrets[name] = f"wr0ng/pl4nted {name}+ä"
        self.secrets["HOOK_SECRET"] = f"whsec_{base64.b64encode(b'wr0ng-and-planted-too-00').decode()}"
        vault.secrets["/v1/kv/shop"]["password"] = "wr0ng.bearer.of-a-test"  # noqa: S105 - planted
        self._key.write_text("wr0ng key, pl4nted")
        others = {name: self.secrets[name] for name in ("SHOP_PASSWORD", "BUCKET_SECRET", "HOOK_SECRET")}
        self.planted |= {*others.values(), "wr0ng.bearer.of-a-test", "wr0ng key, pl4nted", "wr0ng"}


@pytest.fixture
def vault() -> Iterator[Vault]:
    with Vault() as vault:
        yield vault


@pytest.fixture
def api() -> Iterator[HttpServer]:
    """An API that shows who it refuses what came."""

    def program(asked: Asked) -> Answer:
        if asked.headers.get("authorization") == f"Bearer {BEARER}":
            return Answer([{"id": 1}])
        return Answer({"you sent": [dict(asked.headers), asked.params]}, status=401)

    with HttpServer(program) as api:
        yield api


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Sftp]:
    Files.folder = tmp_path / "there"
    (Files.folder / "out").mkdir(parents=True)
    (Files.folder / "out" / "a.csv").write_bytes(csv((1, 10)))
    server = Sftp()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def day(
    tmp_path: Path,
    *,
    tmp_path_factory: pytest.TempPathFactory,
    server: Server,
    log_db: psycopg.Connection[Any],
    mariadb: MariaDb,
    maria: Any,
    proxy: Proxy,  # noqa: F811 - fixtures
    s3: Any,  # noqa: F811 - as above
    sftp: Sftp,
    api: HttpServer,
    vault: Vault,
) -> Day:
    at = "timestamptz not null default now() - interval '1 hour'"
    for name in ("watermark", "changes"):
        log_db.execute(f"create table shop.{name} (id bigint primary key, at {at})".encode())
        log_db.execute(f"insert into shop.{name} values (1)".encode())
    log_db.execute("create publication assay_changes for table shop.changes")
    run(maria, "create table orders (id bigint primary key)", "insert into orders values (1)")
    test_buckets.put(s3, "sales/a.csv", csv((1, 10)))
    key = tmp_path_factory.mktemp("outside") / "password"
    postgres = {
        "kind": "postgres",
        "url": f"postgresql://reader:${{env:SHOP_PASSWORD}}@127.0.0.1:{server.port}/postgres",
    }
    feeds: dict[str, dict[str, Any]] = {
        "watermark": {**postgres, "table": "shop.watermark", "mode": "watermark", "cursor": "at"},
        "changes": {**postgres, "table": "shop.changes", "mode": "changes"},
        "maria": {**mariadb.feed, "table": "shop.orders", "mode": "whole"},
        "api": {
            "kind": "rest",
            "url": api.url,
            "mode": "whole",
            "auth": {"type": "bearer", "token": "${vault:kv/shop#password}"},
        },
        "files": test_buckets.feed_of(proxy.port),
        "sftp": {**test_sftp.feed_of(sftp, sftp.port), "password": f"${{file:{key}}}", "settle": 0.1},
        "hook": {
            "kind": "webhook",
            "path": "/hook",
            "reserve": 0,
            "signature": {"type": "standard", "secret": "${env:HOOK_SECRET}"},
        },
    }
    return Day(tmp_path / "lake", feeds, vault, key)


def command_lines() -> str:
    """The list of processes of this machine, as everybody sees it."""
    texts = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            texts.append(place.read_bytes().decode(errors="replace").replace("\0", " "))
        except OSError:  # it has ended
            continue
    return "\n".join(texts)


def post(log: Path) -> None:
    """Send to the services one event that is signed, and one that another key signed."""
    match = until(lambda: re.search(rb'"address": "http://127.0.0.1:(\d+)"', log.read_bytes()))
    now = datetime.now(UTC)
    statuses = []
    for delivery, key in (("1", HOOK), ("2", f"whsec_{base64.b64encode(b'x' * 24).decode()}")):
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(key).sign(delivery, now, "{}"),
        }
        connection = http.client.HTTPConnection("127.0.0.1", int(match[1]), timeout=10)
        connection.request("POST", "/hook", b"{}", headers)
        statuses.append(connection.getresponse().status)
        connection.close()
    assert statuses == [200, 401]


def test_no_secret_of_any_kind_is_written_told_or_listed(
    tmp_path: Path,
    day: Day,
    vault: Vault,
    proxy: Proxy,  # noqa: F811 - fixtures
) -> None:
    told = [day.feed("list"), *(day.feed("test", name) for name in (*SOURCES, "hook"))]
    good = Services(day, tmp_path / "good")
    try:
        until(lambda: all((last := LastFetch.read(day.settings, name)) and last.good_at for name in SOURCES))
        post(good.log)
        told += [command_lines(), day.feed("status"), day.feed("status", "--json")]
    finally:
        good.end()
    day.lab().good_run()
    day.plant_others(vault)
    proxy.trouble = lambda _: 403
    told += [day.feed("run", name, "--once", code=1) for name in SOURCES]
    told += [day.feed("test", name, code=1) for name in SOURCES]
    bad = Services(day, tmp_path / "bad")
    try:
        until(lambda: [child.state for child in (read_children(day.settings) or {}).values()].count("stopped") == 6)
        with open_instance(day.settings) as instance:
            catalog, feeds = declared(day.settings)
            observer = FeedObserver(day.settings, feeds)
            assert len(observer.observe(instance, clock.now())) >= len(SOURCES)
            plan = Watchman(day.settings, catalog).look(instance, clock.now() + CHANGED)
            assert {incident.cause.subject for incident in plan.incidents} >= set(SOURCES), plan
        told += [command_lines(), day.feed("status"), day.feed("status", "--json")]
    finally:
        bad.end()
    told += [(tmp_path / name).read_text() for name in ("good", "bad")]
    assert_nowhere(day.planted, told, tmp_path)


def assert_nowhere(planted: set[str], told: list[str], folder: Path) -> None:
    """No secret is in a text or a file, in whichever way it may be spelled."""
    assert len("".join(told)) > 10_000
    spellings = {
        text.encode()
        for secret in planted
        for text in (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], secret[:12])
    }
    spellings |= {base64.b64encode(secret.encode()) for secret in planted}
    for text in told:
        assert not [secret for secret in spellings if secret in text.encode()], text
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 60
    assert not [(path, secret) for path in files for secret in spellings if secret in path.read_bytes()]
