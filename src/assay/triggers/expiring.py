"""Results of checks that expire though no row changed: their time is over, or another version evaluated them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from assay.checks.validity import is_over
from assay.contract.catalog import Catalog
from assay.contract.moving_rules import AT_ONCE
from assay.contract.names import model_of
from assay.ledger.check_definition import CODE, LOAD_CHECKS, engines

_LATEST = """
    select table_name, check_name, definition, checked_at, expires_at from ops.latest_checks
"""


@dataclass(frozen=True)
class Expiring:
    """The results of a table that expire.

    Attributes:
        results: When each ends, and when it was kept.
    """

    results: tuple[tuple[datetime, datetime], ...]

    def is_over(self, now: datetime) -> bool:
        """Whether one has expired; level, not edge, so that neither a restart nor a lost tick matters."""
        return any(is_over(expires_at, checked_at, now) for expires_at, checked_at in self.results)


def read_expiring(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> Mapping[str, Expiring]:
    """The tables of the project with results that expire; those that depend on chance are left to runs.

    Args:
        connection: A connection to what is published.
        catalog: The project.
    """
    tests = {str(test["name"]) for test in catalog.tests(catalog.models).values()}
    expiries: dict[str, tuple[tuple[datetime, datetime], ...]] = {}
    for table, check, _, checked_at, expires_at in connection.execute(_LATEST).fetchall():
        is_asked = check in catalog.checks.get(table, ()) or (check in tests and model_of(table) in catalog.models)
        if is_asked and expires_at is not None and expires_at > AT_ONCE:
            expiries[table] = (*expiries.get(table, ()), (expires_at, checked_at))
    return {table: Expiring(results) for table, results in expiries.items()}


def of_other_engines(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> Iterator[str]:
    """Tables with a result that was found by another version of Pandera, Ibis or DuckDB.

    Args:
        connection: A connection to what is published.
        catalog: The project.
    """
    for table, check, definition, *_ in connection.execute(_LATEST).fetchall():
        is_kept = check in CODE and check not in LOAD_CHECKS and check in catalog.checks.get(table, ())
        if is_kept and definition and not definition.endswith(f"-{engines()}"):
            yield table
