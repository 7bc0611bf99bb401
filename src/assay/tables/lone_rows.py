"""Build all of a table without comparing each row with those of its key, because most keys have one row.

The macro `newest_rows` finds the newest row of each key by a window over all rows, which sorts every column of them.
That is right for the few keys that a run redoes. For a whole table it is twice as fast, and takes a fraction of the
memory, to ask first which keys stand in several rows, and to compare those alone. The rows are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb

from assay.contract.names import quoted
from assay.contract.parse import parse_contract

_NEWEST = re.compile(r"/\*assay:newest_rows (\w+)\*/(.*?)/\*assay:end\*/", re.DOTALL)
_ROWS = re.compile(r"/\*rows that count\*/(.*?)/\*end of rows\*/", re.DOTALL)
_WORTH = 0.25
"""The share of rows with others of their key up to which it is faster to keep the lone ones apart."""


@contextmanager
def lone_rows_apart(
    connection: duckdb.DuckDBPyConnection, sql: str, inputs: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """A model's SQL that gives the same rows, for a build of all of its table; within the block it can be run.

    Args:
        connection: dbt's connection to the warehouse, in a transaction: what is made for the block is gone after it, or
            with the transaction that failed.
        sql: As dbt compiled it; what is not written by `newest_rows`, or by that of an earlier version, stays.
        inputs: The models that it reads, by name.
    """
    made: list[str] = []

    def apart(newest: re.Match[str]) -> str:
        rows = _ROWS.search(newest[2])
        key = parse_contract(inputs[newest[1]]).key if rows and newest[1] in inputs else ()
        if rows is None or not key:
            return newest[0]
        made.append(f"temp.main.assay_repeated_{len(made)}")
        hashed = f"hash({', '.join(map(quoted, key))})"
        return (
            _apart(newest[2], rows, hashed, made[-1]) if _are_few(connection, rows[1], hashed, made[-1]) else newest[0]
        )

    yield _NEWEST.sub(apart, sql)
    for table in made:
        connection.execute(f"drop table {table}")


def _are_few(connection: duckdb.DuckDBPyConnection, rows: str, hashed: str, repeated: str) -> bool:
    """Write down the hashes of the keys that stand in several rows; gives whether few rows have one of them."""
    connection.execute(
        f"create or replace temp table {repeated.rpartition('.')[2]} as "
        f"select {hashed} as _hash, count(*) as _rows from ({rows}) group by all having count(*) > 1"
    )
    [(several, every)] = connection.execute(
        f"select (select coalesce(sum(_rows), 0) from {repeated}), (select count(*) from ({rows}))"
    ).fetchall()
    return bool(several <= _WORTH * every)


def _apart(newest: str, rows: re.Match[str], hashed: str, repeated: str) -> str:
    """The lone rows as they are, and the newest of the others, which are told by a hash: keys that share it are few."""
    return f"""select * from (
        with counting as not materialized ({rows[1]})
        select
            * exclude (_rescued_pairs),
            1::bigint as _rank,
            true as _is_same,
            0::bigint as _duplicates_identical,
            0::bigint as _duplicates_conflicting
        from counting anti join {repeated} as repeated on {hashed} = repeated._hash
        union all by name
        {newest[: rows.start()]}select * from counting semi join {repeated} as repeated on {hashed} = repeated._hash
        {newest[rows.end() :]}
    )"""
