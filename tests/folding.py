"""A feed whose batches a ledger knows: what is folded, and what is still there to be read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Generator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assay.base.settings import Settings
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.folded import Folds
from assay.feeds.folding import Folding
from assay.feeds.frame import Batch, Fetcher
from assay.feeds.landing import BatchStore
from assay.feeds.names import WHOLE
from assay.feeds.places import ledger_of
from assay.feeds.position import Position
from assay.ledger.folded_files import find, unfolded

GLOB = "feeds/orders/*/*/*/*.parquet"
PARTS = ("by:id", "b~c")


@dataclass(frozen=True)
class Bytes:
    """The content of a batch."""

    data: bytes
    suffix: str = ".parquet"

    def write(self, path: Path) -> int:
        """See `Content`."""
        path.write_bytes(self.data)
        return 1


class Source:
    """Yields the next batch of each partition, whose content says what it is."""

    def __init__(self, partitions: Collection[str], sizes: dict[int, int]) -> None:
        self.partitions, self.sizes = partitions, sizes

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:  # noqa: ARG002 - as of `Feed`
        """See `Feed`."""
        for partition in self.partitions:
            end = position.end_of(partition)
            at = int(end or 0)
            start = None if partition == WHOLE else end
            content = f"{position.epoch} {partition} {at}".encode().ljust(self.sizes.get(at, 1), b" ")
            yield Batch(partition, start, str(at + 1), Bytes(content))


class FoldedFeed:
    """A lake with one feed."""

    def __init__(
        self, home: Path, partitions: Collection[str] = PARTS, *, fold_from: int = 4, fold_below: int = 1_000
    ) -> None:
        self.settings = Settings(home=home)
        self.feed = TableFeed(
            source="orders",
            kind="postgres",
            url="",
            table=("a",),
            mode="whole",
            fold_from=fold_from,
            fold_below=fold_below,
        )
        self.source = Source(partitions, {})
        self.fetcher = Fetcher(self.settings, self.feed, self.source)
        self.store = BatchStore(self.settings.landing, "orders", 0.0)
        self.batches: dict[str, bytes] = {}

    def fetch(self, times: int = 1) -> None:
        """Let batches land."""
        with self.fetcher.alone():
            for _ in range(times):
                for path in self.fetcher.fetch().batches:
                    self.batches[path] = (self.settings.landing / path).read_bytes()

    def publish(self, without: Collection[str] = ()) -> None:
        """A run has loaded all that landed, but for some, and published."""
        published = self.settings.published
        published.mkdir(parents=True, exist_ok=True)
        file = published / f"{len(list(published.iterdir()))}.ops.duckdb"
        with duckdb.connect(str(file)) as db:
            db.execute("create schema ops")
            db.execute(
                "create table ops.files (sighting_id bigint, file_id bigint, source varchar, path varchar, "
                "content_hash varchar, status varchar, size_bytes bigint, mtime_ns bigint)"
            )
            rows = [self._row(at, path, path not in without) for at, path in enumerate(self.batches)]
            db.execute(f"insert into ops.files values {', '.join(map(str, rows))}")
        link = published / "ops.duckdb"
        link.unlink(missing_ok=True)
        link.symlink_to(file)

    def _row(self, at: int, path: str, is_loaded: bool) -> tuple[object, ...]:
        data, place = self.batches[path], self.settings.landing / path
        mtime = place.stat().st_mtime_ns if place.exists() else 0
        sha256 = hashlib.sha256(data).hexdigest()
        return (at, at, "orders", path, sha256, "loaded" if is_loaded else "arrived", len(data), mtime)

    def folding(self) -> Folding:
        """What folds it, which readers know."""
        folding = Folding(self.settings, self.feed, self.store)
        folding.fold() if not (self.store._folder / ".folding").exists() else None
        return folding

    def fold(self) -> int:
        """Fold what may be."""
        with self.fetcher.alone():
            return self.folding().fold()

    @property
    def folds(self) -> Folds:
        return Folds.of(self.settings.landing, "orders")

    def loose(self) -> list[str]:
        """Batches that lie in landing."""
        return sorted(self.store.loose())

    def readable(self) -> dict[str, bytes]:
        """All that a run sees, each once."""
        arrivals = find(self.settings.landing, GLOB)
        assert len({arrival.name for arrival in arrivals}) == len(arrivals)
        contents = {}
        for arrival in arrivals:
            if arrival.is_folded:
                with unfolded(self.settings.landing, arrival.name, self.settings.home / "scratch") as path:
                    assert path is not None and path.name == arrival.name.rpartition("/")[2]
                    contents[arrival.name] = path.read_bytes()
            else:
                contents[arrival.name] = arrival.path.read_bytes()
        return contents

    def position(self) -> Position:
        """Where it goes on."""
        with self.fetcher.alone():
            return self.fetcher._positions(ledger_of(self.settings, "orders"))[1]
