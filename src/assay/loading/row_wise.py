"""Whether a bronze model makes each row of one record alone, so that files may be read at once without meeting."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from assay.base.warehouse import without_optimizer
from assay.contract.contract import Contract
from assay.contract.names import quoted

_AS_JOINS = "in_clause"
"""An optimizer that makes a join of `in (…)` with many values, of which each row is joined with none of another row."""
_ROW_BY_ROW = frozenset(("PROJECTION", "SEQ_SCAN"))
"""Steps of a plan in which no row knows of another; a model with any other step reads one file at a time."""


def is_row_wise(connection: duckdb.DuckDBPyConnection, contract: Contract, sql: str) -> bool:
    """Whether the model gives each row its `_file_id` and nothing of another row.

    Rows that it drops are not looked for: they are missed where rows are counted.

    Args:
        connection: dbt's connection to the warehouse; the source's view `landing_<source>` is made anew on it.
        contract: The source's contract.
        sql: The model's compiled SQL.
    """
    typed = "".join(f"{quoted(column.name)} {column.type.sql}, " for column in contract.columns)
    landing = quoted(f"landing_{contract.source}")
    connection.execute(f"create or replace temp table assay_shape ({typed}_rescued json, _file_id bigint)")
    connection.execute(f"create or replace temp view {landing} as select * from temp.assay_shape")
    try:
        with without_optimizer(connection, _AS_JOINS):
            query = f"explain (format json) select {_columns(contract)} from ({sql}\n)"
            explained = connection.execute(query).fetchall()
    except duckdb.BinderException:  # it names its columns, and `_file_id` is not among them
        return False
    finally:
        connection.execute(f"drop view temp.{landing}")
        connection.execute("drop table temp.assay_shape")
    return all(name in _ROW_BY_ROW for plan in json.loads(explained[0][1]) for name in _steps(plan))


def _columns(contract: Contract) -> str:
    return ", ".join([*map(quoted, contract.names), "_rescued", "_violations", "_file_id"])


def _steps(plan: Mapping[str, Any]) -> Iterator[str]:
    yield plan["name"].strip()
    for below in plan["children"]:
        yield from _steps(below)
