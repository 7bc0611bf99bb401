"""The name of a table in each of its spellings, cut and joined in one place."""

from __future__ import annotations

import duckdb
import pytest

from assay.contract.errors import ContractError
from assay.contract.names import LAYERS, TableName, layer_of, model_of, relation, table_of

ENTITIES = ["products", "daily_sales", "a.b", "b/c", "_", "x ", 'say "hi"', "gold.x", "silver_y", "Ünïcode", "'; --"]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("entity", ENTITIES)
def test_every_spelling_of_a_table_leads_back_to_it(layer: str, entity: str) -> None:
    name = TableName(layer, entity)
    assert TableName.of_model(name.model) == TableName.parse(name.table) == name
    assert TableName.of_subject(name.table) == TableName.of_subject(name.asset_path) == name
    assert (table_of(name.model), model_of(name.table), relation(name.table)) == (name.table, name.model, name.sql)
    assert (layer_of(name.model), str(name)) == (layer, name.table)


def test_a_table_is_spelled_as_the_model_the_table_the_asset_and_in_sql() -> None:
    name = TableName.of_model("silver_store_sales")
    assert (name.layer, name.entity) == ("silver", "store_sales")
    assert (name.model, name.table, name.asset_path) == (
        "silver_store_sales",
        "silver.store_sales",
        "silver/store_sales",
    )
    assert (name.sql, name.changes_sql) == ('"silver"."store_sales"', 'changes."silver_store_sales"')
    assert name.in_layer("quarantine") == TableName("quarantine", "store_sales")


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_relation_is_what_duckdb_calls_the_table(entity: str) -> None:
    name = TableName("gold", entity)
    with duckdb.connect() as connection:
        connection.execute(f"create schema gold; create table {name.sql} as select 1 as x")
        assert connection.execute("select schema_name, table_name from duckdb_tables()").fetchall() == [
            ("gold", entity)
        ]


def test_a_source_is_meant_by_its_own_name_and_by_its_bronze_table() -> None:
    bronze = TableName.of_source("products")
    assert {TableName.of_subject(name) for name in ("products", "bronze.products", "bronze/products")} == {bronze}
    assert (bronze.subject, bronze.is_bronze) == ("products", True)
    assert TableName.of_subject("gold/days").subject == "gold.days"
    assert TableName.of_subject("my.files") == TableName("bronze", "my.files")  # no layer is called `my`


@pytest.mark.parametrize("model", ["products", "silver", "silver_", "_products", "ops_files", "silver.products", ""])
def test_a_model_without_a_layer_is_refused(model: str) -> None:
    with pytest.raises(ContractError, match="is not called <layer>_<entity>; layers are bronze, silver, gold, quar"):
        TableName.of_model(model)


@pytest.mark.parametrize("table", ["products", "silver", "silver.", ".products", "ops.files", "silver_products", ""])
def test_a_table_without_a_layer_is_refused(table: str) -> None:
    with pytest.raises(ContractError, match=r"is not called <layer>\.<entity>; layers are bronze, silver, gold, quar"):
        TableName.parse(table)
