"""Business sense: a rule that would be skipped is refused, and the tables that it compares differ by what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import ibis
import pandera.ibis as pa
import pytest

from assay.contract.business_rules import BusinessRules, differing, rules_of
from assay.contract.errors import ContractError
from tests.places import PROJECT


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_a_field_that_pandera_would_skip_is_refused() -> None:
    with pytest.raises(ContractError, match="product_id: columns, types and keys stand in the yml"):

        class Keyed(BusinessRules):
            product_id: int = pa.Field(unique=True)


@pytest.mark.parametrize("path", sorted((PROJECT / "dbt_project" / "rules").glob("*.py")), ids=lambda path: path.stem)
def test_every_rule_says_why_it_holds(path: Path) -> None:
    rules = rules_of(path)
    assert rules
    assert all(len((rule.__doc__ or "").split()) > 8 for rule in rules.values())


def test_two_tables_differ_where_a_value_does_or_a_row_is_only_in_one(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create table a as from (values (1, 5), (2, 6), (3, null), (4, 7)) as v(k, x)")
    con.execute("create table b as from (values (1, 5), (2, 9), (3, null), (5, 8)) as v(k, x)")
    backend = ibis.duckdb.from_connection(con)
    differences = differing(backend.table("a"), backend.table("b"), "k", "x").order_by("k").execute()
    assert differences.fillna(-1).astype(int).to_dict("records") == [
        {"k": 2, "found": 6, "expected": 9},
        {"k": 4, "found": 7, "expected": -1},
        {"k": 5, "found": -1, "expected": 8},
    ]
