"""Rules as checks of ODCS, and checks as rules: NOT NULL, conditions in SQL, and references to other tables.

A condition is the query that counts the rows that break it, so that any tool can run it; NULL passes, as in CHECK.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.contract.declared_checks import Level, Reference
from assay.contract.names import literal, quoted
from assay.odcs.custom import Json, custom, read_custom

_COUNT, _END = "select count(*) from {object} where not (", ")"
_SEVERITIES = {"error": "error", "warn": "warning", "regression": "error"}
BLOCKING = ("", "error", "critical", "blocker", "high")
"""Severities of a check that is a rule; others only tell."""


def check(constraint: Mapping[str, Any], column: str, level: Mapping[str, Any] | None) -> Json:
    """The check of a `not_null` or `check` constraint.

    Args:
        constraint: As the yml has it.
        column: The column it stands at; empty for one of the table.
        level: Its severity with the reason, where it is not a plain error.
    """
    if constraint["type"] == "not_null":
        made: Json = {"name": f"{column}_not_null", "metric": "nullValues", "mustBe": 0, "dimension": "completeness"}
    else:
        query = f"{_COUNT}{constraint['expression']}{_END}"
        made = {"name": str(constraint["name"]), "type": "sql", "query": query, "mustBe": 0, "dimension": "conformity"}
    return _with_level(made, level, {"level": level})


def reference_check(name: str, declared: Mapping[str, Any], table: str) -> Json:
    """The check of a reference to another table, of `checks: consistency:`."""
    columns = tuple(map(str, declared["columns"]))
    broken = Reference(name, columns, str(declared["to"]), str(declared.get("where", "true")), Level()).broken(table)
    query = f"select count(*) from ({broken})"
    made: Json = {"name": name, "type": "sql", "query": query, "mustBe": 0, "dimension": "consistency"}
    return _with_level(made, declared, {"reference": declared})


def _with_level(made: Json, level: Mapping[str, Any] | None, own: Mapping[str, Any]) -> Json:
    level = level or {}
    made["severity"] = _SEVERITIES[level.get("severity", "error")]
    if level.get("because"):
        made["description"] = str(level["because"])
    properties = custom(own)
    return {**made, **({"customProperties": properties} if properties else {})}


@dataclass
class Checks:
    """What the checks of an element of a document are in a yml.

    Attributes:
        constraints: Rules, in order.
        levels: Of rules that are not plain errors, by name.
        references: To other tables, by name.
        others: Checks that are no rules here.
    """

    constraints: list[Json] = field(default_factory=list)
    levels: Json = field(default_factory=dict)
    references: Json = field(default_factory=dict)
    others: list[Json] = field(default_factory=list)


def read_checks(checks: Iterable[Mapping[str, Any]], column: str) -> Checks:
    """The checks of an element in terms of a yml.

    Args:
        checks: As the document has them.
        column: The column whose checks they are; empty for those of a table.
    """
    read = Checks()
    for item in checks:
        own = read_custom(item)
        name = str(item.get("name") or "")
        if own.get("reference"):
            read.references[name] = own["reference"]
            continue
        is_blocking = str(item.get("severity") or "").lower() in BLOCKING or "level" in own
        constraint = _constraint(item, column) if is_blocking else None
        if constraint is None:
            read.others.append(dict(item))
            continue
        read.constraints.append(constraint)
        if own.get("level"):
            read.levels[constraint.get("name") or f"{column}_not_null"] = own["level"]
    return read


def _constraint(item: Mapping[str, Any], column: str) -> Json | None:
    """The rule that a check is; None for one that is none of a row."""
    if item.get("mustBe") != 0 or isinstance(item["mustBe"], bool):
        return None
    metric, arguments = item.get("metric") or item.get("rule"), item.get("arguments") or {}
    if metric == "nullValues" and column:
        return {"type": "not_null"}
    query = str(item.get("query") or "")
    if item.get("type") == "sql" and query.startswith(_COUNT) and query.endswith(_END) and item.get("name"):
        return _rule(str(item["name"]), query.removeprefix(_COUNT).removesuffix(_END))
    if metric == "invalidValues" and column:
        name = str(item.get("name") or f"{column}_valid")
        if isinstance(arguments.get("pattern"), str):
            return _rule(name, f"regexp_full_match({quoted(column)}, {literal(arguments['pattern'])})")
        values = arguments.get("validValues")
        return _rule(name, one_of(column, values)) if isinstance(values, list) and _are_plain(values) else None
    return None


def _rule(name: str, expression: str) -> Json:
    return {"type": "check", "name": name, "expression": expression}


def one_of(column: str, values: Sequence[Any]) -> str:
    """SQL for whether a column has one of some values, which are texts or numbers."""
    written = [literal(value) if isinstance(value, str) else str(value) for value in values]
    return f"{quoted(column)} in ({', '.join(written)})"


def _are_plain(values: Sequence[Any]) -> bool:
    return bool(values) and all(
        isinstance(value, str | int | float) and not isinstance(value, bool) for value in values
    )


_BOUNDS = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
_LENGTHS = {"minLength": ">=", "maxLength": "<="}


def option_rules(column: str, kind: str, options: Mapping[str, Any], values: Sequence[Any]) -> tuple[list[Json], Json]:
    """The rules that options of a logical type and an `enum` are, and the options that are no rules here.

    Args:
        column: The column.
        kind: Its column type.
        options: `logicalTypeOptions` of a document of others.
        values: Values of its `enum`.
    """
    rules, rest = [], dict(options)
    for option, sign in _BOUNDS.items():
        bound = rest.get(option)
        if (
            isinstance(bound, int | float)
            and not isinstance(bound, bool)
            and kind not in ("varchar", "boolean", "date")
        ):
            rules.append(_rule(f"{column}_{_SNAKE[option]}", f"{quoted(column)} {sign} {rest.pop(option)}"))
        elif isinstance(bound, str) and kind in ("date", "timestamp", "timestamp with time zone"):
            value = f"cast({literal(str(rest.pop(option)))} as {kind})"
            rules.append(_rule(f"{column}_{_SNAKE[option]}", f"{quoted(column)} {sign} {value}"))
    for option, sign in _LENGTHS.items():
        if isinstance(rest.get(option), int) and kind == "varchar":
            rules.append(_rule(f"{column}_{_SNAKE[option]}", f"length({quoted(column)}) {sign} {rest.pop(option)}"))
    if isinstance(rest.get("pattern"), str) and kind == "varchar":
        expression = f"regexp_full_match({quoted(column)}, {literal(rest.pop('pattern'))})"
        rules.append(_rule(f"{column}_pattern", expression))
    if values and _are_plain(values):
        rules.append(_rule(f"{column}_one_of", one_of(column, values)))
    return rules, rest


_SNAKE = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "minLength": "shortest",
    "maxLength": "longest",
}
