"""Rules whose result changes though no row does: with the clock, with chance, or with a setting.

Whether a rule is one is read from its SQL by DuckDB itself: its parser gives the names, and its catalogue says which
of them give the same answer every time. Keep out: what becomes of a result when its time is over
(`checks/validity.py`).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any

import duckdb

from assay.contract.contract import Contract
from assay.contract.errors import ContractError
from assay.contract.names import TableName, literal
from assay.contract.sql_validation import empty_database

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LEAST = timedelta(minutes=5)
"""A pass stands for as long as this at the least: a rule that speaks of seconds would keep the services running."""
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a result ended that says something about its own run alone."""
_DATES = ("current_date", "today")
_TIMES = (
    "current_time", "current_timestamp", "localtime", "localtimestamp", "now", "transaction_timestamp",
    "get_current_time", "get_current_timestamp", "current_localtime", "current_localtimestamp",
)  # fmt: skip
_WORDS = ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp")
"""SQL's functions without brackets, which the parser takes for columns."""
_SETTINGS = ("current_setting", "getvariable")
"""DuckDB's catalogue calls these, two of the times and `age` with one argument constant, which they are not."""
_PURE_TABLES = ("generate_series", "range", "unnest")
_CHANCE_MODULES = ("os", "random", "secrets", "uuid")


@dataclass(frozen=True)
class Moves:
    """How the result of some rules changes though no row does.

    Attributes:
        names: What makes it move, such as `now`; empty for rules that hold for as long as no row changes.
        unit: How long a result says something; zero for its own run alone.
        ends_with_day: Whether it also says nothing of another day, by UTC.
    """

    names: tuple[str, ...] = ()
    unit: timedelta = timedelta.max
    ends_with_day: bool = False

    def until(self, asked_at: datetime) -> datetime | None:
        """When a result ends that was asked for at some time; None for never."""
        if not self.names:
            return None
        if not self.unit:
            return AT_ONCE
        midnight = datetime.combine(asked_at.astimezone(UTC).date() + DAY, time(), UTC)
        ends = asked_at + self.unit
        return min(ends, midnight) if self.ends_with_day else ends

    def __or__(self, other: Moves) -> Moves:
        """Combine the moves of two sets of rules."""
        if not other.names:
            return self
        names = tuple(dict.fromkeys((*self.names, *other.names)))
        return Moves(names, min(self.unit, other.unit), self.ends_with_day or other.ends_with_day)


def moves_of(queries: Iterable[str], columns: Collection[str] = ()) -> Moves:
    """How the result of some SQL changes though no row does.

    Args:
        queries: Whole `select` statements.
        columns: Names that are columns, whatever else they may mean.
    """
    return _moves(tuple(queries), frozenset(column.lower() for column in columns))


def moves_of_rules(expressions: Iterable[str], columns: Collection[str]) -> Moves:
    """How the result of conditions over the columns of a table changes though no row does."""
    return moves_of(map(_condition, expressions), columns)


def _condition(expression: str) -> str:
    return f"select ({expression}\n)"


def moves_of_python(source: str) -> Moves:
    """How the result of a module changes that asks Python for the time, for chance or for the environment."""
    moves = Moves()
    for node in ast.walk(ast.parse(source)):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in {name.partition(".")[0] for name in imported} & set(_CHANCE_MODULES):
            moves |= Moves((module,), timedelta())
        if isinstance(node, ast.Call) and (name := _python_clock(node.func)):
            moves |= Moves((name,), HOUR, ends_with_day=True)
    return moves


def refuse_moving_verdicts(
    connection: duckdb.DuckDBPyConnection, contracts: Collection[Contract], places: Mapping[str, str]
) -> None:
    """Refuse rules of bronze tables whose result changes: a row is judged once, when it is loaded.

    Args:
        connection: Any; every command comes by here, and to open one would cost more than to look.
        contracts: All of the project.
        places: Where each model is described, for the message.

    Raises:
        ContractError: A rule would give another verdict at another time.
    """
    queries = [_condition(rule.expression) for contract in contracts for rule in contract.rules]
    if not _look(connection, queries, ()).names:
        return
    rules = [(contract, rule) for contract in contracts for rule in contract.rules]
    for contract, rule in rules:
        if names := moves_of_rules([rule.expression], contract.names).names:
            bronze = TableName.of_source(contract.source)
            raise ContractError(
                f"{places[bronze.model]}: rule {rule.name}: {rule.expression!r} depends on {', '.join(names)}, but a "
                "row is judged once, when it is loaded, and a later day would judge it otherwise; state the rule in "
                "the yml of the silver or gold table, where it is asked again as time goes on"
            )


def _python_clock(called: ast.expr) -> str:
    """The name by which Python is asked for the time; of `ibis.now()` the SQL tells more."""
    if not isinstance(called, ast.Attribute):
        return ""
    of = called.value.id if isinstance(called.value, ast.Name) else ""
    is_clock = called.attr in ("now", "today", "utcnow") and of != "ibis"
    return f"{of}.{called.attr}" if is_clock or of == "time" else ""


@lru_cache(maxsize=1024)
def _moves(queries: tuple[str, ...], columns: frozenset[str]) -> Moves:
    with empty_database() as connection:
        return _look(connection, queries, columns)


def _look(connection: duckdb.DuckDBPyConnection, queries: Sequence[str], columns: Collection[str]) -> Moves:
    moves = Moves()
    asked = "select json_serialize_sql(said) from (select unnest(?::varchar[]) as said)"
    for (text,) in connection.execute(asked, [queries]).fetchall():
        moves |= _of_tree(connection, json.loads(text), columns)
    return moves


def _of_tree(connection: duckdb.DuckDBPyConnection, parsed: Mapping[str, Any], columns: Collection[str]) -> Moves:
    if parsed["error"]:
        return Moves(("SQL that cannot be looked into",), timedelta())
    nodes = list(_nodes(parsed))
    moves = Moves()
    for node in nodes:
        if "class" in node or node.get("type") == "BASE_TABLE":
            moves |= _of_node(node, columns)
    if not moves.names or not moves.unit:
        return moves
    spans = [span for node in nodes if (span := _interval(connection, node)) is not None]
    longest = DAY if moves.ends_with_day or spans else HOUR
    return Moves(moves.names, max(LEAST, min([longest, *spans])), moves.ends_with_day)


def _nodes(parsed: object) -> Iterator[Mapping[str, Any]]:
    """Every node of a parse tree."""
    if isinstance(parsed, dict):
        yield parsed
    if isinstance(parsed, dict | list):
        for inner in parsed.values() if isinstance(parsed, dict) else parsed:
            yield from _nodes(inner)


def _of_node(node: Mapping[str, Any], columns: Collection[str]) -> Moves:
    """How the result of one node of a parse tree changes, the nodes within it left out."""
    if node.get("class") == "FUNCTION":
        return Moves() if node["is_operator"] else _of_function(node["function_name"].lower(), len(node["children"]))
    if node.get("class") == "COLUMN_REF":
        [*table, name] = node["column_names"]
        word = str(name).lower()
        return _of_function(word, 0) if not table and word in _WORDS and word not in columns else Moves()
    if node.get("type") == "BASE_TABLE" and node["schema_name"].lower() in ("information_schema", "pg_catalog"):
        return Moves((str(node["table_name"]),), timedelta())
    return Moves((f"${node['identifier']}",), timedelta()) if node.get("class") == "PARAMETER" else Moves()


def _of_function(name: str, arguments: int) -> Moves:
    if name in _DATES or (name == "age" and arguments == 1):
        return Moves((name,), DAY, ends_with_day=True)
    if name in _TIMES:
        return Moves((name,), DAY)
    stability = _catalogue().get(name, ())
    if name in _PURE_TABLES or (stability and name not in _SETTINGS and set(stability) == {"CONSISTENT"}):
        return Moves()
    if stability and all(entry.startswith("macro ") for entry in stability):
        return moves_of(f"select {entry.removeprefix('macro ')}" for entry in stability)
    return Moves((name,), timedelta())


@cache
def _catalogue() -> Mapping[str, tuple[str, ...]]:
    """The functions of DuckDB: how stable each is, or what a macro stands for."""
    with empty_database() as connection:
        rows = connection.execute(
            "select lower(function_name), list(distinct case when function_type = 'macro' "
            "then 'macro ' || macro_definition else coalesce(stability, function_type) end) "
            "from duckdb_functions() where function_type in ('scalar', 'aggregate', 'macro') group by all"
        ).fetchall()
    return {name: tuple(stability) for name, stability in rows}


def _interval(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> timedelta | None:
    """The length of an interval that stands in a rule; None for what is not one or depends on a row."""
    is_cast = node.get("class") == "CAST" and node["cast_type"]["id"] == "INTERVAL"
    is_made = node.get("class") == "FUNCTION" and node["function_name"].startswith("to_") and node["children"]
    if not is_cast and not is_made:
        return None
    [(text,)] = connection.execute("select json_serialize_sql('select abs(epoch(null::interval))')").fetchall()
    asked = json.loads(text)
    asked["statements"][0]["node"]["select_list"][0]["children"][0]["children"][0] = node
    try:
        rows = connection.execute(f"from json_execute_serialized_sql({literal(json.dumps(asked))}::json)").fetchall()
    except duckdb.Error:
        return None  # it is made of a column
    return timedelta(seconds=rows[0][0]) if rows and rows[0][0] else None
