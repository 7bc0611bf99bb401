"""Asks a published state and remembers the answer: files of a state are never changed, so it stays true.

Ten readers of one state cost one query. Only for what reads many rows; the answer is kept by the very words of the
question, so that what may be shown to whom is part of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

KEPT = 2_000
"""Answers that are kept; each is some rows."""
_Key = tuple[tuple[tuple[str, int, int], ...], str, str]

_answers: OrderedDict[_Key, list[tuple[Any, ...]]] = OrderedDict()
_asked: dict[_Key, Lock] = {}
_guard = Lock()


def ask(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None = None
) -> list[tuple[Any, ...]]:
    """The rows of a query that depends on nothing but what is published.

    Args:
        connection: A connection to what is published; of any other nothing is remembered.
        sql: One statement that reads.
        values: Its parameters.
    """
    files = _files(connection)
    if not files:
        return _rows(connection, sql, values)
    key = (files, sql, repr(values))
    with _guard:
        lock = _asked.setdefault(key, Lock())
    try:
        with lock:  # who asks the same meanwhile waits for the answer
            if key not in _answers:
                rows = _rows(connection, sql, values)
                with _guard:
                    _answers[key] = rows
                    while len(_answers) > KEPT:
                        _answers.popitem(last=False)
                return rows
            return _answers[key]
    except KeyError:  # it was dropped meanwhile
        return _rows(connection, sql, values)
    finally:
        with _guard:
            if not lock.locked():
                _asked.pop(key, None)


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None
) -> list[tuple[Any, ...]]:
    return connection.execute(sql, dict(values)).fetchall() if values else connection.execute(sql).fetchall()


def _files(connection: duckdb.DuckDBPyConnection) -> tuple[tuple[str, int, int], ...]:
    """The published files that a connection sees, told from others of their names by inode and time."""
    rows = connection.execute(
        "select path from duckdb_databases() where database_name in ('lake_published', 'ops_published') order by path"
    ).fetchall()
    try:
        stats = [(path, Path(path).stat()) for (path,) in rows]
    except FileNotFoundError:  # an old state that was dropped while it is read
        return ()
    return tuple((path, stat.st_ino, stat.st_mtime_ns) for path, stat in stats)
