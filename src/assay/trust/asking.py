"""Asks a published state and remembers the answer: files of a state are never changed, so it stays true.

Ten readers of one state cost one query. Only for what reads many rows; the answer is kept by the very words of the
question, so that what may be shown to whom is part of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

KEPT = 2_000
"""Answers that are kept; each is some rows."""
MOST_ROWS = 5_000
"""Rows of an answer that is kept."""
ALL_ROWS = 200_000
"""Rows of all answers that are kept: an address may ask a dashboard for any value, each with an answer of its own."""
_Key = tuple[tuple[tuple[str, int, int], ...], str, str]

_answers: OrderedDict[_Key, tuple[list[str], list[tuple[Any, ...]]]] = OrderedDict()
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
    return ask_named(connection, sql, values)[1]


def ask_named(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    values: Mapping[str, object] | None = None,
    kinds: Sequence[str] = ("lake", "ops"),
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names of the columns and the rows of a query that depends on nothing but what is published.

    Args:
        connection: A connection to what is published; of any other nothing is remembered.
        sql: One statement that reads.
        values: Its parameters.
        kinds: What it may read, as `published_files` names it.
    """
    files = _files(connection, kinds)
    if not files:
        return answer_anew(connection, sql, values)
    key = (files, sql, repr(values))
    with _guard:
        lock = _asked.setdefault(key, Lock())
    try:
        with lock:  # who asks the same meanwhile waits for the answer
            if key not in _answers:
                answer = answer_anew(connection, sql, values)
                with _guard:
                    _keep(key, answer)
                return answer
            return _answers[key]
    except KeyError:  # it was dropped meanwhile
        return answer_anew(connection, sql, values)
    finally:
        with _guard:
            if not lock.locked():
                _asked.pop(key, None)


def _keep(key: _Key, answer: tuple[list[str], list[tuple[Any, ...]]]) -> None:
    if len(answer[1]) > MOST_ROWS:
        return
    _answers[key] = answer
    while len(_answers) > KEPT or sum(len(rows) for _, rows in _answers.values()) > ALL_ROWS:
        _answers.popitem(last=False)


def answer_anew(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names of the columns and the rows of any query, asked now."""
    cursor = connection.execute(sql, dict(values)) if values else connection.execute(sql)
    return [column[0] for column in cursor.description or ()], cursor.fetchall()


def _files(connection: duckdb.DuckDBPyConnection, kinds: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """The published files that a connection sees, told from others of their names by inode and time."""
    rows = connection.execute(
        "select path from duckdb_databases() where list_contains(?::varchar[], database_name) order by path",
        [[f"{kind}_published" for kind in kinds]],
    ).fetchall()
    try:
        stats = [(path, Path(path).stat()) for (path,) in rows]
    except FileNotFoundError:  # an old state that was dropped while it is read
        return ()
    return tuple((path, stat.st_ino, stat.st_mtime_ns) for path, stat in stats)
