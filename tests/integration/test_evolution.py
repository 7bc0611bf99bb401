"""A contract that takes in more changes bronze and its silver in place; docs/evolution.md says what costs what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from assay.cli.incidents import look_after_run, present
from assay.contract.catalog import Catalog
from assay.loading.narrower import malformed_under_narrower_types
from assay.orchestration.instance import open_instance
from assay.publish import lake_state
from assay.publish.reader import open_published
from assay.tables.dbt import parse_if_changed
from tests.lab import Lab
from tests.sources_project import write_sources

ID: dict[str, Any] = {"data_type": "bigint"}
AMOUNT: dict[str, Any] = {"data_type": "decimal(6,2)"}
WIDE: dict[str, Any] = {"data_type": "decimal(12,2)"}


def column(kind: str, *aliases: str) -> dict[str, Any]:
    """An optional column."""
    return {"data_type": kind, "config": {"meta": {"optional": True, **({"aliases": aliases} if aliases else {})}}}


def change(lab: Lab, folder: Path, **sales: Any) -> None:
    """Give the source another contract."""
    write_sources(folder, sales=sales)
    parse_if_changed(lab.settings)


def put(lab: Lab, name: str, text: str) -> None:
    lab.put(f"sales/{name}.csv", text.encode())


def describe(lab: Lab) -> dict[str, str]:
    return dict(lab.rows("select column_name, column_type from (describe silver.sales)"))


@pytest.mark.slow
def test_a_column_a_name_and_a_wider_type_come_into_silver_without_a_rebuild(tmp_path: Path) -> None:
    lab = Lab(
        tmp_path / "lake", write_sources(tmp_path, sales={"columns": {"id": ID, "amount": AMOUNT}, "key": ("id",)})
    )
    put(lab, "a", "id,amount,till\n1,1.50,7\n2,2.50,\n")
    put(lab, "b", "id,amount,kasse\n3,3.50,9\n")
    put(lab, "c", "id,amount\n4,4.50\n")
    lab.good_run()
    tables = "select table_name, rebuilt_seq from ops.tables order by table_name"
    built = lab.stored(tables)
    columns = {"id": {"data_type": "hugeint"}, "till": column("bigint", "kasse"), "amount": WIDE}
    change(lab, tmp_path, columns=columns, key=("id",))
    put(lab, "d", "id,amount,kasse\n5,1234567890.50,5\n")
    lab.good_run()
    assert lab.rows("select id, amount::varchar, till from silver.sales order by id") == [
        (1, "1.50", 7), (2, "2.50", None), (3, "3.50", 9), (4, "4.50", None), (5, "1234567890.50", 5),
    ]  # fmt: skip
    assert lab.stored(tables) == built
    assert (describe(lab)["id"], describe(lab)["amount"]) == ("HUGEINT", "DECIMAL(12,2)")
    evolved = sorted(lab.rows("select id, amount, till from silver.sales"))
    lab.good_run(full_refresh=("bronze.sales",))
    assert sorted(lab.rows("select id, amount, till from silver.sales")) == evolved


@pytest.mark.slow
@pytest.mark.parametrize("native_rows", [lake_state.NATIVE_ROWS, 1], ids=["in the file", "in parts"])
def test_added_columns_are_shown_to_readers_as_texts_until_the_contract_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native_rows: int
) -> None:
    monkeypatch.setattr(lake_state, "NATIVE_ROWS", native_rows)
    columns: dict[str, Any] = {"id": ID}
    lab = Lab(tmp_path / "lake", write_sources(tmp_path, sales={"columns": columns, "key": ("id",)}))
    put(lab, "a", "id,clerk\n1,007\n")
    lab.good_run()
    assert "clerk" not in describe(lab)
    change(lab, tmp_path, columns=columns, key=("id",), new_columns="add")
    lab.good_run()
    assert lab.rows("select id, clerk from silver.sales") == [(1, "007")]
    put(lab, "b", 'id,Clerk,"it\'s ""so""",_file_id,ID2\n2,x,y,z,\n')
    put(lab, "c", "id\n3\n")
    lab.good_run()
    shown = 'select id, clerk, "it\'s ""so""", id2 from silver.sales order by id'
    assert lab.rows(shown) == [(1, "007", None, None), (2, None, "y", None), (3, None, None, None)]
    assert describe(lab)["_file_id"] == "BIGINT"
    assert {describe(lab)[name] for name in ("clerk", 'it\'s "so"', "ID2")} == {"VARCHAR"}
    lab.good_run(full_refresh=("bronze.sales",))
    assert lab.rows(shown) == [(1, "007", None, None), (2, None, "y", None), (3, None, None, None)]
    change(lab, tmp_path, columns={**columns, "clerk": column("varchar", "Clerk")}, key=("id",), new_columns="add")
    lab.good_run()
    assert lab.rows(shown) == [(1, "007", None, None), (2, "x", "y", None), (3, None, None, None)]
    assert lab.status()["shape_changes"][-1]["sentence"] == "sales/a.csv: column clerk came (varchar holds its values)"


@pytest.mark.slow
def test_what_was_rescued_is_read_through_a_silver_yml_of_ones_own_and_shown_on_the_asset(tmp_path: Path) -> None:
    project = write_sources(tmp_path, sales={"columns": {"id": ID}, "key": ("id",)})
    rescued = {"name": "rescued", "data_type": "varchar", "config": {"meta": {"from": "_rescued"}}}
    silver = {
        "name": "silver_sales",
        "config": {"meta": {"owner": "tests"}},
        "constraints": [{"type": "primary_key", "columns": ["id"]}],
        "columns": [{"name": "id", "data_type": "bigint"}, rescued],
    }
    (project / "models" / "silver_sales.yml").write_text(yaml.safe_dump({"models": [silver]}))
    lab = Lab(tmp_path / "lake", project)
    put(lab, "a", "id,clerk\n1,007\n,it's\n")
    lab.good_run()
    look_after_run(lab.settings)
    assert lab.rows("select record from quarantine.sales") == [('{"id":null,"clerk":"it\'s"}',)]
    assert lab.rows("select id, rescued ->> '$.clerk' from silver.sales") == [(1, "007")]
    with open_instance(lab.settings) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["bronze", "sales"]))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["shape_changes"].value == 1
    table = metadata["shape_changes_so_far"]
    assert isinstance(table, dg.TableMetadataValue)
    [record] = table.records
    assert (record.data["file"], record.data["change"]) == (
        "sales/a.csv",
        "column clerk came (varchar holds its values)",
    )
    [notice] = [incident for incident in present(lab.settings) if incident.cause.kind == "shape_changed"]
    assert notice.cause.owner == "tests"


@pytest.mark.slow
def test_a_wider_type_keeps_what_was_malformed_until_the_files_are_read_again(tmp_path: Path) -> None:
    lab = Lab(
        tmp_path / "lake", write_sources(tmp_path, sales={"columns": {"id": {"data_type": "integer"}}, "key": ("id",)})
    )
    put(lab, "a", "id\n1\n3000000000\n")
    lab.good_run()
    change(lab, tmp_path, columns={"id": ID}, key=("id",), version="1.1.0")
    lab.good_run()
    assert lab.rows("select kind, contract_version, is_live from quarantine.sales") == [("malformed", "1.0.0", True)]
    assert lab.rows("select id from silver.sales") == [(1,)]
    with open_published(lab.settings.published) as published:
        told = list(malformed_under_narrower_types(published, Catalog.read(lab.settings.dbt_project).contracts))
    assert told == [("sales", "sales/a.csv", "id held no more than integer, and is bigint now")]
    lab.good_run(full_refresh=("bronze.sales",))
    assert lab.rows("select id from silver.sales order by id") == [(1,), (3_000_000_000,)]


@pytest.mark.slow
def test_rescue_after_add_takes_a_column_of_silver_away_on_command(tmp_path: Path) -> None:
    columns: dict[str, Any] = {"id": ID}
    project = write_sources(tmp_path, sales={"columns": columns, "key": ("id",), "new_columns": "add"})
    lab = Lab(tmp_path / "lake", project)
    put(lab, "a", "id,clerk\n1,007\n")
    lab.good_run()
    change(lab, tmp_path, columns=columns, key=("id",))
    outcome = lab.run()
    assert not outcome.success
    assert "assay run --full-refresh silver.sales" in str(outcome.failures)
    assert lab.rows("select id, clerk from silver.sales") == [(1, "007")]
    lab.good_run(full_refresh=("silver.sales",))
    assert {"clerk", "_rescued"}.isdisjoint(describe(lab))
    assert lab.stored("select _rescued ->> 'clerk' from bronze.sales") == [("007",)]


STRUCT = "struct(name varchar, zip integer)"


@pytest.mark.slow
def test_what_a_struct_does_not_name_is_no_column_that_came(tmp_path: Path) -> None:
    """Types that hold others, other names of columns, and columns that come, in one file."""
    columns = {"id": ID, "person": {"data_type": STRUCT, "config": {"meta": {"aliases": ["customer"]}}}}
    form = {"type": "jsonl"}
    sales = {"columns": columns, "key": ("id",), "files": "sales/*.jsonl", "format": form, "new_columns": "add"}
    lab = Lab(tmp_path / "lake", write_sources(tmp_path, sales=sales))
    texts = [
        '{"id": 1, "person": {"name": "a", "zip": 1}}\n',
        '{"id": 2, "person": {"name": "b", "zip": 2, "vip": true}, "till": 7}\n',
        '{"id": 3, "customer": {"zip": 3, "name": "c", "vip": false}}\n'
        '{"id": 4, "customer": {"name": "d", "zip": "4,5"}}\n{"id": 5, "customer": null, "person": {"name": "e"}}\n'
        '{"id": 6, "customer": {"name": "f"}, "person": {"name": "g"}}\n',
    ]
    for number, text in enumerate(texts):
        lab.put(f"sales/{number}.jsonl", text.encode())
        lab.good_run()
    rows = "select id, person.name, person.zip, _rescued::varchar, till from silver.sales order by id"
    stored = lab.rows(rows)
    assert stored == [
        (1, "a", 1, None, None),
        (2, "b", 2, '{"till":7,"person":{"vip":true}}', "7"),
        (3, "c", 3, '{"customer":{"vip":false}}', None),
        (5, "e", None, None, None),
    ]
    told = [("till", "came", None), ("/person/vip", "came", "vip"), ("person", "renamed", "customer")]
    assert lab.rows("select column_name, what, name_in_file from ops.schema_changes order by change_id") == told
    [_, place, _] = lab.status()["shape_changes"]
    assert place["sentence"] == "sales/1.jsonl: /person/vip came, which no column names"
    assert place["proposed_type"] is None
    reasons = lab.rows("select unnest(reasons) as r from quarantine.sales order by 1")
    both, inside = (reason for (reason,) in reasons)
    assert both.startswith("/person, /customer are names of one column, person")
    assert inside == "person/zip: '4,5' is no integer"
    lab.good_run(full_refresh=("bronze.sales",))
    assert lab.rows(rows) == stored
