"""The feed of a source, as its yml declares it, and what a feed says of the contract in its place.

Belongs here: the declaration. Keep out: everything that fetches (`feeds/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from assay.contract.errors import ContractError

FOLDER = "feeds"
"""The folder of the landing zone in which feeds write, one folder each."""
MOMENT = "%Y-%m-%dT%H-%M-%S.%f"
"""How the name of a landed file says when it was read, in UTC."""
_SUFFIX = ".parquet"

Mode = Literal["whole", "watermark"]


@dataclass(frozen=True)
class FeedDeclaration:
    """From where a source is fetched, and how.

    Attributes:
        source: The source, by whose name the feed goes.
        kind: What is fetched from, e.g. `postgres`.
        url: Where it is, with secrets as references.
        table: The parts of the table's name, as the server has them.
        mode: `whole`: each fetch is a snapshot; `watermark`: rows whose cursor grew.
        cursor: The column that grows with each change; empty for a whole table.
        is_utc: Whether a cursor without a time zone is UTC.
        margin: Seconds by which clocks of writers may be behind.
        every: Seconds between two fetches.
    """

    source: str
    kind: str
    url: str
    table: tuple[str, ...]
    mode: Mode
    cursor: str = ""
    is_utc: bool = False
    margin: float = 1.0
    every: float = 60.0


def declared_feed(source: str, node: Mapping[str, Any]) -> FeedDeclaration | None:
    """The feed that the yml of a bronze model declares; None where files come by themselves.

    Raises:
        ContractError: A key or value is unknown, missing or contradicts another.
    """
    block = _meta(node).get("feed")
    if block is None:
        return None
    from assay.contract.yml_feed import FeedYml, table_parts  # noqa: PLC0415 - see assay.contract.yml

    feed = FeedYml.read(block, "feed")
    return FeedDeclaration(
        source,
        feed.server,
        feed.url,
        table_parts(feed.table),
        feed.mode,
        feed.cursor or "",
        feed.cursor_zone == "UTC",
        feed.margin,
        feed.every,
    )


def contract_block(source: str, node: Mapping[str, Any]) -> Any:
    """The block `contract` of a bronze model, with what its feed says of its files.

    Raises:
        ContractError: The feed cannot be used, or the contract says something in its place.
    """
    block: Any = _meta(node).get("contract")
    feed = declared_feed(source, node)
    if feed is None:
        return block
    from assay.contract.yml_feed import FedContractYml  # noqa: PLC0415 - see assay.contract.yml

    FedContractYml.read(block, "contract")
    if feed.mode == "watermark" and block.get("key"):
        raise ContractError("key: none: a watermark reads rows again, which only a primary_key tells from other rows")
    if feed.mode == "watermark" and "max_loss" in block:
        raise ContractError("max_loss: no file of a watermark replaces another; it goes with `mode: whole`")
    return {
        **block,
        "files": f"{FOLDER}/{source}/*/*/*/*{_SUFFIX}",
        "format": {"type": "parquet"},
        "load": "snapshot" if feed.mode == "whole" else "events",
        "newest_by": {"file_date": f"{MOMENT}{_SUFFIX}"},
    }


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = (node.get("config") or {}).get("meta") or {}
    return meta if isinstance(meta, Mapping) else {}
