"""What differs between two shapes of a table, and whom it binds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from assay.contract.parse import parse_contract
from assay.planning.changes import Change, changes_of, holds_all_of
from assay.planning.meaning import changed_meanings
from assay.planning.plan import _is_major as is_major
from assay.planning.shapes import Shape, as_stored
from assay.planning.work import downstream
from assay.tables.table_definition import bronze_form
from tests.source import bronze_node

LOOSE = {"type": "csv", "names": "loose"}
TYPES = {"id": "bigint", "name": "varchar", "amount": "decimal(10,2)"}
INPUTS = {"silver.sales": {"id": "bigint", "day": "date", "amount": "decimal(10,2)"}, "silver.shops": {"id": "bigint"}}
SQL = """
with sales as (select * from "warehouse"."silver"."sales" where temp.main.is_affected_gold_days(day)),
final as (select day, sum(amount) as amount, count(*) as sales from sales group by day)
select * from final
"""
RENAMED = SQL.replace("final", "the_end").replace("with sales as", "with lines as").replace("from sales", "from lines")


def source(types: Mapping[str, str] = TYPES, key: tuple[str, ...] = ("id",), **contract: Any) -> Shape:
    parsed = parse_contract(bronze_node("sales", types, key, **contract))
    return Shape(as_stored(bronze_form(parsed, "select *")), parsed.version, key=parsed.key)


def product(sql: str = SQL, key: tuple[str, ...] = ("day",), **rules: str) -> Shape:
    columns = [["day", "date"], ["amount", "decimal(38,2)"], ["sales", "bigint"]]
    return Shape({"sql": " ".join(sql.split()), "columns": columns, "redo": {}}, "", rules, key)


def told(before: Shape, after: Shape) -> list[tuple[str, str, bool]]:
    changes = changes_of("a.b", before, after, (INPUTS, INPUTS))
    return [(change.column, change.words, change.is_breaking) for change in changes]


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (source({**TYPES, "more": "date"}), ("more", "is new, date, and every file has to have it", True)),
        (source({"id": "bigint", "name": "varchar"}), ("amount", "is gone", True)),
        (source({**TYPES, "amount": "decimal(12,3)"}), ("amount", "widened: decimal(10,2) → decimal(12,3)", False)),
        (
            source({**TYPES, "amount": "decimal(10,3)"}),
            ("amount", "has another type: decimal(10,2) → decimal(10,3)", True),
        ),
        (source({**TYPES, "id": "integer"}), ("id", "has another type: bigint → integer", True)),
        (source({**TYPES, "id": "hugeint"}), ("id", "widened: bigint → hugeint", False)),
        (source(new_columns="refuse"), ("", "`new_columns`: rescue → refuse", True)),
        (source(files="other/*.csv"), ("", '`files`: "sales/*" → "other/*.csv"', False)),
        (source(load="snapshot", newest_by={"file_date": "s_%Y-%m-%d.csv"}), None),
    ],
    ids=lambda value: "" if isinstance(value, Shape) else str(value)[:30],
)  # fmt: skip
def test_a_contract_breaks_by_asking_for_more(after: Shape, change: tuple[str, str, bool] | None) -> None:
    if change is None:
        assert any(is_breaking for _, _, is_breaking in told(source(), after))
    else:
        assert told(source(), after) == [change]


def test_another_name_of_a_column_takes_more_files_and_one_that_is_gone_fewer() -> None:
    named = source(aliases={"name": ["Name"]})
    [(_, words, is_breaking)] = told(source(), named)
    assert (words, is_breaking) == ('`format`: aliases none → [["name", ["Name"]]]', False)
    assert [is_breaking for _, _, is_breaking in told(named, source())] == [True]
    other = source(aliases={"name": ["Name"]}, format={"type": "csv", "delimiter": ";"})
    assert [is_breaking for _, _, is_breaking in told(source(), other)] == [True]


def test_a_column_that_is_read_from_another_place_is_told_by_its_place() -> None:
    form = {"type": "jsonl"}
    flat, inside = source(format=form), source(format=form, paths={"name": "/person/name"})
    assert told(flat, inside) == [("name", "stands at /person/name of a record, and no longer at /name", True)]
    moved = source(format=form, paths={"name": "/people/0"})
    assert told(inside, moved) == [("name", "stands at /people/0 of a record, and no longer at /person/name", True)]


def test_a_key_and_what_follows_from_it_are_told() -> None:
    changes = told(source(), source(key=("id", "name")))
    assert ("", "the key is another: id → id, name", True) in changes
    assert ("", "rule name_not_null: none → name is not null", True) in [
        (column, words.replace('"', ""), is_breaking) for column, words, is_breaking in changes
    ]


@pytest.mark.parametrize(
    ("after", "changes"),
    [
        (product(), []),
        (product(RENAMED), []),
        (product(SQL.replace("\n", "\n  ") + "-- a comment"), []),
        (product(SQL.replace("count(*)", "count(id)")), [("sales", "means something else: its SQL is another", True)]),
        (
            product(SQL.replace("sum(amount)", "sum(amount) filter (amount > 0)")),
            [("amount", "means something else: its SQL is another", True)],
        ),
        (
            product(SQL.replace("group by", "where id > 0 group by")),
            [("", "every column means something else: its SQL is another", True)],
        ),
        (product("select (["), [("", "its SQL is another, and which columns it changes cannot be told", True)]),
        (product(key=("day", "sales")), [("", "the key is another: day → day, sales", True)]),
        (product(few="sales < 9"), [("", "rule few: none → sales < 9", False)]),
    ],
    ids=["same", "names", "layout", "one", "filter", "all", "unread", "key", "rule"],
)  # fmt: skip
def test_a_product_breaks_by_meaning_something_else(after: Shape, changes: list[tuple[str, str, bool]]) -> None:
    assert told(product(), after) == changes


def test_a_product_that_promises_less_breaks() -> None:
    assert told(product(few="sales < 9"), product(few="sales < 10")) == [("", "rule few: sales < 9 → sales < 10", True)]
    assert told(product(few="sales < 9"), product()) == [("", "rule few: sales < 9 → none", True)]


def test_tables_come_and_go() -> None:
    assert changes_of("a.b", None, product(), ({}, {})) == [Change("a.b", "", "is new", is_breaking=False)]
    assert changes_of("a.b", product(), None, ({}, {})) == [
        Change("a.b", "", "is not in the project any more", is_breaking=True)
    ]


@pytest.mark.parametrize(
    ("wider", "narrower", "holds"),
    [
        ("bigint", "integer", True),
        ("integer", "bigint", False),
        ("decimal(19,0)", "bigint", True),
        ("decimal(18,0)", "bigint", False),
        ("bigint", "decimal(18,0)", True),
        ("bigint", "decimal(19,0)", False),
        ("bigint", "decimal(18,1)", False),
        ("decimal(12,2)", "decimal(10,2)", True),
        ("decimal(12,3)", "decimal(10,2)", True),
        ("decimal(12,4)", "decimal(10,1)", False),
        ("varchar", "bigint", False),
        ("timestamp", "date", False),
        ("double", "double", True),
    ],
)
def test_a_type_is_wider_that_holds_every_value(wider: str, narrower: str, holds: bool) -> None:
    assert holds_all_of(wider, narrower) is holds


def test_a_column_that_is_read_otherwise_further_up_has_changed() -> None:
    columns = ["day", "amount", "sales"]
    swapped = SQL.replace("sum(amount)", "sum(amount / 2)")
    assert changed_meanings(SQL, swapped, columns, (INPUTS, INPUTS)) == ["amount"]
    joined = SQL.replace('."sales"', '."sales" join silver.shops using (id)')
    assert changed_meanings(SQL, joined, columns, (INPUTS, INPUTS)) == columns


@pytest.mark.parametrize(
    ("before", "after", "is_said"),
    [
        ("1.2.3", "2.0.0", True),
        ("1.2.3", "1.3.0", False),
        ("0.2.3", "0.3.0", True),
        ("0.2.3", "0.2.4", False),
        ("0.9.0", "1.0.0", True),
        ("2.0.0", "1.9.9", False),
    ],
)
def test_a_version_says_that_something_breaks(before: str, after: str, is_said: bool) -> None:
    assert is_major(before, after) is is_said


def test_columns_further_down_are_followed_over_several_tables() -> None:
    made = {
        "silver.sales": {"amount": [("bronze.sales", "amount")], "day": [("bronze.sales", "day")]},
        "gold.days": {"total": [("silver.sales", "amount"), ("silver.sales", "day")], "day": [("silver.sales", "day")]},
    }
    assert list(downstream({"bronze.sales": ["amount"]}, made)) == [
        ("silver.sales", "amount", "bronze.sales.amount"),
        ("gold.days", "total", "bronze.sales.amount"),
    ]


def test_names_that_become_loose_break_nobody_and_the_way_back_does() -> None:
    exact, loose = source(format={"type": "csv"}), source(format=LOOSE)
    assert [is_breaking for *_, is_breaking in told(exact, loose)] == [False]
    assert [is_breaking for *_, is_breaking in told(loose, exact)] == [True]
