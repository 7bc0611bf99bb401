"""Tables of hundreds of columns: how DuckDB plans and reads them in time and memory that follow their width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from assay.base.warehouse import without_optimizer

MANY = 200
"""Columns up to which a plan, and the parts of an object, are cheap in any case."""
_COPYING = "filter_pushdown"
"""The step of DuckDB's optimizer that copies what all columns say into a condition; narrow tables gain from it."""


@contextmanager
def plain_plans(connection: duckdb.DuckDBPyConnection, columns: int) -> Iterator[None]:
    """Let DuckDB plan statements over so many columns without the step that multiplies them."""
    if columns <= MANY:
        yield
        return
    with without_optimizer(connection, _COPYING):
        yield
