"""The feed of a source, as its yml declares it, and its contract with what the feed says of it.

Every reader of `meta: contract:` goes by `contract_block`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from assay.contract.feed import FeedDeclaration
from assay.contract.names import LAYERS, TableName, layer_of


def declared_feed(source: str, node: Mapping[str, Any]) -> FeedDeclaration | None:
    """The feed that the yml of a bronze model declares; None where files come by themselves.

    Raises:
        ContractError: A key or value is unknown, missing or contradicts another.
    """
    block = _meta(node).get("feed")
    if block is None:
        return None
    from assay.contract.feed_kinds.yml_kinds import feed_yml  # noqa: PLC0415 - see assay.contract.yml

    yml = feed_yml(block)
    keys = [item for item in node.get("constraints") or [] if item["type"] == "primary_key"]
    keyed = yml.declaration(source).keyed(keys[0].get("columns") or () if keys else ())
    return replace(keyed, **yml.shared)


def feeds_of(models: Mapping[str, Mapping[str, Any]]) -> dict[str, FeedDeclaration]:
    """All feeds of a project, by source.

    Args:
        models: The nodes of its models, by name; see `Catalog`.

    Raises:
        ContractError: One cannot be used.
    """
    names = [TableName.of_model(model) for model in sorted(models) if layer_of(model) in LAYERS]
    feeds = {name.entity: declared_feed(name.entity, models[name.model]) for name in names if name.is_bronze}
    return {source: feed for source, feed in feeds.items() if feed is not None}


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
