"""The warehouse: one DuckDB file, opened the same way by all that share the run's process."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from assay.base.errors import UserError
from assay.base.memory import default_limit, engine_share
from assay.base.upgrade import upgrade
from assay.base.warehouse_stamp import is_as_left, note_left

SCHEMA = Path(__file__).with_name("schema.sql")
_BLOCK = re.MULTILINE | re.DOTALL


class WarehouseBusy(UserError):
    """Another program has the warehouse open."""


def connect(
    path: Path,
    *,
    wait_seconds: float,
    on_wait: Callable[[str], None] | None = None,
    memory_limit: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for writing and create what is missing in it.

    When another program has written to it since it was `opened` last, the next run of everything plans everything.

    Args:
        path: The file; made when missing.
        wait_seconds: How long to wait for another program to close it.
        on_wait: Called once with the name of that program.
        memory_limit: Bytes that this process may take; None for the machine's share. DuckDB gets a share of them.

    Raises:
        WarehouseBusy: It stayed open elsewhere; the message names the program.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    told = False
    while True:
        is_ours = is_as_left(path)
        try:
            connection = duckdb.connect(str(path))
            break
        except duckdb.IOException as error:
            holder = _holder(str(error))
            if holder is None:
                raise
            if time.monotonic() > deadline:
                raise WarehouseBusy(
                    f"{path.name} is open in {holder}; waited {wait_seconds:.0f} s. Close it there "
                    "(readers open published/lake.duckdb instead) and run again"
                ) from error
            if on_wait and not told:
                on_wait(holder)
                told = True
            time.sleep(0.2)
    try:
        # By a statement: with a configuration, every further connection of the process would have to be given the same.
        connection.execute(f"set memory_limit = '{engine_share(memory_limit or default_limit())}B'")
        prepare(connection)
        if not is_ours:
            connection.execute("delete from ops.whole_runs")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def opened(
    path: Path,
    *,
    wait_seconds: float,
    on_wait: Callable[[str], None] | None = None,
    memory_limit: int | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for the block as `connect` does, close it, and keep how it was left.

    Args:
        path: The file; made when missing.
        wait_seconds: How long to wait for another program to close it.
        on_wait: Called once with the name of that program.
        memory_limit: Bytes that this process may take; None for the machine's share. DuckDB gets a share of them.

    Raises:
        WarehouseBusy: It stayed open elsewhere; the message names the program.
    """
    connection = connect(path, wait_seconds=wait_seconds, on_wait=on_wait, memory_limit=memory_limit)
    try:
        yield connection
    finally:
        connection.close()
        note_left(path)


def open_elsewhere(path: Path) -> str | None:
    """The program that has the warehouse open; None when none has, or there is no warehouse.

    Raises:
        duckdb.Error: It cannot be opened, and not because of another program.
    """
    try:
        if path.exists():
            duckdb.connect(str(path), read_only=True).close()
    except duckdb.IOException as error:
        holder = _holder(str(error))
        if holder is None:
            raise
        return holder
    return None


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Set what every connection shares and create the book-keeping tables."""
    connection.execute("set timezone = 'UTC'")
    upgrade(connection)
    connection.execute(SCHEMA.read_text(encoding="utf-8"))


def view_statement(name: str) -> str:
    """The statement of the schema that makes a view of `ops`.

    Args:
        name: e.g. `latest_checks`.
    """
    match = re.search(rf"^create or replace view ops\.{name} as$.*?;", SCHEMA.read_text(encoding="utf-8"), _BLOCK)
    if match is None:
        raise KeyError(name)
    return match[0]


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    """The columns of a table that an earlier version may have made.

    Args:
        connection: Where it is.
        table: As SQL names it.
    """
    return {str(row[0]) for row in connection.execute(f"describe {table}").fetchall()}


def _holder(message: str) -> str | None:
    """The program that holds the file, from DuckDB's message; None when the message is about something else."""
    if "could not set lock" not in message.lower():
        return None
    match = re.search(r"held in (.+?)(?:\. See also|\.$|$)", message)
    return match[1] if match else "another program"


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run the block in a transaction: commit it, or roll it back after an error."""
    connection.execute("begin transaction")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # after a fatal error there is nothing left to roll back
            connection.execute("rollback")
        raise
    connection.execute("commit")


@contextmanager
def without_optimizer(connection: duckdb.DuckDBPyConnection, step: str) -> Iterator[None]:
    """Have statements of the block planned without a step of DuckDB's optimizer, which `duckdb_optimizers()` names."""
    before = connection.execute("select current_setting('disabled_optimizers')").fetchall()[0][0]
    connection.execute(f"set disabled_optimizers = '{step}'")
    try:
        yield
    finally:
        connection.execute(f"set disabled_optimizers = '{before}'")
