"""A feed of an HTTP API against a server of a test."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from assay.connectors.rest.feed import PARTITION, RestReader
from assay.contract.declared_feeds import declared_feed
from assay.contract.feed_kinds.rest import RestFeed
from assay.feeds.frame import Batch
from assay.feeds.position import Position
from tests.postgres import FedLake

READ_AT = "2026-11-01T00:00:00"


def declared(**feed: Any) -> RestFeed:
    """A feed of the source `orders`, as its yml would declare it."""
    block = {"kind": "rest", "url": "https://api.example.com/v1", "path": "/orders", "mode": "whole", **feed}
    contract = {"version": "1.0.0", "owner": "shop", "new_columns": "rescue"}
    declaration = declared_feed("orders", {"config": {"meta": {"contract": contract, "feed": block}}})
    assert isinstance(declaration, RestFeed)
    return declaration


def reader(folder: Path, **feed: Any) -> RestReader:
    """Reads such a feed; tokens and hooks are in a folder."""
    return RestReader(declared(**feed), folder / "orders.token", folder)


def fetched(source: RestReader, landed: str | None = None) -> list[tuple[Batch, list[bytes]]]:
    """What a fetch would land: batches with their lines."""
    position = Position(1, ((PARTITION, landed),)) if landed else Position()
    batches = (batch for batch in source.read(position, READ_AT) if isinstance(batch, Batch))
    return [(batch, [*batch.content.lines]) for batch in batches]  # type: ignore[attr-defined]


def lines_of(source: RestReader, landed: str | None = None) -> list[bytes]:
    """The records of a fetch, all batches in one."""
    return [line for _, lines in fetched(source, landed) for line in lines]


class RestLake(FedLake):
    """A lake with one source, `orders`, that a feed of an HTTP API fetches."""

    def __init__(self, home: Path, feed: dict[str, Any], columns: dict[str, Any]) -> None:
        super().__init__(home, SimpleNamespace(port=0), {"kind": "rest", **feed}, columns)  # type: ignore[arg-type]

    def landed(self) -> list[Path]:
        """The batches, by the moment of reading."""
        return sorted(self.folder.rglob("*.jsonl"), key=lambda path: path.name)
