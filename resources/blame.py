"""Whether an error of DuckDB is about the file that is read, or about the machine or our own SQL."""

from __future__ import annotations

import duckdb

_OURS = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.OutOfMemoryException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InterruptException,
    duckdb.TransactionException,
)
_DISK = (
    "no space left",
    "disk quota",
    "read-only file system",
    "max_temp_directory_size",
    "could not write",
    "permission denied",
)


def raise_unless_about_file(error: duckdb.Error) -> None:
    """Let errors pass that are about a file's content.

    Raises:
        duckdb.Error: The disk or the memory is full, or the statement is wrong; the file is not to blame.
    """
    if isinstance(error, _OURS) or any(word in str(error).lower() for word in _DISK):
        raise error


def first_line(error: BaseException) -> str:
    """The first line of an error's message, short enough for a table."""
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:300]
