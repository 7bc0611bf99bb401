"""`assay query`: SQL over what is published."""

from __future__ import annotations

import sys
from collections.abc import Iterable

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

_SPECIAL = frozenset(',"\r\n')
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
    write_rows(names, rows, output)


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
