"""Try the SQL that stands in yml files on empty tables before any data meets it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

import duckdb

from assay.contract.contract import Column, Rule
from assay.contract.declared_checks import Reference
from assay.contract.errors import ContractError
from assay.contract.names import TableName, quoted, relation, table_of
from assay.contract.own_columns import FILE, OWN_TYPE
from assay.contract.rebuild_key import RebuildKey
from assay.contract.types import column_type


@contextmanager
def empty_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database in memory that nothing stays in; a process has one, for to open it costs 10 ms."""
    with _database(os.getpid()).cursor() as connection:
        yield connection


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:  # noqa: ARG001 - one that is forked needs its own
    return duckdb.connect(config={"threads": 1})


@contextmanager
def _undone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Drop what the block created when it ends, so that no later rule finds a table that is not its own."""
    connection.begin()
    try:
        yield
    finally:
        connection.rollback()


def check_rules(
    connection: duckdb.DuckDBPyConnection, where: str, columns: Sequence[Column], rules: Sequence[Rule]
) -> None:
    """Bind every rule to the columns it is about.

    Raises:
        ContractError: A rule is not SQL, names an unknown column, looks at more than one row, or is not a condition.
    """
    typed = ", ".join(f"null::{column.type.sql} as {quoted(column.name)}" for column in columns)
    for rule in rules:
        # In `where` SQL allows neither aggregates nor windows, which would judge a row by its neighbours.
        tried = f"select ({rule.expression}) as said from (select {typed}) where ({rule.expression}) is null or true"
        try:
            rows = connection.execute(f"select typeof(said) from ({tried})").fetchall()
        except duckdb.Error as error:
            message = str(error).strip().splitlines()[0]
            raise ContractError(
                f"{where}: rule {rule.name}: {rule.expression!r} is not SQL over one row of this table: {message}"
            ) from error
        if rows[0][0] not in ("BOOLEAN", '"NULL"'):
            raise ContractError(f"{where}: rule {rule.name}: {rule.expression!r} is {rows[0][0]}, expected a condition")


def check_reference(
    connection: duckdb.DuckDBPyConnection,
    where: str,
    reference: Reference,
    table: str,
    columns: Sequence[Column],
    other: Sequence[Column],
) -> None:
    """Bind a reference to empty tables.

    Raises:
        ContractError: It is not SQL over its two tables.
    """
    with _undone(connection):
        for name, typed in {table: columns, table_of(reference.to): other}.items():
            _create(connection, name, typed)
        try:
            connection.execute(reference.broken(table))
        except duckdb.Error as error:
            message = str(error).strip().splitlines()[0]
            raise ContractError(f"{where}: checks: consistency: {reference.name}: {message}") from error


def _create(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column]) -> None:
    typed = ", ".join(f"{quoted(column.name)} {column.type.sql}" for column in columns)
    connection.execute(f"create schema if not exists {quoted(table.split('.', maxsplit=1)[0])}")
    connection.execute(f"create or replace table {relation(table)} ({typed})")


def check_redo(
    connection: duckdb.DuckDBPyConnection, where: str, rebuild_key: RebuildKey, inputs: Mapping[str, Sequence[Column]]
) -> None:
    """Bind every way from a changed row to the keys of a table; a first build would not show a mistake in one.

    Args:
        connection: An empty database.
        where: The yml, for the message.
        rebuild_key: The ways.
        inputs: The columns of each input.

    Raises:
        ContractError: An expression is not SQL over its input.
    """
    with _undone(connection):
        for model, columns in inputs.items():
            file = [Column(FILE, column_type(OWN_TYPE))] if TableName.of_model(model).is_bronze else []
            _create(connection, table_of(model), [*columns, *file])
        for item in rebuild_key.inputs:
            try:
                connection.execute(rebuild_key.affected(item, relation(table_of(item.model))))
            except duckdb.Error as error:
                message = str(error).strip().splitlines()[0]
                raise ContractError(f"{where}: redo: {item.model} leads to no keys: {message}") from error
