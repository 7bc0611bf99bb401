"""The open lake that the steps and checks of a run share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import duckdb

from assay.base import clock, log
from assay.base.settings import Settings
from assay.checks.results import CheckResult, record
from assay.checks.score import trends
from assay.contract.catalog import Catalog


@dataclass(frozen=True)
class Session:
    """What the steps of a run share.

    Attributes:
        settings: The lake.
        catalog: All models, contracts and promises.
        connection: The warehouse, open for writing.
        run_id: Dagster's id of the run.
        full_refresh: Models that are rebuilt from nothing in this run.
        has_full_checks: Whether this run looks at every row again, whatever earlier results stand for.
        judged: What the checks of arrivals found, by source; worked out once and told by several checks.
        rule_queries: SQL of the business rules, by model; the columns of a table do not change within a run.
        began: When the lake was opened for it.
    """

    settings: Settings
    catalog: Catalog
    connection: duckdb.DuckDBPyConnection
    run_id: str
    full_refresh: tuple[str, ...] = ()
    has_full_checks: bool = False
    judged: dict[str, Any] = field(default_factory=dict)
    rule_queries: dict[str, list[str]] = field(default_factory=dict)
    began: datetime = field(default_factory=clock.now)

    @property
    def expected(self) -> Mapping[str, Sequence[str]]:
        """The blocking checks of each table."""
        return self.catalog.blocking_checks

    @cached_property
    def scores(self) -> Mapping[str, Sequence[float]]:
        """The last scores of each table and of the lake before this run, oldest first; read once."""
        return trends(self.connection)

    def keep(self, *results: CheckResult) -> list[CheckResult]:
        """Write results to the book-keeping; returns them as they may be shown, without values of personal columns."""
        shown = [result.masking(self.catalog.personal) for result in results]
        record(self.connection, shown, self.run_id, self.catalog.contract_version)
        for result in shown:
            broken = [rule.name for rule in result.rules if not rule.passed] or None
            log.info(
                "check", run=self.run_id, table=result.table, check=result.check, verdict=result.verdict, broken=broken
            )
        return shown
