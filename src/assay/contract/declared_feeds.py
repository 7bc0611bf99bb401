"""The feed of a source, as its yml declares it, and its contract with what the feed says of it.

Every reader of `meta: contract:` goes by `contract_block`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.contract.feed import FeedDeclaration


def declared_feed(source: str, node: Mapping[str, Any]) -> FeedDeclaration | None:
    """The feed that the yml of a bronze model declares; None where files come by themselves.

    Raises:
        ContractError: A key or value is unknown, missing or contradicts another.
    """
    block = _meta(node).get("feed")
    if block is None:
        return None
    from assay.contract.feed_kinds.yml_kinds import feed_yml  # noqa: PLC0415 - see assay.contract.yml

    keys = [item for item in node.get("constraints") or [] if item["type"] == "primary_key"]
    return feed_yml(block).declaration(source).keyed(keys[0].get("columns") or () if keys else ())


def contract_block(source: str, node: Mapping[str, Any]) -> Any:
    """The block `contract` of a bronze model, with what its feed says of its files.

    Raises:
        ContractError: The feed cannot be used, or the contract says something in its place.
    """
    feed = declared_feed(source, node)
    block: Any = _meta(node).get("contract")
    return block if feed is None else feed.completed(block)


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = (node.get("config") or {}).get("meta") or {}
    return meta if isinstance(meta, Mapping) else {}
