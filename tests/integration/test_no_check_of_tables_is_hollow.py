"""Every rule that a table promises is broken once, and the check must fail by that rule and name it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import duckdb
import pytest

from assay.checks.session import Session
from assay.contract.catalog import Catalog
from assay.contract.contract import Rule
from assay.contract.names import quoted, relation, table_of
from assay.contract.table_schema import TablePromise
from assay.orchestration.checks import run_check
from assay.publish.run_session import open_session
from tests.lab import WHOLE, Lab
from tests.weeks import three_weeks

pytestmark = pytest.mark.slow  # every rule of every table

CATALOG = Catalog.read(WHOLE)
NUMBERS = ("-1", "0", "101", "10000000")
VALUES = ("null", *NUMBERS, "'?'", "'a'", "''", "date '1900-01-01'", "date '2999-12-31'", "true", "false")
"""What a column is set to until a rule does not hold any more."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """An open lake in which every silver and gold table has rows."""
    lab = Lab(tmp_path_factory.mktemp("hollow"), WHOLE)
    for delivery in three_weeks(seed=1, receipt_files=3):
        lab.put(delivery.name, delivery.content)
    lab.good_run()
    with open_session(lab.settings, CATALOG, "hollow") as session:
        yield session


@pytest.mark.parametrize("model", sorted(CATALOG.promises))
def test_each_rule_fails_by_its_name_when_it_is_broken(lake: Session, model: str) -> None:
    """A rule that the backend skips, or that is true of everything, looks like a pass for ever."""
    promise, table = CATALOG.promises[model], table_of(model)
    assert run_check(lake, table, "contract").passed
    for rule in promise.rules:
        every = rule.name in CATALOG.table_checks[model].levels  # one row is within what is accepted
        is_broken = _is_broken_in_a_copy(lake.connection, promise, table, rule, every=every)
        assert is_broken, f"{model}: what would break {rule.name}?"
        result = run_check(lake, table, "contract")
        _put_back(lake.connection, table)
        assert rule.name in {outcome.name for outcome in result.rules if not outcome.passed}, (
            f"{model}: {rule.name} is hollow"
        )
        assert rule.name in result.summary


@pytest.mark.parametrize("model", sorted(CATALOG.promises))
def test_a_column_that_is_gone_or_of_another_type_fails_the_shape(lake: Session, model: str) -> None:
    promise, table = CATALOG.promises[model], table_of(model)
    column = next(c for c in promise.columns if c.name not in promise.key)
    other = "1::smallint" if column.type.sql == "varchar" else "'1'"
    for change in (f"* exclude ({quoted(column.name)})", f"* replace ({other} as {quoted(column.name)})"):
        _replace(lake.connection, table, f"select {change} from {relation(table)}")
        result = run_check(lake, table, "contract")
        _put_back(lake.connection, table)
        [shape] = [outcome for outcome in result.rules if outcome.name == "columns_and_types"]
        assert not shape.passed
        assert column.name in shape.observed


@pytest.mark.parametrize("model", sorted(m for m in CATALOG.promises if "consistency" in CATALOG.checks[table_of(m)]))
def test_each_rule_over_several_tables_fails_when_one_of_them_changes(lake: Session, model: str) -> None:
    table = table_of(model)
    references = {reference.name: table_of(reference.to) for reference in CATALOG.table_checks[model].references}
    for rule in run_check(lake, table, "consistency").rules:
        assert rule.passed or rule.severity == "warn", rule
        for changed, rows in _changes(model, table, references.get(rule.name)):
            _replace(lake.connection, changed, rows)
            result = run_check(lake, table, "consistency")
            _put_back(lake.connection, changed)
            outcome = next(outcome for outcome in result.rules if outcome.name == rule.name)
            if not outcome.passed and outcome.observed != rule.observed:
                assert outcome.examples, outcome
                break
        else:
            pytest.fail(f"{model}: {rule.name} is hollow")


def _changes(model: str, table: str, other: str | None) -> Iterator[tuple[str, str]]:
    """(table, its new rows): the other table emptied; a row lost, all rows lost, each number larger."""
    if other:
        yield other, f"select * from {relation(other)} where false"
    yield table, f"select * from {relation(table)} offset 1"
    yield table, f"select * from {relation(table)} where false"
    for column in CATALOG.promises[model].columns:
        if column.type.kind in ("integer", "decimal"):
            name = quoted(column.name)
            more = f"({name} + 1000000)::{column.type.sql} as {name}"
            yield table, f"select * replace ({more}) from {relation(table)}"


def _is_broken_in_a_copy(
    connection: duckdb.DuckDBPyConnection, promise: TablePromise, table: str, rule: Rule, *, every: bool
) -> bool:
    """Change the columns that a rule names, one or all, in a row of which it says something, until it does not hold.

    The table is kept aside.
    """
    named = [c for c in promise.columns if re.search(rf"\b{c.name}\b", rule.expression)]
    values = (*VALUES, *re.findall(r"'[^']*'", rule.expression))
    for columns, value in product([*([c] for c in named), named], values):
        number = f"row_number() over (order by ({rule.expression}) is null)"
        first = f"case when {every} or {number} = 1 then {value} else"
        changed = ", ".join(f"({first} {quoted(c.name)} end)::{c.type.sql} as {quoted(c.name)}" for c in columns)
        rows = f"select * replace ({changed}) from {relation(table)}"
        try:
            broken = f"select count(*) from ({rows}) where ({rule.expression}) is false"
            count = connection.execute(broken).fetchall()[0][0]
        except duckdb.Error:
            continue  # no value of this column
        if count:
            _replace(connection, table, rows)
            return True
    return False


def _replace(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    connection.execute(f"create or replace temp table aside as from {relation(table)}")
    connection.execute(f"create or replace temp table changed as {rows}")
    connection.execute(f"create or replace table {relation(table)} as from temp.changed")


def _put_back(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    connection.execute(f"create or replace table {relation(table)} as from temp.aside")
