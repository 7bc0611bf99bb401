"""`assay trace`: where a row of a published table comes from."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

import duckdb
import typer
from rich.markup import escape
from rich.table import Table

from assay.base.duckdb_errors import first_line
from assay.base.settings import Settings
from assay.cli.console import out, progress
from assay.cli.published_lake import published_lake
from assay.consumers.tracing.result import FileOfRows, Proof, Trace, TracedRow, TracedRows, Values
from assay.consumers.tracing.trace import CannotTrace, trace
from assay.contract.catalog import Catalog
from assay.publish.states import IF_MISSING
from assay.tables.dbt import compile_models, parse_if_changed

_WIDE = 40  # characters of a value
_FILES = 10


def show(table: str, key: Sequence[str], *, as_json: bool) -> None:
    """Print the trace of a row.

    Args:
        table: As `gold.daily_sales`.
        key: `NAME=VALUE` each.
        as_json: For programs.

    Raises:
        NothingPublished: There is nothing to read yet.
        UnknownTable: Readers see no such table.
        CannotTrace: No row has these values.
    """
    settings = Settings.from_env()
    values = {}
    for pair in key:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{pair!r} is not NAME=VALUE, such as store_id=330", param_hint="--key")
        values[name] = value
    parse_if_changed(settings)
    catalog = Catalog.read(settings.dbt_project)
    with published_lake(settings) as connection, progress("tracing"):
        compiled = compile_models(settings)
        try:
            traced = trace(connection, catalog, settings.landing, table, values, compiled=compiled)
        except duckdb.Error as error:
            if IF_MISSING in str(error):  # the lake was moved, which is told elsewhere
                raise
            raise CannotTrace(f"{table}: its inputs cannot be read as `redo` says: {first_line(error)}") from error
    if as_json:
        sys.stdout.write(json.dumps(traced.form, ensure_ascii=False, indent=2, default=str) + "\n")
        return
    for part in _parts(traced):
        out.print(part, highlight=False, soft_wrap=isinstance(part, str))


def _parts(traced: Trace) -> Iterator[str | Table]:
    version = f", contract {traced.contract_version}" if traced.contract_version else ""
    first = f" (the first of {traced.matching:,} rows)" if traced.matching > 1 else ""
    yield f"[bold]{escape(traced.table)}[/]{version}{first}"
    yield _grid([traced.row])
    yield from _files(traced.files)
    for rows in traced.inputs:
        yield from _input(rows)
    if traced.proof:
        yield _proof(traced.proof)


def _input(rows: TracedRows) -> Iterator[str | Table]:
    more = " and more" if rows.is_cut else ""
    shown = f", of which {len(rows.rows)} are shown" if len(rows.rows) < rows.count else ""
    yield f"\n[bold]from {rows.count:,} rows of {escape(rows.table)}[/]{more}{shown}"
    if rows.rows:
        yield _grid(rows.rows)
    if rows.inputs:
        yield f"It is made of {', '.join(map(escape, rows.inputs))}: assay trace {escape(rows.table)} --key …"
    yield from _files(rows.files)


def _grid(rows: Sequence[TracedRow]) -> Table:
    names = [name for name in rows[0].values if not name.startswith("_")]
    has_records = any(row.record for row in rows)
    table = Table(*map(escape, names), *(["in its file"] if has_records else []))
    for row in rows:
        table.add_row(*[_text(row.values, name) for name in names], *([_line(row)] if has_records else []))
    return table


def _line(row: TracedRow) -> str:
    if row.record is None:
        return ""
    if row.record.line is None:
        return escape(row.record.why_not)
    return f"line {row.record.line:,} (content {row.record.file_id})"


def _text(values: Values, name: str) -> str:
    value = values[name]
    text = "" if value is None else str(value)
    return escape(text if len(text) <= _WIDE else f"{text[:_WIDE]}…")


def _files(files: Sequence[FileOfRows]) -> Iterator[str]:
    for file in files[:_FILES]:
        loaded = f"{file.loaded_at:%Y-%m-%d %H:%M:%S}" if file.loaded_at else "at a time that is not known"
        yield (
            f"  {file.rows:,} {'row' if file.rows == 1 else 'rows'} from {escape(repr(file.path)[1:-1])} "
            f"(content {file.file_id}, load {file.load_id}, {loaded}, by contract {escape(file.contract_version)}, "
            f"run {escape(file.run_id[:8])})"
        )
    if len(files) > _FILES:
        yield f"  and {len(files) - _FILES:,} more files; --json has all"


def _proof(proof: Proof) -> str:
    if proof.why_not:
        return f"\n[yellow]Not proved[/] that these are all rows: {escape(proof.why_not)}"
    if not proof.other:
        return "\n[green]Proved[/]: the table's SQL gives this row again from these rows alone."
    if not proof.same:
        return "\n[yellow]Not proved[/]: from these rows alone the table's SQL gives another row, so it reads more."
    depend = "depends" if len(proof.other) == 1 else "depend"
    return (
        f"\n[green]Proved[/] for {', '.join(map(escape, proof.same))}: the table's SQL gives them again from these "
        f"rows alone. {', '.join(map(escape, proof.other))} {depend} on others too."
    )
