"""`assay query`: SQL over what is published."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import duckdb
import typer
from rich.markup import escape
from rich.table import Table

from assay.base.settings import Settings
from assay.cli.console import err, out
from assay.cli.published_lake import published_lake
from assay.consumers.spreadsheet import BYTE_ORDER_MARK, Guarded
from assay.text import strict_json

_SPECIAL = frozenset(',"\r\n')
LIMIT = 1000  # rows that a table on the screen shows


def query(sql: str, output: str, *, for_excel: bool = False) -> None:
    """Run one statement and print its rows as `table`, `csv` or `json`.

    Args:
        sql: One statement, over what is published.
        output: How the rows are written.
        for_excel: Write CSV as Excel opens it: with the mark of UTF-8, and no text that it would take for a formula.

    Raises:
        NothingPublished: There is nothing to read yet.
        MovedLake: A table's files are looked for where the lake was.
    """
    if output not in ("table", "csv", "json"):
        raise typer.BadParameter(f"{output!r} is none of table, csv, json", param_hint="--format")
    if for_excel and output == "json":
        raise typer.BadParameter("--for-excel writes CSV; leave --format out", param_hint="--format")
    output = "csv" if for_excel else output
    try:
        with published_lake(Settings.from_env()) as connection:
            relation = connection.execute(sql)
            names = [column[0] for column in relation.description or ()]
            rows = relation.fetchall() if output != "table" else relation.fetchmany(LIMIT + 1)
    except duckdb.Error as error:
        err.print(f"[bold red]assay:[/] {escape(str(error))}", highlight=False)
        raise typer.Exit(2) from error
    if for_excel:
        guarded = Guarded()
        rows = [guarded.row(row) for row in rows]
        names = [str(name) for name in guarded.row(tuple(names))]
        _write([BYTE_ORDER_MARK])
    write_rows(names, rows, output)
    if for_excel:
        err.print(f"[bold]assay:[/] {escape(guarded.sentence)}", highlight=False, soft_wrap=True)


def write_rows(names: list[str], rows: list[tuple[object, ...]], output: str) -> None:
    """Print rows as `table`, of which the screen shows the first, `csv` or `json`."""
    if output == "csv":
        _write(",".join(map(_field, row)) + "\n" for row in (names, *rows))
    elif output == "json":
        records = [dict(zip(names, row, strict=True)) for row in rows]
        _write([strict_json.dumps(records, ensure_ascii=False, indent=2) + "\n"])
    else:
        table = Table(*[escape(name) for name in names])
        for row in rows[:LIMIT]:
            table.add_row(*[escape(_text(value)) for value in row])
        out.print(table)
        if len(rows) > LIMIT:
            out.print(f"only the first {LIMIT:,} rows are shown; --format csv gives all")


def _write(texts: Iterable[str]) -> None:
    """Write texts as they are: in UTF-8 and with their own line ends, whatever the terminal has."""
    sys.stdout.flush()
    for text in texts:
        sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _text(value: object) -> str:
    """A value as text; one that holds others as JSON."""
    if isinstance(value, dict | list):
        return strict_json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _field(value: object) -> str:
    """A value as a field of CSV. NULL is an empty field, and the empty text is one in quotes."""
    text = _text(value)
    is_bare = value is None or (text and text == text.strip() and not _SPECIAL & set(text))
    return text if is_bare else f'"{text.replace(chr(34), chr(34) * 2)}"'
