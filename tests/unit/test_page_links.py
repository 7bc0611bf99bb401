"""Each table's asset leads to its view on the page."""

from __future__ import annotations

import dagster as dg
import pytest

from assay.orchestration.page_links import page_link

PAGE = "http://127.0.0.1:3001"


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("gold/daily_sales", f"{PAGE}/table/gold.daily_sales"),
        ("bronze/a b", f"{PAGE}/table/bronze.a%20b"),
        ("quarantine/sales", f"{PAGE}/quarantine?source=sales"),
        ("published", None),
        ("landing/sales", None),
    ],
)
def test_the_asset_of_a_table_leads_to_its_view(key: str, address: str | None) -> None:
    link = page_link(PAGE, dg.AssetKey(key.split("/")))
    assert link == ({"page": dg.MetadataValue.url(address)} if address else {})
    assert page_link("", dg.AssetKey(key.split("/"))) == {}
