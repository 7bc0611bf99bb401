"""Where people read on the page whether a table holds: a link in the metadata of its asset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import dagster as dg

from assay.contract.names import LAYERS, TableName


def page_link(page_url: str, key: dg.AssetKey) -> Mapping[str, dg.MetadataValue[Any]]:
    """The metadata `page` of an asset that is a table; none of another, or where there is no page.

    Args:
        page_url: Where people find the page; empty for no link.
        key: e.g. `gold/daily_sales`.
    """
    layer = key.path[0]
    if not page_url or layer not in LAYERS or len(key.path) == 1:
        return {}
    name = TableName(layer, "/".join(key.path[1:]))
    path = f"/quarantine?source={quote(name.entity)}" if layer == "quarantine" else f"/table/{quote(name.table)}"
    return {"page": dg.MetadataValue.url(f"{page_url}{path}")}
