"""Business rules in Python, and the check of a gold table against all of its rules.

A project has them in `rules/` of its dbt project: a module for each gold model, called like it, with one class of
`BusinessRules`. A rule is a method that gives the rows that break it; its docstring says why it must hold. Rules that
look at one row alone stand in the yml.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pandera.ibis as pa
from pandera.errors import SchemaErrors

from assay.contract.errors import ContractError

Rows = Callable[[ir.Table], ir.Table]


class BusinessRules(pa.DataFrameModel):
    """The business rules of a gold table."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Collect the methods that `breaking` marked.

        Raises:
            ContractError: The model names a column; `Field(unique=True)` would be skipped without a word on Ibis.
        """
        if cls.__annotations__:
            raise ContractError(
                f"{cls.__module__}: {', '.join(cls.__annotations__)}: columns, types and keys stand in the yml, which "
                "Assay checks; Pandera on Ibis skips some of what a Field says"
            )
        _RULES[cls] = {name: made.rows for name, made in vars(cls).items() if isinstance(made, _Rule)}
        for name, rows in _RULES[cls].items():
            setattr(cls, name, _as_check(name, rows))
        super().__init_subclass__(**options)  # type: ignore[no-untyped-call]


_RULES: dict[type[BusinessRules], dict[str, Rows]] = {}
"""By model; Pandera takes every attribute of a model for a column."""


class _Rule:
    def __init__(self, rows: Rows) -> None:
        self.rows = rows


def breaking(rows: Rows) -> Any:
    """Declare a function from the gold table to the rows that break a rule; the rule holds when there are none."""
    return _Rule(rows)


def _as_check(name: str, rows: Rows) -> Any:
    def holds(cls: type[BusinessRules], data: Any) -> ir.BooleanScalar:  # noqa: ARG001 - Pandera calls it as a class method
        return rows(data.table).count() == 0

    holds.__name__ = name
    return pa.dataframe_check(holds)


def silver(gold: ir.Table, name: str) -> ir.Table:
    """A silver table of the lake that a gold table is in."""
    return gold.get_backend().table(name, database="silver")


def differing(left: ir.Table, right: ir.Table, key: str | list[str], value: str) -> ir.Table:
    """The rows of two tables of one key whose values are not the same, or that one of the two does not have."""
    other = right.rename({f"{value}_expected": value})
    keys = [key] if isinstance(key, str) else key
    joined = left.outer_join(other, keys)
    same = joined[value].identical_to(joined[f"{value}_expected"])
    named = {name: joined[name].coalesce(joined[f"{name}_right"]) for name in keys}
    return joined.filter(~same).select(**named, found=joined[value], expected=joined[f"{value}_expected"])


def rules_of(path: Path) -> dict[str, Rows]:
    """The rules in a module, by name: functions from the gold table to the rows that break them.

    Args:
        path: The module, which is called like the gold model.

    Raises:
        ContractError: It does not define one class of `BusinessRules`.
    """
    return _RULES[_load(path)]


def broken(path: Path, gold: ir.Table) -> set[str]:
    """Check a gold table against the rules in a module; returns those that do not hold."""
    try:
        _load(path).validate(gold, lazy=True)
    except SchemaErrors as errors:
        failed = {str(getattr(error.check, "name", error.check)) for error in errors.schema_errors}
        if failed <= set(rules_of(path)):
            return failed
        raise
    return set()


def _load(path: Path) -> type[BusinessRules]:
    return _import(path, path.stat().st_mtime_ns)


@cache
def _import(path: Path, stamp: int) -> type[BusinessRules]:  # noqa: ARG001 - a file that changed is another one
    spec = spec_from_file_location(f"assay_rules_{path.stem}", path)
    assert spec is not None  # noqa: S101 - its name ends with .py
    assert spec.loader is not None  # noqa: S101 - as above
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    classes = [item for item in vars(module).values() if inspect.isclass(item) and issubclass(item, BusinessRules)]
    rules = [item for item in classes if item is not BusinessRules]
    if len(rules) != 1:
        raise ContractError(f"rules/{path.name}: expected one class of BusinessRules, found {len(rules)}")
    return rules[0]
