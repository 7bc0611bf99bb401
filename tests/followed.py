"""A table whose changes a feed follows, and what they come to when they are applied one after another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from assay.base.settings import Settings
from assay.connectors.postgres.changes_fetcher import ChangesFetcher
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.frame import Fetched
from assay.fetching.running import run_on
from tests.places import PROJECT
from tests.postgres import PASSWORD, HasPort

_ENVIRONMENT = "ASSAY_TEST_PASSWORD"
OURS = ("_operation", "_position", "_source_time", "_unchanged", "_before")


class Followed:
    """A lake that only lands: feed and landing as in any other, and nobody who loads."""

    def __init__(self, home: Path, server: HasPort, **declared: Any) -> None:
        os.environ[_ENVIRONMENT] = PASSWORD
        self.settings = Settings(home=home)
        source, database = declared.pop("source", "orders"), declared.pop("database", "postgres")
        url = f"postgresql://reader:${{env:{_ENVIRONMENT}}}@127.0.0.1:{server.port}/{database}"
        slot = declared.pop("slot", "assay_orders")
        usual: dict[str, Any] = {"url": url, "table": ("shop", "orders"), "publication": "assay_orders", "key": ("id",)}
        self.feed = TableFeed(
            source=source, kind="postgres", mode="changes", every=0.1, slot=slot, **{**usual, **declared}
        )

    def fetch(self) -> Fetched:
        """One fetch of a process of its own, as it were."""
        fetcher = ChangesFetcher(self.settings, self.feed)
        with fetcher.alone():
            return fetcher.fetch()

    def reset(self) -> None:
        fetcher = ChangesFetcher(self.settings, self.feed)
        with fetcher.alone():
            fetcher.begin_epoch()

    def started(self) -> subprocess.Popen[bytes]:
        """A process that goes on fetching."""
        code = f"from tests.followed import TableFeed, go_on; go_on({str(self.settings.home)!r}, {self.feed!r})"
        environment = {**os.environ, "ASSAY_FEED_RESERVE": "0"}
        return subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, env=environment, stderr=subprocess.PIPE)

    def landed(self) -> list[Path]:
        """The batches of the newest epoch, in the order of their ranges."""
        folders = sorted((self.settings.landing / "feeds" / self.feed.source).glob("[0-9]*"), key=lambda f: int(f.name))
        return sorted(folders[-1].rglob("*.parquet"), key=lambda path: path.parent.name) if folders else []

    def rows(self) -> list[dict[str, Any]]:
        """All changes of the newest epoch, in the order of their positions."""
        rows = [row for path in self.landed() for row in pq.read_table(path).to_pylist()]
        return sorted(rows, key=lambda row: row["_position"])

    def replayed(self) -> list[tuple[Any, ...]]:
        """The table, by applying each change to the ones before it."""
        table: dict[Any, dict[str, Any]] = {}
        for row in self.rows():
            values = {name: value for name, value in row.items() if name not in OURS}
            key = tuple(values.get(name) for name in self.feed.key)
            if row["_operation"] == "truncate":
                table.clear()
            elif row["_operation"] == "delete":
                del table[key]
            else:
                assert row["_operation"] != "update" or key in table, row
                assert row["_operation"] not in ("insert", "snapshot") or key not in table, row
                for name in row["_unchanged"] or ():
                    values[name] = table[key][name]
                table[key] = values
        return sorted(tuple(row.values()) for row in table.values())


def go_on(home: str, feed: TableFeed) -> None:
    """What `assay feed run` does, for a feed that no project declares."""
    run_on(Settings(home=Path(home)), feed, lambda _: None)
