"""NULL as a value of a key: two of them are one key, from bronze to gold, key by key as in a full rebuild."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.contract.errors import ContractError
from assay.contract.parse import parse_contract
from tests.lab import Lab, everything
from tests.source import bronze_node
from tests.sources_project import write_sources

NULLABLE = {"config": {"meta": {"nullable_key": True}}}
SHOPS = {
    "files": "shops/region={region}/*",
    "newest_by": "amount",
    "columns": {
        "shop": {"data_type": "bigint", **NULLABLE},
        "amount": {"data_type": "bigint", "constraints": [{"type": "not_null"}]},
        "region": {"data_type": "varchar", **NULLABLE},
    },
    "key": ("region", "shop"),
}
TABLES = """
models:
  - name: silver_shops
    constraints: [{type: primary_key, columns: [area, shop]}]
    config: {meta: {owner: tests}}
    columns:
      - {name: area, data_type: varchar, config: {meta: {from: region, nullable_key: true}}}
      - {name: shop, data_type: bigint, config: {meta: {nullable_key: true}}}
      - {name: amount, data_type: bigint}
  - name: gold_areas
    constraints: [{type: primary_key, columns: [area]}]
    config: {meta: {owner: tests, redo: {key: [area], inputs: {silver_shops: [area]}}}}
    columns:
      - {name: area, data_type: varchar, config: {meta: {nullable_key: true}}}
      - {name: amount, data_type: bigint}
"""
GOLD = """
select area, sum(amount)::bigint as amount from {{ ref('silver_shops') }}
where {{ assay.affected('area') }} group by area
"""
NOWHERE = "shops/region=__HIVE_DEFAULT_PARTITION__"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    project = write_sources(tmp_path, shops=SHOPS)
    (project / "models" / "tables.yml").write_text(TABLES)
    (project / "models" / "gold").mkdir()
    (project / "models" / "gold" / "gold_areas.sql").write_text(GOLD)
    return Lab(tmp_path / "lake", project)


@pytest.mark.slow  # real runs
def test_null_is_a_key_as_any_other_however_the_files_come(lab: Lab) -> None:
    steps = [
        {f"{NOWHERE}/1": "shop,amount\n1,10\n,20\n", "shops/region=a/1": "shop,amount\n1,10\n,20\n"},
        {f"{NOWHERE}/2": "shop,amount\n,21\n,20\n3,5\n"},
        {f"{NOWHERE}/1": "shop,amount\n1,11\n", "shops/region=a/2": "shop,amount\n,20\n"},
    ]
    for step in steps:
        for name, content in step.items():
            lab.put(name, content.encode())
        lab.good_run()
        by_change = everything(lab)
        figures = lab.source("shops")["rows"]
        lab.good_run(full_refresh=("silver.shops", "gold.areas"))
        assert everything(lab) == by_change
        assert lab.source("shops")["rows"] == figures
    lab.good_run(full_refresh=("bronze.shops",))
    assert everything(lab) == by_change
    assert lab.run(has_full_checks=True).success

    shops = lab.rows("select area, shop, amount from silver.shops order by all nulls first")
    assert shops == [(None, None, 21), (None, 1, 11), (None, 3, 5), ("a", None, 20), ("a", 1, 10)]
    assert lab.rows("select * from gold.areas order by all nulls first") == [(None, 37), ("a", 30)]
    assert figures["duplicates"] == 2

    lab.spoil("insert into silver.shops select * from silver.shops where area is null and shop is null")
    outcome = lab.run(has_full_checks=True)
    assert "unique(area, shop)" in str(outcome.failures)


def node(**metas: dict[str, Any]) -> dict[str, Any]:
    made = bronze_node("sales", {"id": "bigint", "till": "bigint", "amount": "bigint"}, ["id", "till"])
    for column, meta in metas.items():
        made["columns"][column]["config"] = {"meta": meta}
    return made


def test_a_nullable_column_of_a_key_has_no_rule_against_null() -> None:
    assert [rule.name for rule in parse_contract(node(till={"nullable_key": True})).rules] == ["id_not_null"]
    assert parse_contract(node()).fingerprint != parse_contract(node(till={"nullable_key": True})).fingerprint


def test_an_optional_column_may_be_in_a_key_that_may_be_null() -> None:
    assert parse_contract(node(till={"nullable_key": True, "optional": True})).optional == ["till"]
    with pytest.raises(ContractError, match=r"models/bronze/bronze_sales.yml: column till: is optional"):
        parse_contract(node(till={"optional": True}))


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ({"amount": {"nullable_key": True}}, "column amount: nullable_key: it is not in the primary_key"),
        ({"till": {"nullable_key": "yes"}}, "nullable_key is true or false, not 'yes'"),
    ],
)
def test_a_key_that_cannot_be_is_refused(meta: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError) as error:
        parse_contract(node(**meta))
    assert says in str(error.value)


def test_nullable_and_not_null_contradict_each_other() -> None:
    made = node(till={"nullable_key": True})
    made["columns"]["till"]["constraints"] = [{"type": "not_null"}]
    with pytest.raises(ContractError, match="column till: nullable_key stands beside not_null"):
        parse_contract(made)
