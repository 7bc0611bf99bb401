"""Contracts of `load: changes`: what they hold without saying so, and what does not go with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.contract.contract import Contract
from assay.contract.errors import ContractError
from assay.contract.parse import parse_contract
from assay.tables.change_views import with_change_views
from assay.tables.generated_models import write_build
from tests.source import bronze_node
from tests.sources_project import write_sources

CHANGES: dict[str, Any] = {"files": "orders/{_epoch}/*.parquet", "format": {"type": "parquet"}, "load": "changes"}
COLUMNS = {"id": "bigint", "name": "varchar"}


def contract(**options: Any) -> Contract:
    return parse_contract(bronze_node("orders", COLUMNS, ["id"], **{**CHANGES, **options}))


def test_columns_of_changes_need_no_declaration() -> None:
    parsed = contract()
    own = {column.name: (column.type.sql, column.is_optional) for column in parsed.columns[2:]}
    assert own == {
        "_operation": ("varchar", False),
        "_position": ("varchar", False),
        "_source_time": ("timestamp with time zone", True),
        "_unchanged": ("varchar[]", True),
        "_before": ("varchar", True),
        "_epoch": ("bigint", False),
    }
    assert [column.name for column in parsed.path_columns] == ["_epoch"]
    assert "_epoch" not in contract(files="orders/*.parquet").names


def test_what_was_before_is_personal_where_a_column_is() -> None:
    node = bronze_node("orders", COLUMNS, ["id"], personal=["name"], **CHANGES)
    assert [column.name for column in parse_contract(node).columns if column.is_personal] == ["name", "_before"]


def test_a_history_decides_no_row_of_bronze() -> None:
    assert contract(history=True).form == contract().form
    assert contract(history=True).has_history


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": {"type": "csv"}}, "load: changes is read from Parquet, and the format is csv"),
        ({"newest_by": "name"}, "newest_by: of changes the greatest `_position` is the newest"),
        ({"new_columns": "add"}, "new_columns: add: a change may leave out a column"),
        ({"max_loss": 0.1}, "max_loss: a file of `load: changes` replaces no other"),
        ({"files": "feeds/orders/*/*/*/*.parquet"}, "the folder of the epoch is written {_epoch}"),
        ({"load": "events", "files": "orders/*", "history": True}, "history: goes with `load: changes`"),
        ({"load": "events"}, "files: {_epoch} is not a column"),
    ],
    ids=["csv", "newest_by", "add", "max_loss", "feed without epoch", "history of events", "epoch of events"],
)
def test_what_does_not_go_with_changes_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError) as refused:
        contract(**options)
    assert message in str(refused.value)


def test_a_change_needs_a_key() -> None:
    node = bronze_node("orders", COLUMNS, ["id"], **CHANGES)
    node["config"]["meta"]["contract"]["key"] = "none"
    with pytest.raises(ContractError, match="key: none: a change says by its key which row it is of"):
        parse_contract({**node, "constraints": []})


@pytest.mark.parametrize("name", ["_operation", "_position", "_mine"])
def test_a_column_of_changes_is_not_declared(name: str) -> None:
    with pytest.raises(ContractError, match=f"column {name}: names that start with `_` are kept"):
        parse_contract(bronze_node("orders", {**COLUMNS, name: "varchar"}, ["id"], **CHANGES))


def built(project: Path) -> dict[str, str]:
    write_build(project)
    folder = project / "build" / "models"
    return {path.name: path.read_text() for path in folder.rglob("*.*")}


ORDERS = {"columns": COLUMNS, "key": ("id",), "history": True, **CHANGES}


def test_silver_its_history_and_the_quarantine_of_held_changes_are_generated(tmp_path: Path) -> None:
    made = built(write_sources(tmp_path, orders=ORDERS, events={"columns": COLUMNS, "key": ("id",)}))
    assert "assay.newest_rows('bronze_orders')" in made["silver_orders.sql"]
    assert "assay.history_rows('bronze_orders')" in made["silver_orders_history.sql"]
    assert "has_changes=true" in made["quarantine_orders.sql"]
    assert "has_changes" not in made["quarantine_events.sql"]
    assert "silver_events_history.sql" not in made
    [history] = yaml.safe_load(made["silver_orders_history.yml"])["models"]
    assert history["constraints"] == [{"type": "primary_key", "columns": ["id", "_epoch", "_position"]}]
    without = {**ORDERS, "history": False, "files": "orders/*.parquet"}
    assert "silver_orders_history.sql" not in built(write_sources(tmp_path / "other", orders=without))


def test_a_history_may_be_described_by_hand(tmp_path: Path) -> None:
    project = write_sources(tmp_path, orders=ORDERS)
    columns = [{"name": "id", "data_type": "bigint"}, {"name": "since", "config": {"meta": {"from": "_valid_from"}}}]
    columns[1]["data_type"] = "timestamp with time zone"
    model = {"name": "silver_orders_history", "columns": columns}
    (project / "models" / "silver_orders_history.yml").write_text(yaml.safe_dump({"models": [model]}))
    with pytest.raises(ContractError, match="silver_orders_history: column _file_id is missing"):
        built(project)
    columns.append({"name": "_file_id", "data_type": "bigint"})
    (project / "models" / "silver_orders_history.yml").write_text(yaml.safe_dump({"models": [model]}))
    made = built(project)
    assert '"_valid_from" as timestamp with time zone) as "since"' in made["silver_orders_history.sql"]
    assert "silver_orders_history.yml" not in made


def test_a_history_that_nothing_makes_is_refused(tmp_path: Path) -> None:
    project = write_sources(tmp_path, orders={**ORDERS, "history": False})
    model = {"name": "silver_orders_history", "columns": [{"name": "id", "data_type": "bigint"}]}
    (project / "models" / "silver_orders_history.yml").write_text(yaml.safe_dump({"models": [model]}))
    with pytest.raises(ContractError, match="silver_orders_history has no SQL, and bronze_orders keeps no versions"):
        built(project)


def test_a_history_is_not_called_like_another_source(tmp_path: Path) -> None:
    other = {"columns": COLUMNS, "key": ("id",)}
    with pytest.raises(ContractError, match="history: its table would be silver_orders_history, which is that of"):
        built(write_sources(tmp_path, orders=ORDERS, orders_history=other))


def test_versions_are_asked_of_changes_alone() -> None:
    node = bronze_node("orders", COLUMNS, ["id"])
    marked = "select * from (/*assay:{} bronze_orders*/ select 1 /*assay:end*/)"
    assert with_change_views(marked.format("newest_rows"), "silver_orders", {"bronze_orders": node})[1] == ()
    with pytest.raises(ContractError, match="history_rows reads bronze_orders, whose files are not of `load: changes`"):
        with_change_views(marked.format("history_rows"), "silver_orders_history", {"bronze_orders": node})
