"""`assay query`: SQL over what is published."""

from __future__ import annotations

import csv
import sys

import duckdb
import typer
from rich.markup import escape
from rich.table import Table

from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli.console import err, out
from assay.publish.reader import open_published
from assay.publish.states import IF_MISSING, moved_from
from assay.text import strict_json

LIMIT = 1000  # rows that a table on the screen shows


class NothingPublished(UserError):
    """No run has published anything yet."""


class MovedLake(UserError):
    """The folder of what is published has another path than when it was published."""


def query(sql: str, output: str) -> None:
    """Run one statement and print its rows as `table`, `csv` or `json`.

    Raises:
        NothingPublished: There is nothing to read yet.
        MovedLake: A table's files are looked for where the lake was.
    """
    if output not in ("table", "csv", "json"):
        raise typer.BadParameter(f"{output!r} is none of table, csv, json", param_hint="--format")
    try:
        with open_published(published := Settings.from_env().published) as connection:
            relation = connection.execute(sql)
            names = [column[0] for column in relation.description or ()]
            rows = relation.fetchall() if output != "table" else relation.fetchmany(LIMIT + 1)
    except FileNotFoundError:
        raise NothingPublished("nothing is published yet; `assay run` loads what has arrived") from None
    except duckdb.Error as error:
        if IF_MISSING in str(error) and (before := moved_from(published)):
            raise MovedLake(
                f"{published} was {before} when it was published last; `assay run` publishes it here"
            ) from None
        err.print(f"[bold red]assay:[/] {escape(str(error))}", highlight=False)
        raise typer.Exit(2) from error
    _print(names, rows, output)


def _print(names: list[str], rows: list[tuple[object, ...]], output: str) -> None:
    if output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    elif output == "json":
        records = [dict(zip(names, row, strict=True)) for row in rows]
        sys.stdout.write(strict_json.dumps(records, ensure_ascii=False, indent=2) + "\n")
    else:
        table = Table(*[escape(name) for name in names])
        for row in rows[:LIMIT]:
            table.add_row(*[escape("" if value is None else str(value)) for value in row])
        out.print(table)
        if len(rows) > LIMIT:
            out.print(f"only the first {LIMIT:,} rows are shown; --format csv gives all")
