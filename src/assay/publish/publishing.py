"""What readers open: `published/lake.duckdb` (silver, gold, quarantine), `ops.duckdb` and `incidents.duckdb`.

Each publication is a new file, written aside and finished before a symbolic link is switched to it in one step, so a
reader sees the old file or the new one and never a part. The last three files of each stay for those who have them
open.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from assay.base import clock
from assay.base.atomic_write import sync
from assay.checks.validity import reasons_against
from assay.contract.names import TableName, literal, quoted, relation
from assay.tables.versions import seqs

KEPT = 3
READ_ONLY = 0o444  # a reader that opened it for writing would shut the others out, and what it wrote would be copied on
OPS_TABLES = (
    "files",
    "sources",
    "snapshots",
    "acceptances",
    "tables",
    "seen",
    "conservation",
    "checks",
    "check_results",
    "profiles",
    "quality_score",
    "deliveries",
    "freshness",
    "retired",
    "publications",
)
HISTORY = ("checks", "check_results")
"""Tables of `ops` to which runs only add, the most by far."""
OPS_VIEWS = ("live_files", "current_files")


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
    """
    known = _states(connection)
    before, before_because = last_decision(connection)
    if not (folder / "lake.duckdb").exists():
        before = {}
    now: dict[str, int] = {}
    because: list[str] = []
    for domain in domains:
        shown = {table for table in domain if not TableName.parse(table).is_bronze}
        against = reasons_against(connection, shown, expected, lagging, as_of)
        against += [f"{table} was never built" for table in sorted(shown) if table not in known]
        because += against
        source = before if against else known
        now |= {table: source[table] for table in shown if table in source}
    changed = [table for table, state in sorted(now.items()) if before.get(table) != state]
    gone = [table for table in before if table not in now]
    if changed or gone:
        _write(connection, folder, changed, gone)
    if changed or gone or because != before_because:
        _note(connection, now, because, run_id, is_published=bool(changed or gone))
    return Published(tuple(changed), tuple(because), tuple(gone))


def publish_ops(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Publish the book-keeping as it is now; of the history of checks, which only grows, only the new rows."""
    with _aside(folder, "ops") as (path, alias):
        _begin_with(folder / "ops.duckdb", path)
        connection.execute(f"attach {literal(str(path))} as {alias}")
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
    """Start from a copy of the published file, where it can be read: `ops` is published in any case."""
    if not present.exists():
        return
    shutil.copyfile(present, path)
    try:
        duckdb.connect(str(path), read_only=True).close()
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
    with duckdb.connect() as connection, _aside(folder, table) as (path, alias):
        connection.execute(f"attach {literal(str(path))} as {alias}")
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


def _write(connection: duckdb.DuckDBPyConnection, folder: Path, changed: Sequence[str], gone: Sequence[str]) -> None:
    """Copy the published file, and replace in the copy what changed."""
    with _aside(folder, "lake") as (path, alias):
        present = folder / "lake.duckdb"
        if present.exists():
            shutil.copyfile(present, path)
        connection.execute(f"attach {literal(str(path))} as {alias}")
        try:
            for table in gone:
                connection.execute(f"drop table if exists {alias}.{relation(table)}")
            for table in changed:
                connection.execute(f"create schema if not exists {alias}.{quoted(table.split('.')[0])}")
                connection.execute(f"create or replace table {alias}.{relation(table)} as from {relation(table)}")
            connection.execute(f"checkpoint {alias}")
        finally:
            connection.execute(f"detach {alias}")


class _aside:  # noqa: N801 - used as a function
    """A new file of a kind, switched in when the block succeeds and removed when it fails."""

    def __init__(self, folder: Path, kind: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._kind = kind
        self._number = max((number for number, _ in _files(folder, kind)), default=0) + 1
        self._path = folder / f".{kind}_{self._number}.duckdb"

    def __enter__(self) -> tuple[Path, str]:
        self._remove()
        return self._path, f"published_{self._kind}"

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._remove()
            return
        self._path.chmod(READ_ONLY)
        sync(self._path)
        final = self._folder / f"{self._kind}_{self._number}.duckdb"
        self._path.replace(final)
        link = self._folder / f".{self._kind}.link"
        link.unlink(missing_ok=True)
        link.symlink_to(final.name)
        link.replace(self._folder / f"{self._kind}.duckdb")
        sync(self._folder)
        for _number, old in _files(self._folder, self._kind)[:-KEPT]:
            old.unlink(missing_ok=True)

    def _remove(self) -> None:
        for path in (self._path, self._path.with_name(self._path.name + ".wal")):
            path.unlink(missing_ok=True)


def _files(folder: Path, kind: str) -> list[tuple[int, Path]]:
    matches = ((re.fullmatch(rf"{kind}_(\d+)\.duckdb", path.name), path) for path in folder.iterdir())
    numbered = [(int(match[1]), path) for match, path in matches if match]
    return sorted(numbered)
