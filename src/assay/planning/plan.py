"""The plan: what changed, what that breaks, what is built anew, and what further columns it touches."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from assay.contract.catalog import Catalog
from assay.contract.names import TableName
from assay.contract.own_columns import OWN_COLUMNS
from assay.planning.changes import Change, changes_of
from assay.planning.meaning import Schema
from assay.planning.shapes import Shape, Shapes
from assay.planning.type_check import Problem, in_order
from assay.planning.work import Work, downstream, refreshed, work_of
from assay.tables.build_costs import Costs
from assay.tables.column_origins import column_origins

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_OWN = {**dict.fromkeys(OWN_COLUMNS, "bigint"), "_load_id": "bigint", "_violations": "varchar[]", "_rescued": "json"}
"""Columns of Assay's own that a model may read of its inputs."""
_OWN |= {"_loaded_at": "timestamp with time zone", "_file_date": "timestamp"}


@dataclass(frozen=True)
class Touched:
    """A column further down that a change reaches: it is made of the column `origin`, e.g. `silver.sales.amount`."""

    table: str
    column: str
    origin: str


@dataclass(frozen=True)
class Release:
    """A contract with breaking changes: its version before and after, and whether that says so.

    `is_enough` is None of a table that had no version, and of one that is gone.
    """

    table: str
    before: str
    after: str
    is_enough: bool | None


@dataclass(frozen=True)
class Plan:
    """What a change of the project means.

    Attributes:
        against: What the project is held against, in words.
        changes: All differences.
        problems: Models that would fail.
        works: Tables that are built anew, each after those that it is made of.
        touched: Columns further down.
        releases: The tables with breaking changes.
        besides: Seconds that a run takes besides building and checking tables.
        state: Of the lake that the plan is about; empty where there is none.
    """

    against: str
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    works: tuple[Work, ...]
    touched: tuple[Touched, ...]
    releases: tuple[Release, ...]
    besides: float = 0.0
    state: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether everything would run, and each breaking change comes with a version that says so."""
        return not self.problems and all(release.is_enough is not False for release in self.releases)

    @property
    def refreshed(self) -> list[str]:
        """The tables that have to be built from nothing on command."""
        return refreshed(self.works)

    @property
    def seconds(self) -> float | None:
        """About how long the run takes that builds all; None where a build was never measured."""
        known = [work.seconds for work in self.works if work.seconds is not None]
        return sum(known) + self.besides if len(known) == len(self.works) else None

    def as_json(self) -> dict[str, Any]:
        """The plan for programs; what `assay apply` reads."""
        return {**asdict(self), "is_accepted": self.is_accepted, "full_refresh": self.refreshed}


def plan_of(
    catalog: Catalog,
    compiled: Mapping[str, str],
    before: Shapes,
    after: Shapes,
    *,
    built: Shapes,
    costs: Costs,
    problems: list[Problem],
    against: str,
    state: str,
) -> Plan:
    """Work a plan out.

    Args:
        catalog: The project as it is to be.
        compiled: The compiled SQL of its models.
        before: The shapes that it is held against.
        after: Its own.
        built: What the lake was built with; where there is no lake, `before`.
        costs: What builds of the lake's tables took.
        problems: Models that would fail.
        against: What it is held against, in words.
        state: Of the lake.
    """
    names = dict.fromkeys([*after.tables, *(table for table in before.tables if table not in after.tables)])
    differing = [table for table in names if before.tables.get(table) != after.tables.get(table)]
    schemas = _schema(before), _schema(after)
    changes = [
        change
        for table in differing
        for change in changes_of(table, before.tables.get(table), after.tables.get(table), schemas)
    ]
    return Plan(
        against,
        tuple(changes),
        tuple(problems),
        tuple(work_of(catalog, built, after, costs)),
        tuple(Touched(*row) for row in downstream(_columns(changes, before), _origins(catalog, compiled))),
        tuple(_releases(changes, before, after)),
        costs.besides,
        state,
    )


def state_of(connection: duckdb.DuckDBPyConnection) -> str:
    """The state of a lake: another one when a table was built, changed or dropped since.

    Args:
        connection: What is published.
    """
    rows = connection.execute("select table_name, seq, fingerprint from ops.tables order by 1").fetchall()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _schema(shapes: Shapes) -> Schema:
    return {table: {**shape.columns, **_OWN} for table, shape in shapes.tables.items()}


def _columns(changes: list[Change], before: Shapes) -> dict[str, list[str]]:
    """Columns that are not what they were, by table; a new one is nothing that others were made of."""
    columns: dict[str, list[str]] = {}
    for change in changes:
        if change.table in before.tables and change.column in before.tables[change.table].columns:
            columns.setdefault(change.table, []).append(change.column)
    return columns


def _origins(catalog: Catalog, compiled: Mapping[str, str]) -> dict[str, Mapping[str, list[tuple[str, str]]]]:
    return {
        TableName.of_model(model).table: {
            column: list(read) for column, read in column_origins(catalog, model, compiled[model]).items()
        }
        for model in in_order(catalog)
        if catalog.layer(model) != "bronze"
    }


def _releases(changes: list[Change], before: Shapes, after: Shapes) -> list[Release]:
    tables = dict.fromkeys(change.table for change in changes if change.is_breaking)
    return [_release(table, before.tables.get(table), after.tables.get(table)) for table in tables]


def _release(table: str, before: Shape | None, after: Shape | None) -> Release:
    old, new = before.version if before else "", after.version if after else ""
    if not old or after is None:
        return Release(table, old, new, None)
    return Release(table, old, new, bool(new) and _is_major(old, new))


def _is_major(before: str, after: str) -> bool:
    """Whether a version says that something breaks; of versions before 1.0.0 the second number does."""
    numbers = [tuple(map(int, match.groups())) if (match := _VERSION.match(text)) else () for text in (before, after)]
    if () in numbers:
        return before != after
    places = 2 if numbers[0][0] == numbers[1][0] == 0 else 1
    return numbers[1][:places] > numbers[0][:places]
