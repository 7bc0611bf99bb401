"""Whether a table agrees with others: references with the share of orphans that is accepted, and business rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from assay.checks.contract_check import EXAMPLES
from assay.checks.moving_checks import tables_of_rules
from assay.checks.results import CheckResult, Rule
from assay.checks.session import Session
from assay.contract.declared_checks import Reference
from assay.contract.names import TableName, table_of
from assay.contract.personal import masked, unnamed

if TYPE_CHECKING:
    import ibis.expr.types as ir

_BROKEN = f"""
    with broken as materialized ({{query}})
    select
        (select count(*) from broken),
        (select list(_row) from (select * from broken order by all limit {EXAMPLES}) as _row)
"""


def check_consistency(lake: Session, model: str) -> CheckResult:
    """Evaluate the rules of a table that refer to other tables.

    Args:
        lake: The open lake.
        model: A silver or gold model.
    """
    table = table_of(model)
    references = lake.catalog.table_checks[model].references
    rules = [_reference(lake.connection, table, reference) for reference in references]
    rules += _business_rules(lake, model) if model in lake.catalog.rules else []
    looked_at = {table, *(table_of(reference.to) for reference in references)}
    if model in lake.catalog.rules:
        looked_at |= {table_of(parent) for parent in lake.catalog.parents(model)} | tables_of_rules(lake, model)
    return CheckResult(table, "consistency", tuple(rules), f"{len(rules)} rules hold", tuple(sorted(looked_at)))


def _reference(connection: duckdb.DuckDBPyConnection, table: str, reference: Reference) -> Rule:
    query = reference.broken(table)
    try:
        broken, examples = connection.execute(_BROKEN.format(query=query)).fetchall()[0]
    except duckdb.CatalogException:
        missing = ", ".join(_missing(connection, query))
        if not missing:
            raise
        severity = reference.level.severity
        return Rule(reference.name, f"{missing} is there", f"{missing} was never built", False, severity=severity)
    asked = connection.execute(f"select count(*) from ({reference.asked(table)})").fetchall()[0][0]
    share = 100 * broken / asked if asked else 0.0
    level = reference.level
    most = f", but for {level.accepted_pct:g} %" if level.severity == "regression" else ""
    passed = share <= level.accepted_pct if level.severity == "regression" else not broken
    return Rule(
        reference.name,
        f"{', '.join(reference.columns)} stands in {table_of(reference.to)}{most}",
        f"{broken:,} of {asked:,} rows without ({share:.2f} %)",
        passed,
        () if passed else tuple(examples),
        level.severity,
        share,
        level.accepted_pct,
        1 - share / 100,
    )


def _missing(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """The tables that a query reads and that are not there; its `where` may name any."""
    missing = set()
    for name in connection.get_table_names(query, qualified=True):
        table = name.split(" AS ")[0]  # quoted where it has to be; the alias comes along
        try:
            connection.execute(f"select 1 from {table} limit 0")
        except duckdb.CatalogException:
            missing.add(table.replace('"', ""))
    return sorted(missing)


def _business_rules(lake: Session, model: str) -> list[Rule]:
    import ibis  # noqa: PLC0415 - heavy, and only for checks

    from assay.contract.business_rules import broken, rules_of  # noqa: PLC0415 - imports Pandera

    name = TableName.of_model(model)
    gold = ibis.duckdb.from_connection(lake.connection).table(name.entity, database=name.layer)
    path = lake.catalog.rules[model]
    failed = broken(path, gold)
    judged = [_judged(rule, rows(gold) if rule in failed else None, rows) for rule, rows in rules_of(path).items()]
    described = list(lake.catalog.models[model]["columns"])
    return [replace(rule, examples=_shown(lake, rule, described)) for rule in judged]


def _shown(lake: Session, rule: Rule, described: Sequence[str]) -> tuple[Mapping[str, object], ...]:
    """The examples of a rule without what it names itself, where the table is about people."""
    personal = lake.catalog.personal
    return tuple(masked(row, unnamed(row, described, personal)) for row in rule.examples)


def _judged(name: str, rows: ir.Table | None, rule: object) -> Rule:
    expected = " ".join((rule.__doc__ or "").split()).split(": ")[0].rstrip(".")
    if rows is None:
        return Rule(name, expected, "holds", passed=True, value=0.0, threshold=0.0)
    count = int(rows.count().execute())
    records = rows.order_by(rows.columns).limit(EXAMPLES).execute().to_dict("records")
    examples: tuple[Mapping[str, object], ...] = tuple({str(k): v for k, v in row.items()} for row in records)
    return Rule(name, expected, f"{count:,} rows break it", False, examples, value=float(count), threshold=0.0)
