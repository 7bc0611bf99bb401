"""Drawn tables, keys, models and changes: what is rebuilt key by key is what a full rebuild gives, after every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.keyed import SALES, Tables, sales

Rows = list[tuple[Any, ...]]
Make = Callable[[Sequence[str], str], "Gold"]
"""Makes a table of the columns of its key and of a figure in SQL."""
FAR = "changed.region is not distinct from via.region and changed.amount <= via.amount"


@dataclass(frozen=True)
class Step:
    """A file of a source that comes, is replaced or loses all its rows; and whether the tables are built after it.

    Without rows of its own it holds those of the source's last file: the same again, or under the other path a copy.
    """

    source: str
    path: str
    rows: Rows | None
    is_built: bool


@dataclass(frozen=True)
class Gold:
    """A table of gold: `AFFECTED` in its SQL stands for the macro."""

    columns: Mapping[str, str]
    sql: str
    redo: Mapping[str, Any]


def of_one(key: Sequence[str], figure: str) -> Gold:
    """A figure for each key of one input."""
    names = ", ".join(key)
    return Gold(
        {**{name: SALES[name] for name in key}, "figure": "bigint"},
        f"select {names}, coalesce({figure}, 0)::bigint as figure from silver.x where AFFECTED({names}) group by all",
        {"key": list(key), "inputs": {"silver_x": list(key)}},
    )


def of_expression(_: Sequence[str], figure: str) -> Gold:
    """A key that is made of a column, so that rows of several regions share it."""
    return Gold(
        {"name": "varchar", "figure": "bigint"},
        f"select lower(trim(region)) as name, coalesce({figure}, 0)::bigint as figure from silver.x "
        "where AFFECTED(lower(trim(region))) group by all",
        {"key": ["name"], "inputs": {"silver_x": ["lower(trim(region))"]}},
    )


def of_two(key: Sequence[str], figure: str) -> Gold:
    """A figure for each key of the rows of two inputs together."""
    names = ", ".join(key)
    return Gold(
        {**{name: SALES[name] for name in key}, "figure": "bigint"},
        f"select {names}, coalesce({figure}, 0)::bigint as figure "
        "from (select * from silver.x union all select * from silver.y) "
        f"where AFFECTED({names}) group by all",
        {"key": list(key), "inputs": {"silver_x": list(key), "silver_y": list(key)}},
    )


def via_columns(key: Sequence[str], figure: str) -> Gold:
    """For each sale of one input a figure of the rows of the other that agree with it in some columns."""
    same = " and ".join(f"x.{name} is not distinct from y.{name}" for name in key)
    return Gold(
        {"id": "bigint", "figure": "bigint"},
        f"select x.id, coalesce(any_value(figures.figure), 0)::bigint as figure from silver.x as x left join lateral "
        f"(select {figure} as figure from silver.y as y where {same}) as figures on true "
        "where AFFECTED(x.id) group by all",
        {"key": ["id"], "inputs": {"silver_x": ["id"], "silver_y": {"via": "silver_x", "by": list(key)}}},
    )


def via_condition(_: Sequence[str], figure: str) -> Gold:
    """The same, of the rows that a condition pairs with the sale."""
    pairs = FAR.replace("changed.", "y.").replace("via.", "x.")
    return Gold(
        {"id": "bigint", "figure": "bigint"},
        "select x.id, coalesce(any_value(figures.figure), 0)::bigint as figure from silver.x as x left join lateral "
        f"(select {figure} as figure from silver.y as y where {pairs}) as figures on true "
        "where AFFECTED(x.id) group by all",
        {"key": ["id"], "inputs": {"silver_x": ["id"], "silver_y": {"via": "silver_x", "where": FAR}}},
    )


def via_other_key(_: Sequence[str], figure: str) -> Gold:
    """What changes in one input leads over rows of the other to a key that is an expression of theirs."""
    return Gold(
        {"name": "varchar", "figure": "bigint"},
        f"select name, coalesce({figure}, 0)::bigint as figure from (select lower(x.region) as name, y.* "
        "from silver.x as x join silver.y as y on x.rate is not distinct from y.rate "
        "where AFFECTED(lower(x.region))) group by all",
        {"key": ["name"], "inputs": {"silver_x": ["lower(region)"], "silver_y": {"via": "silver_x", "by": ["rate"]}}},
    )


KEYS = st.sampled_from([None, None, "a", "a ", "A"])
RATES = st.sampled_from([None, None, 0.0, -0.0, math.nan])
ROW = st.tuples(st.integers(1, 4), KEYS, RATES, st.integers(0, 2))
ROWS = st.one_of(st.none(), st.lists(ROW, max_size=4))
FIRST = st.lists(ROW, min_size=2, max_size=4)
IS_BUILT = st.sampled_from([True, True, False])
STEPS = st.lists(st.builds(Step, st.sampled_from("xy"), st.sampled_from("pq"), ROWS, IS_BUILT), min_size=1, max_size=3)
KEYED_BY = st.sampled_from([["region"], ["rate"], ["region", "rate"], ["rate", "region", "id"]])
FIGURES = st.sampled_from(
    ["sum(amount)", "count(*)", "sum(_duplicates_identical)", "max(_file_id)", "count(distinct id)"]
)
MODELS = (of_one, of_expression, of_two, via_columns, via_condition, via_other_key)


def follow(gold: Gold, first: Mapping[str, Rows], steps: Sequence[Step], *, has_chain: bool) -> None:
    """Build all, then build again after the steps that ask for it; hold each table against its SQL for all keys."""
    last = {source: first[source] for source in "xy" if f"silver_{source}" in gold.redo["inputs"]}
    tables = Tables(SALES, ["id"], tuple(last))
    for source, rows in last.items():
        sales(tables, source)
        tables.put("p", rows, source)
    tables.add("gold_drawn", gold.columns, gold.sql, gold.redo)
    if has_chain:
        add_chain(tables, next(iter(gold.columns)))
    tables.build()
    for number, step in enumerate(steps):
        source = step.source if step.source in last else "x"
        last[source] = last[source] if step.rows is None else step.rows
        tables.put(step.path, last[source], source)
        if step.is_built or number == len(steps) - 1:
            tables.build()
            for name in tables.sql:
                assert str(tables.rows(name)) == str(tables.whole(name)), f"{name} after step {number + 1}"
    made = {name: str(tables.rows(name)) for name in tables.sql}
    tables.build(is_full=True)
    assert made == {name: str(tables.rows(name)) for name in tables.sql}


def add_chain(tables: Tables, column: str) -> None:
    """A table that is made of the drawn one, which it reads via the sales."""
    ours = {"name": "lower(trim({}.region))"}.get(column, f"{{}}.{column}")
    tables.add(
        "gold_chain",
        {"id": "bigint", "figure": "bigint"},
        f"select x.id, sum(y.figure)::bigint as figure from silver.x as x join gold.drawn as y "
        f"on {ours.format('x')} is not distinct from y.{column} where AFFECTED(x.id) group by all",
        {
            "key": ["id"],
            "inputs": {
                "silver_x": ["id"],
                "gold_drawn": {
                    "via": "silver_x",
                    "where": f"changed.{column} is not distinct from {ours.format('via')}",
                },
            },
        },
    )


def hold(make: Make, examples: int) -> None:
    """Draw so many lakes with a table of this form."""

    @settings(max_examples=examples, deadline=None)
    @given(
        key=KEYED_BY,
        figure=FIGURES,
        first=st.fixed_dictionaries({"x": FIRST, "y": FIRST}),
        steps=STEPS,
        has_chain=st.booleans(),
    )
    def holds(key: list[str], figure: str, first: dict[str, Rows], steps: list[Step], has_chain: bool) -> None:
        follow(make(key, figure), first, steps, has_chain=has_chain)

    holds()


@pytest.mark.parametrize("make", MODELS)
def test_key_by_key_is_the_same_as_everything_at_once(make: Make) -> None:
    hold(make, 5)


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_key_by_key_is_the_same_as_everything_at_once_in_many_more_lakes(make: Make) -> None:
    hold(make, 40)
