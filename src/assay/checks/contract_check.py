"""The check `contract` of a silver or gold table, evaluated by Pandera inside DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb

from assay.checks.changed_rows import CHANGED, collect_changed
from assay.checks.results import CheckResult, Rule
from assay.checks.session import Session
from assay.checks.validity import Covered
from assay.contract.contract import Rule as ContractRule
from assay.contract.declared_checks import Level
from assay.contract.names import TableName, quoted
from assay.contract.table_schema import TablePromise, pandera_schema

EXAMPLES = 5


@dataclass(frozen=True)
class _Rows:
    """Rows that are asked: the relation in SQL, its place for Ibis, and how many there are."""

    sql: str
    place: tuple[str, ...]
    count: int


def check_contract(lake: Session, model: str, covers: Covered | None = None) -> CheckResult:
    """Columns, types, key and rules of one table.

    A rule says something about one row alone (`contract/sql_validation.py` refuses others), so rows that passed and did
    not change are not asked again. A rule of which the yml accepts a share, or that only warns, is asked of all.

    Args:
        lake: The open lake.
        model: A silver or gold model.
        covers: What the last result stands for; None to ask every row.
    """
    promise = lake.catalog.promises[model]
    levels = lake.catalog.table_checks[model].levels
    name = TableName.of_model(model)
    stored = _rows(lake.connection, name.sql, (name.layer, name.entity))
    asked = stored
    if covers is not None and collect_changed(lake, model, covers):
        asked = _rows(lake.connection, ".".join(CHANGED), CHANGED)
    strict = replace(promise, rules=tuple(rule for rule in promise.rules if rule.name not in levels))
    broken = _broken(lake.connection, strict, asked)
    rules = [_shape(strict, broken)]
    rules += [_key(lake.connection, promise, asked, broken)] if promise.key else []
    rules += [_rule(lake.connection, promise, asked, rule, broken) for rule in strict.rules]
    rules += [
        _levelled(lake.connection, promise, stored, rule, levels[rule.name])
        for rule in promise.rules
        if rule.name in levels
    ]
    holds = f"{len(rules)} rules hold for {asked.count:,} rows"
    result = CheckResult(name.table, "contract", tuple(rules), holds, rows_checked=asked.count)
    if asked is stored or covers is None:
        return result
    holds = f"{holds} that changed or share a key with them, of {stored.count:,}; the others passed before"
    return replace(result, holds=holds, is_whole=False, whole_at=covers.whole_at)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, place: tuple[str, ...]) -> _Rows:
    return _Rows(sql, place, connection.execute(f"select count(*) from {sql}").fetchall()[0][0])


def _broken(connection: duckdb.DuckDBPyConnection, promise: TablePromise, rows: _Rows) -> Mapping[str, str]:
    """The failures that Pandera reports: name of the rule, or of a built-in check, and the message.

    The rules are tried together first, which is one query; only when that fails does each get its own.
    """
    import ibis  # noqa: PLC0415 - heavy, and only for checks
    from pandera.errors import SchemaErrors  # noqa: PLC0415

    backend = ibis.duckdb.from_connection(connection)
    *database, table = rows.place
    messages: Mapping[str, str] = {}
    for is_one_by_one in (False, True):
        try:
            checked = pandera_schema(promise, rows.sql, is_one_by_one=is_one_by_one)
            checked.validate(backend.table(table, database=tuple(database)), lazy=True)
        except SchemaErrors as errors:
            messages = dict(_reason(error) for error in errors.schema_errors)
        else:
            return {}
    return messages


def _reason(error: object) -> tuple[str, str]:
    check = getattr(error, "check", None)
    name = getattr(check, "name", None) or str(check)
    return str(name), str(error).splitlines()[0][:300]


def _shape(promise: TablePromise, broken: Mapping[str, str]) -> Rule:
    ours = {rule.name for rule in promise.rules} | {"multiple_fields_uniqueness"}
    problems = "; ".join(text for name, text in broken.items() if name not in ours)
    return Rule(
        "columns_and_types", f"{len(promise.columns)} columns as in the yml", problems or "as expected", not problems
    )


def _key(connection: duckdb.DuckDBPyConnection, promise: TablePromise, rows: _Rows, broken: Mapping[str, str]) -> Rule:
    key = ", ".join(quoted(name) for name in promise.key)
    name = f"unique({', '.join(promise.key)})"
    if "multiple_fields_uniqueness" not in broken:
        return Rule(name, "no key twice", "no key twice", passed=True)
    query = f"select {key}, count(*) as times from {rows.sql} group by {key} having count(*) > 1"
    count = connection.execute(f"select count(*) from ({query})").fetchall()[0][0]
    return Rule(
        name, "no key twice", f"{count:,} keys more than once", passed=False, examples=rows_of(connection, query)
    )


def _rule(
    connection: duckdb.DuckDBPyConnection,
    promise: TablePromise,
    rows: _Rows,
    rule: ContractRule,
    broken: Mapping[str, str],
) -> Rule:
    if rule.name not in broken:
        return Rule(rule.name, rule.expression, "holds", passed=True, value=0.0, threshold=0.0, share_ok=1.0)
    try:
        return _levelled(connection, promise, rows, rule, Level())
    except (duckdb.BinderException, duckdb.ConversionException):  # `columns_and_types` names the column
        return Rule(rule.name, rule.expression, broken[rule.name], passed=False)


def _levelled(
    connection: duckdb.DuckDBPyConnection,
    promise: TablePromise,
    rows: _Rows,
    rule: ContractRule,
    level: Level,
) -> Rule:
    """Count the rows that break a rule, and compare their share with what its yml accepts."""
    where = f"from {rows.sql} where ({rule.expression}) is false"
    shown = ", ".join(quoted(name) for name in dict.fromkeys([*promise.key, *([rule.column] if rule.column else [])]))
    count = connection.execute(f"select count(*) {where}").fetchall()[0][0]
    share = 100 * count / rows.count if rows.count else 0.0
    is_accepted = level.severity == "regression"
    passed = share <= level.accepted_pct if is_accepted else not count
    return Rule(
        rule.name,
        f"{rule.expression}{f', but for {level.accepted_pct:g} %' if is_accepted else ''}",
        f"{count:,} rows break it" + (f" ({share:.2f} %)" if is_accepted else ""),
        passed,
        () if passed else rows_of(connection, f"select {shown} {where}"),
        level.severity,
        share if is_accepted else float(count),
        level.accepted_pct,
        1 - share / 100,
    )


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Mapping[str, object], ...]:
    """The first rows of a query, in an order that is always the same."""
    cursor = connection.execute(f"select * from ({query}) order by all limit {EXAMPLES}")
    names = [column[0] for column in cursor.description or ()]
    return tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
