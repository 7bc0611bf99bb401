"""Tells errors of DuckDB about the file that is read from those about the machine or our own SQL."""

from __future__ import annotations

import duckdb

_OURS = (
    MemoryError,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConnectionException,
    duckdb.ConstraintException,
    duckdb.DependencyException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.ParserException,
    duckdb.PermissionException,
    duckdb.TransactionException,
)
_MACHINE = (
    "no space left",
    "disk quota",
    "file too large",
    "read-only file system",
    "max_temp_directory_size",
    "could not write",
    "permission denied",
    "too many open files",
    "cannot allocate memory",
    "input/output error",
    "stale file handle",
)
_REFUSED = "invalid input error: cannot execute"
_READ_ONLY = "read-only mode"


def raise_unless_about_file(error: Exception, name: str) -> None:
    """Raise an error again unless it is about the content of a file.

    Args:
        error: What DuckDB raised, or a stream that it reads.
        name: The path under which DuckDB read the file; what stands in it says nothing about the machine.

    Raises:
        MemoryError | duckdb.Error: The disk or the memory is full, or the statement is wrong; the file is not to blame.
    """
    if isinstance(error, _OURS) or _is_about_machine(error, name):
        raise error


def _is_about_machine(error: Exception, name: str) -> bool:
    """Whether an error is about the machine, by the first line of two kinds of errors: others may quote any value."""
    message = first_line(str(error).replace(name, "")).lower()
    if isinstance(error, duckdb.IOException):
        return any(word in message for word in _MACHINE)
    return isinstance(error, duckdb.InvalidInputException) and _READ_ONLY in message and message.startswith(_REFUSED)


def first_line(error: object) -> str:
    """The first line of an error's message, short enough for a table."""
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:300]
