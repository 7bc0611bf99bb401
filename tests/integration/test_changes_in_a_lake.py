"""A source of changes in a real lake: its contract is enough, and hand-written silver reads it by the same macro."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from assay.base.archive_limits import ArchiveLimits
from assay.contract.catalog import Catalog
from assay.describing.archive_files import described
from assay.describing.proposal import propose
from tests.changes import NAMED, batch, change, parquet
from tests.lab import Lab
from tests.sources_project import write_sources

COLUMNS = {name: {"data_type": kind} for name, kind in NAMED.items()}
COLUMNS["body"] = {"data_type": "varchar", "constraints": [{"type": "not_null"}]}
ORDERS = {
    "columns": COLUMNS,
    "key": ("id",),
    "files": "feeds/orders/{_epoch}/*/*/*.parquet",
    "format": {"type": "parquet"},
    "load": "changes",
    "history": True,
}
SNAPSHOT = [change("snapshot", 1, id=key, name="tea", body="long", price=20) for key in (1, 2, 3)]
LATER = [
    change("update", 11, id=1, name="mint", price=30, _unchanged=["body"]),
    change("delete", 12, id=2),
    change("update", 13, id=3, name="tea", body=None, price=20),
    change("update", 14, id=3, name="basil", price=20, _unchanged=["body"]),
    change("upsert", 15, id=4),
]


@pytest.mark.slow
def test_a_contract_of_changes_is_enough(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lake", write_sources(tmp_path, orders=ORDERS))
    lab.put(batch(None, 10), parquet(SNAPSHOT))
    lab.good_run()
    lab.put(batch(10, 20), parquet(LATER))
    lab.good_run()
    assert lab.rows("select id, name, body, price from silver.orders order by all") == [
        (1, "mint", "long", 30),
        (3, "tea", "long", 20),
    ]
    rejected = lab.rows("select kind, reasons, record from quarantine.orders order by record")
    assert [(kind, reasons) for kind, reasons, _ in rejected] == [
        ("quarantined", ["body_not_null"]),
        ("quarantined", ["body_not_null"]),
        ("malformed", ["_operation: 'upsert' is not one of snapshot, insert, update, delete, truncate"]),
    ]
    assert json.loads(rejected[0][2])["_unchanged"] == ["body"]
    assert lab.source("orders")["rows"] == {
        "bronze": 7,
        "silver": 2,
        "quarantined": 2,
        "superseded": 3,
        "duplicates": 0,
    }
    assert lab.rows("select id, _operation, _ended_by from silver.orders_history order by id, _position") == [
        (1, "snapshot", "update"),
        (1, "update", None),
        (2, "snapshot", "delete"),
        (3, "snapshot", None),
    ]
    assert lab.run(has_full_checks=True).success
    catalog = Catalog.read(lab.settings.dbt_project)
    assert catalog.silver_of("orders") == "silver_orders"
    lab.put(batch(None, 10, 2), parquet([]))
    lab.good_run()
    assert lab.rows("select count(*), count(_valid_to) from silver.orders_history") == [(4, 4)]
    assert lab.rows("from silver.orders") == []


@pytest.mark.slow
def test_hand_written_silver_takes_changes_in_by_the_same_macros(tmp_path: Path) -> None:
    project = write_sources(tmp_path, orders=ORDERS)
    columns = [{"name": "order_id", "data_type": "bigint", "config": {"meta": {"from": "id"}}}]
    columns += [{"name": "label", "data_type": "varchar"}, {"name": "changed_at", "data_type": "timestamptz"}]
    key = [{"type": "primary_key", "columns": ["order_id"]}]
    history = [{"name": "id", "data_type": "bigint"}, {"name": "_position", "data_type": "varchar"}]
    history += [{"name": "_file_id", "data_type": "bigint"}]
    both = [{"type": "primary_key", "columns": ["id", "_position"]}]
    silver = [
        {"name": "silver_orders", "constraints": key, "columns": columns},
        {"name": "silver_orders_history", "constraints": both, "columns": history},
    ]
    (project / "models" / "silver.yml").write_text(yaml.safe_dump({"models": silver}))
    (project / "models" / "silver").mkdir()
    (project / "models" / "silver" / "silver_orders.sql").write_text(
        "select id as order_id, upper(name) as label, _source_time as changed_at, _file_id, _duplicates_identical, "
        "_duplicates_conflicting from ({{ assay.newest_rows('bronze_orders') }})\n"
    )
    lab = Lab(tmp_path / "lake", project)
    lab.put(batch(10, 20), parquet(LATER[:2]))
    lab.good_run()
    lab.put(batch(None, 10), parquet(SNAPSHOT))
    lab.good_run()
    told = lab.rows("select order_id, label, second(changed_at) from silver.orders order by all")
    assert told == [(1, "MINT", 11), (3, "TEA", 1)]
    assert lab.source("orders")["rows"]["superseded"] == 3
    assert lab.rows("select count(*) from silver.orders_history") == [(4,)]


def test_files_of_changes_are_proposed_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(parquet([*SNAPSHOT, *LATER[:4], change("truncate", 20)]))
    with described("orders", [tmp_path / "a.parquet"], ArchiveLimits()) as files:
        proposal = propose("orders", files, "tests")
    [model] = yaml.safe_load(proposal.yml)["models"]
    assert model["config"]["meta"]["contract"]["load"] == "changes"
    assert model["constraints"] == [{"type": "primary_key", "columns": ["id"]}]
    assert [(column["name"], column["data_type"]) for column in model["columns"]] == list(NAMED.items())
    assert "load: each record has _operation and _position" in proposal.unsure[0]
