"""Which columns hold values about people: those that a yml calls personal, and what SQL makes of them.

A yml says it once, where the values come in; the SQL of silver and gold models carries it on, under whatever name. A
count, a sum or an average of such values is about no person. A column whose yml says `personal: false` carries nothing.

Names are followed, not scopes: a name that is personal in one model is personal in all, as whoever reads an example
cannot tell the two apart either. The SQL is read as it is written, before dbt renders it, so that commands know it
without a run: a macro is taken for a function of what it is called with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

MASKED = "masked"
"""Stands for a value that is not shown; NULL is shown."""

if TYPE_CHECKING:
    from sqlglot import exp

_COMMENTS = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)
_CALL = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TEXT = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_OF_VALUES = re.compile(r"(Conversion|Invalid Input|Out of Range|Constraint|Mismatch Type) Error: ")
_VALUES = re.compile(r"'.*'(?= to [A-Z])|'[^'\n]*'|\"[^\"\n]*\"|(?<=value )-?[\d.]+", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def masked(row: Mapping[str, object], hidden: Collection[str]) -> Mapping[str, object]:
    """A row as it may be shown, with a word in the place of values of some columns."""
    return {name: MASKED if name in hidden and value is not None else value for name, value in row.items()}


def unnamed(names: Iterable[str], described: Collection[str], personal: Collection[str]) -> set[str]:
    """Columns of evidence that no yml describes, and that may hold any value of a table that has personal columns.

    Args:
        names: Columns of the evidence.
        described: Columns of the tables that it was made of.
        personal: Names of all personal columns.
    """
    return set(names) - set(described) if set(described) & set(personal) else set()


def without_values(message: str) -> str:
    """An error of DuckDB about a value, without the value."""
    if not _OF_VALUES.search(message):
        return message
    return _VALUES.sub(f"({MASKED})", message)


def personal_columns(
    models: Mapping[str, Mapping[str, Any]], parents: Callable[[str], Iterable[str]]
) -> frozenset[str]:
    """The names of all columns about people, of all models.

    Args:
        models: Nodes of dbt's manifest, by name.
        parents: The models that a model refers to.
    """
    declared = {name: _declared(node) for name, node in models.items()}
    personal = {column for columns in declared.values() for column, is_personal in columns.items() if is_personal}
    if not personal:
        return frozenset()
    while more := _derived(models, parents, declared, frozenset(personal)) - personal:
        personal |= more
    return frozenset(personal)


def shown_personal(sql: str, personal: Collection[str]) -> frozenset[str] | None:
    """Names, in lower case, under which a query shows values of personal columns; None where it cannot be followed.

    Args:
        sql: The query.
        personal: Names of all personal columns.
    """
    hot = frozenset(name.lower() for name in personal)
    if not hot:
        return hot
    carried = _carried(sql, hot, None)
    return None if carried is None else hot | carried


def _declared(node: Mapping[str, Any]) -> dict[str, bool]:
    """What the columns of a model say of themselves."""
    metas = {str(column["name"]): (column.get("config") or {}).get("meta") or {} for column in node["columns"].values()}
    return {name: bool(meta["personal"]) for name, meta in metas.items() if "personal" in meta}


def _derived(
    models: Mapping[str, Mapping[str, Any]],
    parents: Callable[[str], Iterable[str]],
    declared: Mapping[str, Mapping[str, bool]],
    personal: frozenset[str],
) -> set[str]:
    """Columns that one step of SQL makes of personal ones."""
    derived: set[str] = set()
    for name, node in models.items():
        inputs = [str(column) for parent in parents(name) if parent in models for column in models[parent]["columns"]]
        hot = personal & {*inputs, *node["columns"]}
        if not hot or not node.get("raw_code"):
            continue
        columns = {str(column).lower(): str(column) for column in node["columns"]}
        carried = _carried(str(node["raw_code"]), frozenset(column.lower() for column in hot), node.get("language"))
        made = columns.values() if carried is None else (columns[column] for column in carried if column in columns)
        derived |= {column for column in made if declared[name].get(column) is not False}
    return derived


@lru_cache(maxsize=512)
def _carried(raw: str, personal: frozenset[str], language: str | None) -> frozenset[str] | None:
    """Names that SQL gives to values of personal columns, in lower case; None where it cannot be followed."""
    if language == "python":
        return None
    from sqlglot import errors, exp, parse  # noqa: PLC0415 - 0.1 s that a project without personal columns saves

    try:
        trees = [tree for tree in parse(_plain_sql(raw), dialect="duckdb") if tree is not None]
    except (errors.SqlglotError, ValueError, RecursionError):
        return None
    names = set(personal)
    while True:
        before = len(names)
        for tree in trees:
            for alias in tree.find_all(exp.Alias):
                if _carries(alias.this, names):
                    names.add(alias.alias.lower())
            for query in tree.find_all(exp.Query):
                _add_by_place(query, names)
        if len(names) == before:
            return frozenset(names - personal)


def _add_by_place(query: exp.Query, names: set[str]) -> None:
    """Names that a column gets by its place: in the list behind an alias, or of the first query of a union."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    places = [query.named_selects]
    if isinstance(query, exp.SetOperation):
        sides = [query.left, query.right]
        places += [side.named_selects for side in sides]
        hot = [place for side in sides for place, part in enumerate(side.selects) if _carries(part, names)]
    else:
        hot = [place for place, part in enumerate(query.selects) if _carries(part, names)]
    around = query.parent.args.get("alias") if query.parent is not None else None
    if isinstance(around, exp.TableAlias) and around.columns:
        places.append([column.name for column in around.columns])
    names |= {titles[place].lower() for titles in places for place in hot if place < len(titles) and titles[place]}


def _carries(part: exp.Expr, names: set[str]) -> bool:
    """Whether values of personal columns can be read off an expression."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    return any(column.name.lower() in names and not _is_lost(column, part) for column in part.find_all(exp.Column))


def _is_lost(column: exp.Expr, part: exp.Expr) -> bool:
    """Whether what surrounds a column in an expression lets none of its values through."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    counted = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp, exp.Variance)
    passed_by = (exp.Where, exp.Group, exp.Order, exp.Having, exp.Join)
    child, node = column, column
    while node is not part and node.parent is not None:
        child, node = node, node.parent
        if isinstance(node, (*counted, *passed_by)):
            return True
        if isinstance(node, exp.Window) and child is not node.this:
            return True
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return True
    return False


def _plain_sql(raw: str) -> str:
    """A model's SQL with a name or a function call in the place of each piece of Jinja."""
    return _CALL.sub(_call, _COMMENTS.sub(" ", raw))


def _call(piece: re.Match[str]) -> str:
    """`ref('a')` is the table a, and any other macro a function of the columns in its arguments."""
    texts = [one or other for one, other in _TEXT.findall(piece[1])]
    if len(texts) == 1 and not _is_column_call(piece[1]):
        return f" {json.dumps(texts[0])} "
    words = [word for text in texts for word in _WORD.findall(text)]
    return f" jinja({', '.join(json.dumps(word) for word in words)}) "


def _is_column_call(code: str) -> bool:
    """Whether a macro with one text makes a value of a column, and not a table of a model."""
    return not re.match(r"\s*-?\s*(ref|source|assay\s*\.\s*\w+)\s*\(", code)
