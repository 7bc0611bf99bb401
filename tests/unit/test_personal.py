"""Columns about people: where a yml says it, and wherever SQL carries their values."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from assay.contract.catalog import Catalog
from assay.contract.personal import masked, personal_columns, unnamed, without_values
from tests.lab import WHOLE


def model(name: str, sql: str, columns: dict[str, bool | None], *parents: str, language: str = "sql") -> dict[str, Any]:
    described = {
        column: {"name": column, "config": {"meta": {} if is_personal is None else {"personal": is_personal}}}
        for column, is_personal in columns.items()
    }
    return {"name": name, "raw_code": sql, "columns": described, "parents": parents, "language": language}


def derived(sql: str, *columns: str, language: str = "sql", **declared: bool) -> set[str]:
    """Columns of a gold table that are personal because one of `silver_people` is, whose other is `town`."""
    people = model("silver_people", "", {"customer": True, "town": None})
    gold = model("gold_x", sql, {**dict.fromkeys(columns), **declared}, "silver_people", language=language)
    models = {node["name"]: node for node in (people, gold)}
    return set(personal_columns(models, lambda name: models[name]["parents"])) - {"customer"}


def test_the_demo_says_it_where_values_come_in_and_the_sql_carries_it_on() -> None:
    """What its silver and gold ymls say by hand is exactly what follows from bronze."""
    catalog = Catalog.read(WHOLE)
    models = copy.deepcopy(dict(catalog.models))
    for name, node in models.items():
        for column in node["columns"].values() if not name.startswith("bronze") else ():
            column["config"]["meta"].pop("personal", None)
    assert personal_columns(models, catalog.parents) == catalog.personal
    assert {"age_from_years", "is_married", "people_from"} <= catalog.personal
    assert not {"store_id", "sales_usd", "households", "town"} & catalog.personal


@pytest.mark.parametrize(
    "sql",
    [
        "select customer as x from {{ ref('silver_people') }}",
        'select "Customer" as X from {{ ref("silver_people") }}',
        "select p.customer as x from {{ ref('silver_people') }} as p",
        "select upper(left(customer, 3)) as x from t",
        "select max(customer) as x from t",
        "select list(customer) as x from t",
        "select any_value(customer) over (partition by town) as x from t",
        "select * rename (customer as x) from t",
        "select * replace (customer as x) from t",
        "with a as (select customer as b from t), c as (select b as d from a) select d as x from c",
        "with a(x) as (select customer from t) select x from a",
        "select x from (select customer from t) as a(x)",
        "select town as x from t union all select customer from t",
        "select case when town = 'a' then customer else 'b' end as x from t",
        "select {'a': customer} as x from t",
        "select (select max(customer) from t) as x",
        "select {{ initials('customer') }} as x from t",
        'select {{ initials("lower(customer)", 3) }} as x from t',
        "{% set n = 3 %} select left(customer, {{ n }}) as x from t where {{ assay.affected('town') }}",
        "select town, {# nothing #} customer || town as x from ({{ assay.newest_rows('silver_people') }})",
        "select {% raw %}customer as x{% endraw %} from t",
        "this is not sql (",
    ],
)
def test_a_column_that_a_personal_one_can_be_read_off_is_personal(sql: str) -> None:
    assert derived(sql, "x") == {"x"}


def test_a_value_is_followed_through_all_models_in_any_order() -> None:
    nodes = [
        model("gold_b", "select named as last from {{ ref('gold_a') }}", {"last": None}, "gold_a"),
        model("gold_a", "select full_name as named from {{ ref('silver_x') }}", {"named": None}, "silver_x"),
        model("silver_x", 'select "name" as full_name from bronze_x', {"full_name": None}, "bronze_x"),
        model("bronze_x", "select * from landing", {"name": True}),
        model("gold_other", "select named as other from elsewhere", {"other": None}),
    ]
    models = {node["name"]: node for node in nodes}
    personal = personal_columns(models, lambda name: models[name]["parents"])
    assert personal == {"name", "full_name", "named", "last"}


@pytest.mark.parametrize(
    "sql",
    [
        "select town as x from t",
        "select count(distinct customer) as x from t",
        "select count(*) filter (customer = 'a') as x from t",
        "select avg(length(customer)) as x from t",
        "select row_number() over (partition by customer order by customer) as x from t",
        "select customer is not null as x from t",
        "select town as x from t where customer = 'a'",
        "select (select count(*) from t where customer = 'a') as x",
        "select sum(1) as x from t group by customer order by customer",
    ],
)
def test_counts_and_conditions_let_no_value_through(sql: str) -> None:
    assert derived(sql, "x") == set()


def test_a_yml_may_say_that_nothing_can_be_read_off_a_column() -> None:
    sql = "select hash(customer) as x, customer as y from t"
    assert derived(sql, "y", x=False) == {"y"}


def test_a_python_model_may_carry_anything() -> None:
    assert derived("def model(dbt, con): ...", "x", "y", language="python") == {"x", "y"}


def test_a_project_without_personal_columns_is_not_read() -> None:
    node = model("gold_x", "select", {"x": None})
    assert personal_columns({"gold_x": node}, lambda _: ()) == frozenset()


def test_null_stays_null_where_values_are_masked() -> None:
    assert masked({"a": 1, "b": None, "c": 2}, {"a", "b"}) == {"a": "masked", "b": None, "c": 2}


def test_names_that_evidence_has_alone_are_not_known_to_be_harmless() -> None:
    described = ["customer", "town"]
    assert unnamed(["town", "value_field", "customer"], described, {"customer"}) == {"value_field"}
    assert unnamed(["town", "value_field"], described, {"other"}) == set()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "ConversionException: Conversion Error: Could not convert string 'O'Brien, Ann' to INT64 when casting",
            "ConversionException: Conversion Error: Could not convert string (masked) to INT64 when casting",
        ),
        (
            'Conversion Error: invalid date field format: "Ann Smith", expected format is (YYYY-MM-DD)',
            "Conversion Error: invalid date field format: (masked), expected format is (YYYY-MM-DD)",
        ),
        (
            "Conversion Error: Type INT64 with value 5551234567 can't be cast because",
            "Conversion Error: Type INT64 with value (masked) can't be cast because",
        ),
        ('Constraint Error: Duplicate key "id: 7"', "Constraint Error: Duplicate key (masked)"),
        ('Binder Error: column "x" is not there', 'Binder Error: column "x" is not there'),
    ],
)
def test_errors_about_a_value_are_told_without_it(message: str, shown: str) -> None:
    assert without_values(message) == shown
