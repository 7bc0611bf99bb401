"""Data tests of dbt for the demo's products: generic and plain, some of which fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

TESTS: dict[str, list[Any]] = {
    "product_id": ["not_null", "unique"],
    "department": [{"accepted_values": {"arguments": {"values": ["GROCERY"]}, "config": {"severity": "warn"}}}],
    "product_type": [
        {
            "accepted_values": {
                "name": "types_are_known",
                "arguments": {"values": ["COOKIES"]},
                "config": {"where": "department = 'GROCERY'", "error_if": ">1", "warn_if": ">0"},
            }
        }
    ],
}
"""Data tests of columns of `silver_products`; some of them fail, and one of them with an error."""
PLAIN_TESTS = {
    "no_odd_product": "select * from {{ ref('silver_products') }} where product_id = 12",
    "all_are_known": """
        {{ config(severity='warn', meta={'dagster': {'ref': {'name': 'silver_transactions'}}}) }}
        select t.* from {{ ref('silver_transactions') }} as t
        left join {{ ref('silver_products') }} as p on t.product_id = p.product_id where p.product_id is null
    """,
}


def add_tests(project: Path) -> None:
    """Data tests of all kinds, some of which fail."""
    path = project / "models" / "silver" / "silver_products.yml"
    content = yaml.safe_load(path.read_text())
    for column in content["models"][0]["columns"]:
        if column["name"] in TESTS:
            column["data_tests"] = TESTS[column["name"]]
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    (project / "tests").mkdir()
    for name, sql in PLAIN_TESTS.items():
        (project / "tests" / f"{name}.sql").write_text(sql)
