"""Which columns of a table mean something else under another SQL: each is compared without all that the others need."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.contract.names import TableName

if TYPE_CHECKING:
    from sqlglot import exp

Schema = Mapping[str, Mapping[str, str]]
"""Names and types of columns, by table, e.g. `silver.products`."""

_BY_ENGINE = re.compile(r"\{\{ (\w+)(?: (\w+))? \}\}")
"""What the engine's macros write, in a model's own SQL."""
_MADE_BY = {"newest_rows": "select * from {}", "verdict": "null"}
_AFFECTED = "is_affected_"


def changed_meanings(
    before: str, after: str, columns: Sequence[str], inputs: tuple[Schema, Schema]
) -> list[str] | None:
    """The columns that another SQL makes otherwise; None where one of the two cannot be followed.

    Two columns are the same where what is left of the queries is the same, once each is asked for that column alone:
    another layout, other names of subqueries or one more column change none.

    Args:
        before: A model's own SQL, as `own_sql` gives it.
        after: The one that takes its place.
        columns: Those that both give.
        inputs: The columns of the tables that each reads.
    """
    from sqlglot.errors import SqlglotError  # noqa: PLC0415 - heavy, and only for a plan

    if before == after:
        return []
    try:
        return [name for name in columns if _alone(before, name, inputs[0]) != _alone(after, name, inputs[1])]
    except (SqlglotError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _alone(sql: str, column: str, schema: Schema) -> str:
    """What a query does for one of its columns, in one spelling."""
    from sqlglot import exp, parse_one  # noqa: PLC0415
    from sqlglot.optimizer import optimize  # noqa: PLC0415

    nested: dict[str, Any] = {}
    for table, columns in schema.items():
        name = TableName.parse(table)
        nested.setdefault(name.layer, {})[name.entity] = columns
    query = parse_one(_plain(sql), dialect="duckdb").transform(_without_engine)
    wanted = exp.column(column, quoted=True)
    asked = exp.select(wanted).from_(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("made"))))
    return _with_plain_aliases(optimize(asked, schema=nested, dialect="duckdb")).sql(dialect="duckdb")


def _with_plain_aliases(query: exp.Expr) -> exp.Expr:
    """The query with subqueries and tables called by number, in the order in which they stand there."""
    from sqlglot import exp  # noqa: PLC0415

    aliases = [node for node in query.find_all(exp.Identifier, bfs=False) if _is_alias(node)]
    numbers = {name: f"_{number}" for number, name in enumerate(dict.fromkeys(node.name for node in aliases))}
    for node in aliases:
        node.set("this", numbers[node.name])
    return query


def _plain(sql: str) -> str:
    def written(match: re.Match[str]) -> str:
        table = TableName.of_model(match[2]).sql if match[2] else ""
        return _MADE_BY.get(match[1], "null").format(table)

    return _BY_ENGINE.sub(written, sql)


def _without_engine(node: exp.Expression) -> exp.Expression:
    """The query without the name of the database, and without the question which keys are redone."""
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(node, exp.Table) and node.args.get("catalog"):
        node.set("catalog", None)
    asks = node.expression if isinstance(node, exp.Dot) else node
    is_asked = isinstance(asks, exp.Anonymous) and asks.name.startswith(_AFFECTED)
    return exp.true() if is_asked else node


def _is_alias(name: exp.Identifier) -> bool:
    """Whether a name is that of a subquery or a table's alias, where it is given or where it is used."""
    from sqlglot import exp  # noqa: PLC0415

    parent, place = name.parent, name.arg_key
    if isinstance(parent, exp.Table):
        return place == "alias" or (place == "this" and not parent.db)
    return (isinstance(parent, exp.TableAlias) and place == "this") or (
        isinstance(parent, exp.Column) and place == "table"
    )
