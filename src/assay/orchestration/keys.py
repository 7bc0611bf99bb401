"""Converts names of tables into asset keys and back: `silver.products` is the asset `silver/products`."""

from __future__ import annotations

from dagster import AssetKey

from assay.contract.feed import FOLDER
from assay.contract.names import TableName
from assay.incidents import unresolved_failures

PUBLISHED = AssetKey(unresolved_failures.PUBLISHED.split("/"))


def key_of(table: str) -> AssetKey:
    """`silver.products` → `silver/products`."""
    name = TableName.parse(table)
    return AssetKey([name.layer, name.entity])


def table_of_key(key: AssetKey) -> str:
    """`silver/products` → `silver.products`."""
    return ".".join(key.path)


def feed_key(source: str) -> AssetKey:
    """The asset that stands for what fetches a source."""
    return AssetKey([FOLDER, source])


def landing_key(source: str) -> AssetKey:
    """The asset that lists what has arrived from a source."""
    return AssetKey(["landing", source])
