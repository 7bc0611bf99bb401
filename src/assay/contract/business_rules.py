"""How a rule of business sense is written, and how a table is held against all of its rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import ibis.expr.types as ir
import pandera.ibis as pa
from pandera.errors import SchemaErrors

from assay.contract.errors import ContractError

Rows = Callable[[ir.Table], ir.Table]


class Sense(pa.DataFrameModel):
    """A gold table with rules about what it means."""

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


_RULES: dict[type[Sense], dict[str, Rows]] = {}
"""By model; Pandera takes every attribute of a model for a column."""


class _Rule:
    def __init__(self, rows: Rows) -> None:
        self.rows = rows


def breaking(rows: Rows) -> Any:
    """Make a rule of a function from the gold table to the rows that break it; none means that it holds."""
    return _Rule(rows)


def _as_check(name: str, rows: Rows) -> Any:
    def holds(cls: type[Sense], data: Any) -> ir.BooleanScalar:  # noqa: ARG001 - Pandera calls it as a class method
        return rows(data.table).count() == 0

    holds.__name__ = name
    return pa.dataframe_check(holds)


def silver(gold: ir.Table, name: str) -> ir.Table:
    """Another table of the lake that a gold table is in."""
    return gold.get_backend().table(name, database="silver")


def differing(left: ir.Table, right: ir.Table, key: str | list[str], value: str) -> ir.Table:
    """The rows of two tables of one key whose values are not the same, or that one of the two does not have."""
    other = right.rename({f"{value}_expected": value})
    keys = [key] if isinstance(key, str) else key
    joined = left.outer_join(other, keys)
    same = joined[value].identical_to(joined[f"{value}_expected"])
    named = {name: joined[name].coalesce(joined[f"{name}_right"]) for name in keys}
    return joined.filter(~same).select(**named, found=joined[value], expected=joined[f"{value}_expected"])


def rules_of(model: str) -> dict[str, Rows]:
    """The rules of one gold model, by name: functions from the table to the rows that break them."""
    return _RULES[_sense_of(model)]


def broken(model: str, gold: ir.Table) -> set[str]:
    """Hold a gold table against its rules; returns those that do not hold."""
    try:
        _sense_of(model).validate(gold, lazy=True)
    except SchemaErrors as errors:
        failed = {str(getattr(error.check, "name", error.check)) for error in errors.schema_errors}
        if failed <= set(rules_of(model)):
            return failed
        raise
    return set()


def _sense_of(model: str) -> type[Sense]:
    found = vars(import_module(f"assay.contract.sense.{model}")).values()
    [sense] = [item for item in found if inspect.isclass(item) and issubclass(item, Sense) and item is not Sense]
    return sense
