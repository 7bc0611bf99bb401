"""The promise of a silver or gold table, held by Pandera inside DuckDB."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from contracts.contract import Rule as Condition
from contracts.names import quoted, relation
from contracts.table_schema import TablePromise, pandera_schema
from resources.results import CheckResult, Rule
from resources.session import Session

EXAMPLES = 5


def check_contract(lake: Session, model: str) -> CheckResult:
    """Columns, types, key and rules of one table.

    Args:
        lake: The open lake.
        model: A silver or gold model.
    """
    promise = lake.catalog.promises[model]
    table = model.replace("_", ".", 1)
    broken = _broken(lake.connection, promise, table)
    rules = [_shape(promise, broken), _key(lake.connection, promise, table, broken)]
    rules += [_rule(lake.connection, promise, table, rule, broken) for rule in promise.rules]
    failed = [rule for rule in rules if not rule.passed]
    rows = lake.connection.execute(f"select count(*) from {relation(table)}").fetchall()[0][0]
    said = "; ".join(f"{rule.name}: expected {rule.expected}, found {rule.found}" for rule in failed)
    summary = said or f"{len(rules)} rules hold for {rows:,} rows"
    return CheckResult(table, "contract", not failed, summary, tuple(rules))


def _broken(connection: duckdb.DuckDBPyConnection, promise: TablePromise, table: str) -> Mapping[str, str]:
    """What Pandera found: name of the rule, or of its own check, and what it said.

    The rules are tried together first, which is one query; only when that fails does each get its own.
    """
    import ibis  # noqa: PLC0415 - heavy, and only for checks
    from pandera.errors import SchemaErrors  # noqa: PLC0415

    schema, name = table.split(".", 1)
    backend = ibis.duckdb.from_connection(connection)
    found: Mapping[str, str] = {}
    for is_one_by_one in (False, True):
        try:
            checked = pandera_schema(promise, is_one_by_one=is_one_by_one)
            checked.validate(backend.table(name, database=schema), lazy=True)
        except SchemaErrors as errors:
            found = dict(_reason(error) for error in errors.schema_errors)
        else:
            return {}
    return found


def _reason(error: object) -> tuple[str, str]:
    check = getattr(error, "check", None)
    name = getattr(check, "name", None) or str(check)
    return str(name), str(error).splitlines()[0][:300]


def _shape(promise: TablePromise, broken: Mapping[str, str]) -> Rule:
    ours = {rule.name for rule in promise.rules} | {"multiple_fields_uniqueness"}
    said = "; ".join(text for name, text in broken.items() if name not in ours)
    return Rule("columns_and_types", f"{len(promise.columns)} columns as in the yml", said or "as expected", not said)


def _key(connection: duckdb.DuckDBPyConnection, promise: TablePromise, table: str, broken: Mapping[str, str]) -> Rule:
    key = ", ".join(quoted(name) for name in promise.key)
    name = f"unique({', '.join(promise.key)})"
    if "multiple_fields_uniqueness" not in broken:
        return Rule(name, "no key twice", "no key twice", passed=True)
    query = f"select {key}, count(*) as times from {relation(table)} group by {key} having count(*) > 1"
    count = connection.execute(f"select count(*) from ({query})").fetchall()[0][0]
    return Rule(name, "no key twice", f"{count:,} keys more than once", passed=False, examples=_rows(connection, query))


def _rule(
    connection: duckdb.DuckDBPyConnection,
    promise: TablePromise,
    table: str,
    rule: Condition,
    broken: Mapping[str, str],
) -> Rule:
    if rule.name not in broken:
        return Rule(rule.name, rule.expression, "holds", passed=True)
    where = f"from {relation(table)} where ({rule.expression}) is false"
    shown = ", ".join(quoted(name) for name in dict.fromkeys([*promise.key, *([rule.column] if rule.column else [])]))
    try:
        count = connection.execute(f"select count(*) {where}").fetchall()[0][0]
        examples = _rows(connection, f"select {shown} {where}")
    except (duckdb.BinderException, duckdb.ConversionException):  # `columns_and_types` names the column
        return Rule(rule.name, rule.expression, broken[rule.name], passed=False)
    return Rule(rule.name, rule.expression, f"{count:,} rows break it", passed=False, examples=examples)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Mapping[str, object], ...]:
    found = connection.execute(f"select * from ({query}) order by all limit {EXAMPLES}")
    names = [column[0] for column in found.description or ()]
    return tuple(dict(zip(names, row, strict=True)) for row in found.fetchall())
