"""What readers open: `published/lake.duckdb` (silver, gold, quarantine), `ops.duckdb` and `incidents.duckdb`.

Each publication is a new file, written aside and finished before a symbolic link is switched to it in one step, so a
reader sees the old file or the new one and never a part. Of the lake, the file is small and large tables are Parquet
parts beside it (`lake_state.py`); old states stay for a day, old files of the others
while they are among the last three.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from assay.base import clock
from assay.checks.validity import reasons_against
from assay.contract.names import TableName, literal, quoted, relation
from assay.contract.part_choice import PartChoice
from assay.publish.lake_state import StateWriter, Wanted
from assay.publish.ops_tables import HISTORY, OPS_TABLES, OPS_VIEWS
from assay.publish.seen_lake import BEFORE, SeenLake, attached
from assay.publish.states import clean_states, drop_old_states
from assay.publish.switched_file import aside, attach_new
from assay.tables.touched_parts import forget_touched, version_of
from assay.tables.versions import seqs


@dataclass(frozen=True)
class Published:
    """The outcome of one decision about what is published.

    Attributes:
        changed: Tables that readers see a new state of.
        because: Why other tables were held back; empty when none was.
        gone: Tables that readers do not see any more, because the project has them no longer.
    """

    changed: tuple[str, ...]
    because: tuple[str, ...]
    gone: tuple[str, ...] = ()


def publish_lake(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    domains: Iterable[set[str]],
    expected: Mapping[str, Sequence[str]],
    run_id: str,
    lagging: Collection[str] = (),
    as_of: datetime | None = None,
    *,
    choices: Mapping[str, PartChoice] | None = None,
    added: Mapping[str, tuple[str, ...]] | None = None,
    keep_seconds: float = 0.0,
) -> Published:
    """Publish every domain whose blocking checks all passed on what is stored now; keep the others as they were.

    Args:
        connection: The warehouse.
        folder: `published/`.
        domains: Sets of tables that hang together; only silver, gold and quarantine tables are shown.
        expected: The blocking checks of each table.
        run_id: Noted with the decision.
        lagging: Tables that may be older than their inputs.
        as_of: When the run began; results whose time was over by then are no pass.
        choices: How the project wants its tables cut into parts.
        added: Columns that readers are shown besides those of a table, by table.
        keep_seconds: How long a state lives after it was replaced.
    """
    known = _states(connection)
    noted, because_before = last_decision(connection)
    with attached(connection, folder) as before:
        seen = before.seqs(noted)
        now: dict[str, int] = {}
        because: list[str] = []
        held: set[str] = set()
        for domain in domains:
            shown = {table for table in domain if not TableName.parse(table).is_bronze}
            against = reasons_against(connection, shown, expected, lagging, as_of)
            against += [f"{table} was never built" for table in sorted(shown) if table not in known]
            because += against
            held |= shown if against else set()
            source = seen if against else known
            now |= {table: source[table] for table in shown if table in source}
        stored = _wanted(connection, before, now, held, choices or {})
        wanted = {table: replace(each, added=(added or {}).get(table, ())) for table, each in stored}
        changed = [t for t, w in sorted(wanted.items()) if not w.is_kept and (seen.get(t) != w.seq or w.before)]
        gone = [table for table in seen if table not in now]
        if before.is_outdated(folder, wanted) or changed or gone or _lacks_columns(connection, before, wanted):
            StateWriter(connection, folder, before.state).write(wanted)
    forget_touched(connection, {table: now[table] for table in changed}, gone)
    drop_old_states(folder, keep_seconds)
    if changed or gone or because != because_before or noted != now:
        _note(connection, now, because, run_id, is_published=bool(changed or gone or noted != now))
    return Published(tuple(changed), tuple(because), tuple(gone))


def _lacks_columns(connection: duckdb.DuckDBPyConnection, before: SeenLake, wanted: Mapping[str, Wanted]) -> bool:
    """Whether readers do not see a column yet that has been added to a table whose rows are as they see them."""
    for table, each in wanted.items():
        if each.before and table in before.tables and (names := each.sees(each.before.columns)):
            there = connection.execute(f"select column_name from (describe {BEFORE}.{relation(table)})").fetchall()
            if not {(name,) for name in names} <= set(there):
                return True
    return False


def _wanted(
    connection: duckdb.DuckDBPyConnection,
    before: SeenLake,
    now: Mapping[str, int],
    held: Collection[str],
    choices: Mapping[str, PartChoice],
) -> Iterator[tuple[str, Wanted]]:
    """Each table of the next state."""
    for table, seq in now.items():
        entry = before.state.tables.get(table) if before.state and table in before.tables else None
        choice = choices.get(table, PartChoice())
        if table in held:
            yield table, Wanted(seq, entry.version if entry else "", entry, is_kept=True, choice=choice)
        else:
            version = version_of(connection, table, seq)
            is_kept = entry is not None and entry.version == version
            yield table, Wanted(seq, version, entry, is_kept, choice)


def publish_ops(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Publish the book-keeping as it is now; of the history of checks only the new rows."""
    with aside(folder, "ops") as (path, alias):
        _begin_with(folder / "ops.duckdb", path)
        attach_new(connection, path, alias)
        try:
            connection.execute(f"create schema if not exists {alias}.ops")
            kept = [name for name in HISTORY if _is_continued(connection, alias, name)]
            _drop_all_but(connection, alias, kept)
            for name in kept:
                there = f"select coalesce(max(check_id), 0) from {alias}.ops.{name}"
                connection.execute(f"insert into {alias}.ops.{name} from ops.{name} where check_id > ({there})")
            for name in (*OPS_TABLES, *OPS_VIEWS):
                if name not in kept:
                    connection.execute(f"create table {alias}.ops.{name} as from ops.{name}")
            connection.execute(f"checkpoint {alias}")
        finally:
            connection.execute(f"detach {alias}")


def _drop_all_but(connection: duckdb.DuckDBPyConnection, alias: str, kept: Collection[str]) -> None:
    """Drop the tables of a copy that are written anew, so that the file does not double in size."""
    there = "select table_name from duckdb_tables() where schema_name = 'ops' and database_name = "
    for (name,) in connection.execute(f"{there}{literal(alias)}").fetchall():
        if name not in kept:
            connection.execute(f"drop table {alias}.ops.{quoted(name)}")
    connection.execute(f"checkpoint {alias}")


def _begin_with(present: Path, path: Path) -> None:
    """Start from a copy of the published file, where it can be read and continued: `ops` is published in any case."""
    if not present.exists():
        return
    shutil.copyfile(present, path)
    try:
        with duckdb.connect() as connection:
            attach_new(connection, path, "copied")
    except duckdb.Error:
        path.unlink()


def _is_continued(connection: duckdb.DuckDBPyConnection, alias: str, name: str) -> bool:
    """Whether the published table is the beginning of the stored one; not after an upgrade or a restored backup."""
    columns = "select column_name, data_type from duckdb_columns() where schema_name = 'ops' and table_name = ? and "
    there = connection.execute(f"{columns} database_name = {literal(alias)}", [name]).fetchall()
    if there != connection.execute(f"{columns} database_name = current_database()", [name]).fetchall():
        return False
    query = "select count(*), max(check_id), max(checked_at) from"
    [(count, last, at)] = connection.execute(f"{query} {alias}.ops.{name}").fetchall()
    rows = connection.execute(f"{query} ops.{name} where check_id <= ?", [last]).fetchall()
    return bool(rows == [(count, last, at)])


def publish_rows(folder: Path, table: str, rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> None:
    """Publish a table of `ops` that no run writes; the caller sees to it that nobody else does so meanwhile.

    Args:
        folder: `published/`.
        table: `incidents` or `slo`, also the name of the file.
        rows: All of it.
        columns: Names and types of the table.
    """
    clean_up(folder, [table])
    with duckdb.connect() as connection, aside(folder, table) as (path, alias):
        attach_new(connection, path, alias)
        try:
            connection.execute(f"create schema {alias}.ops")
            typed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
            connection.execute(f"create table {alias}.ops.{quoted(table)} ({typed})")
            query = f"select unnest(from_json(?, {literal(json.dumps([columns]))}), max_depth := 2)"
            values = [json.dumps(list(rows), default=str)]
            connection.execute(f"insert into {alias}.ops.{quoted(table)} by name {query}", values)
            connection.execute(f"checkpoint {alias}")
        finally:
            connection.execute(f"detach {alias}")


def clean_up(folder: Path, kinds: Sequence[str] = ("lake", "ops")) -> None:
    """Remove the half-written files of a process that was killed, and nothing else.

    Args:
        folder: `published/`.
        kinds: What the caller alone writes now: a run holds the lake, and incidents are published beside it.
    """
    for kind in kinds:
        for path in (*folder.glob(f".{kind}_*"), folder / f".{kind}.link"):
            path.unlink(missing_ok=True)
    if "lake" in kinds:
        (folder / ".tables.link").unlink(missing_ok=True)
        clean_states(folder)


def _states(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The state of each table that may be shown; a quarantine view has that of its bronze table."""
    known = seqs(connection)
    names = {TableName.parse(table): seq for table, seq in known.items()}
    quarantine = {name.in_layer("quarantine").table: seq for name, seq in names.items() if name.is_bronze}
    views = connection.execute(
        "select schema_name || '.' || view_name from duckdb_views() where schema_name = 'quarantine' "
        "and database_name = current_database()"
    ).fetchall()
    return known | {table: seq for table, seq in quarantine.items() if (table,) in views}


def last_decision(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, int], list[str]]:
    """The seq of each table that readers see, and why others were held back at the last decision."""
    rows = connection.execute(
        "select tables, because from ops.publications order by publication_id desc limit 1"
    ).fetchall()
    if not rows:
        return {}, []
    return {table["table_name"]: table["seq"] for table in rows[0][0]}, list(rows[0][1])


def _note(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, int],
    because: Sequence[str],
    run_id: str,
    *,
    is_published: bool,
) -> None:
    connection.execute(
        "insert into ops.publications values "
        "((select coalesce(max(publication_id), 0) + 1 from ops.publications), ?, ?, ?, ?, ?)",
        [
            clock.now(),
            run_id,
            is_published,
            list(because),
            [{"table_name": table, "seq": seq} for table, seq in sorted(tables.items())],
        ],
    )
