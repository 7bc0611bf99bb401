"""Writes a new state of the published tables: what changed anew, all else as hard links to what is there.

First the folder with its parts, complete under another name, then the file `lake_<n>.duckdb` with views over an
explicit list of them, then the one switch of `lake.duckdb`. What a crash leaves is seen by nobody and cleaned by the
next run.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import duckdb

from assay.base import clock
from assay.base.atomic_write import sync
from assay.contract.names import TableName, quoted, relation
from assay.contract.part_choice import PartChoice
from assay.publish.added_columns import RESCUED, with_added
from assay.publish.exact_types import stored_type
from assay.publish.part_files import Cut, PartFiles, casts, reading
from assay.publish.seen_lake import BEFORE
from assay.publish.states import (
    STATES,
    State,
    TableState,
    current_number,
    folder_of,
    next_state,
    point_tables,
    write_manifest,
)
from assay.publish.switched_file import READ_ONLY, aside, attach_new
from assay.tables.part_column import columns_of, part_column
from assay.tables.touched_parts import touched_since

NATIVE_ROWS = 20_000
"""A table with fewer rows stands in `lake_<n>.duckdb` itself, where opening it costs no footer."""
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class Wanted:
    """A table as the next state is to show it.

    Attributes:
        seq: Of its rows.
        version: Of that seq.
        before: It as readers see it; None where they do not, or an earlier version of Assay published it.
        is_kept: Whether it stays as readers see it.
        choice: How the project wants it cut.
        added: Columns that readers are shown besides, of its column `_rescued`.
    """

    seq: int
    version: str
    before: TableState | None
    is_kept: bool
    choice: PartChoice
    added: tuple[str, ...] = ()

    def sees(self, columns: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
        """The columns that readers are shown besides those that are stored."""
        return self.added if RESCUED in dict(columns) else ()


class StateWriter:
    """Writes one state.

    Args:
        connection: The warehouse, with what readers see attached as `BEFORE` where there is such a file.
        published: The folder.
        before: What readers see.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, published: Path, before: State | None) -> None:
        published.mkdir(parents=True, exist_ok=True)
        self._connection = connection
        self._published = published
        self._before = before
        self._number = next_state(published)
        self._folder = folder_of(published, self._number)
        self._stage = published / STATES / f".{self._number}"

    def write(self, tables: Mapping[str, Wanted]) -> None:
        """Write the state and let readers see it.

        Args:
            tables: All that it is to show.
        """
        shutil.rmtree(self._stage, ignore_errors=True)
        self._stage.mkdir(parents=True)
        try:
            shown = {name: self._table(name, wanted) for name, wanted in sorted(tables.items())}
            self._seal(shown)
            with aside(self._published, "lake", self._number, keep=None) as (path, alias):
                self._write_file(path, alias, shown, tables)
        except BaseException:
            shutil.rmtree(self._stage, ignore_errors=True)
            if current_number(self._published) != self._number:
                shutil.rmtree(self._folder, ignore_errors=True)
            raise
        point_tables(self._published)

    def _table(self, name: str, wanted: Wanted) -> TableState:
        """Put the parts of a table into the stage."""
        (self._stage / name).mkdir()
        if wanted.is_kept and wanted.before is not None:
            self._link(name, [part.file for part in wanted.before.parts])
            return wanted.before
        if wanted.is_kept:  # held back, and in the file of an earlier version of Assay
            return self._whole(name, f"{BEFORE}.{relation(name)}", replace(wanted, version=uuid4().hex))
        return self._touched(name, wanted) or self._whole(name, relation(name), wanted)

    def _touched(self, name: str, wanted: Wanted) -> TableState | None:
        """Rewrite what was touched since readers got the table; None when that is not known, or does not add up."""
        before, source = wanted.before, relation(name)
        if before is None or before.is_native:
            return None
        columns = columns_of(self._connection, source)
        touched = touched_since(self._connection, name, (before.seq, before.version), wanted.seq)
        files = self._files(name, source, wanted.choice)
        rows = self._count(source)
        if touched is None or files is None or columns != before.columns or rows < NATIVE_ROWS // 2:
            return None
        cut = files.touched(before.step, before.parts, touched)
        if cut is None or sum(part.rows for part in cut.parts) != rows:
            self._empty(name)
            return None
        self._link(name, [part.file for part in cut.parts if part.file not in cut.written])
        return self._state(wanted, columns, files, cut, is_native=False)

    def _whole(self, name: str, source: str, wanted: Wanted) -> TableState:
        rows = self._count(source)
        columns = columns_of(self._connection, source)
        files = self._files(name, source, wanted.choice)
        is_native = files is None or rows < NATIVE_ROWS
        if files is None:
            return TableState(wanted.seq, wanted.version, columns, is_native)
        return self._state(wanted, columns, files, files.whole(rows, is_cut=not is_native), is_native=is_native)

    @staticmethod
    def _state(
        wanted: Wanted, columns: tuple[tuple[str, str], ...], files: PartFiles, cut: Cut, *, is_native: bool
    ) -> TableState:
        along = files.column.name if files.column and cut.step else ""
        return TableState(wanted.seq, wanted.version, columns, is_native, along, cut.step, cut.parts)

    def _files(self, name: str, source: str, choice: PartChoice) -> PartFiles | None:
        """What writes the parts of a table; None where Parquet cannot hold it exactly."""
        head = self._connection.sql(f"select * from {source} limit 0")
        stored = [(column, stored_type(kind)) for column, kind in zip(head.columns, head.types, strict=True)]
        exact = [(column, kind) for column, kind in stored if kind is not None]
        if len(exact) < len(stored):
            return None
        column = part_column(columns_of(self._connection, source), choice)
        return PartFiles(self._connection, source, casts(exact), column, self._stage / name)

    def _count(self, source: str) -> int:
        return int(self._connection.execute(f"select count(*) from {source}").fetchall()[0][0])

    def _link(self, name: str, files: list[str]) -> None:
        assert self._before is not None  # noqa: S101 - it has these parts
        for file in files:
            link_or_copy(folder_of(self._published, self._before.number) / name / file, self._stage / name / file)

    def _empty(self, name: str) -> None:
        for path in (self._stage / name).iterdir():
            path.unlink()

    def _seal(self, shown: Mapping[str, TableState]) -> None:
        """Complete the folder and give it its name."""
        where = str(self._published.resolve())
        write_manifest(self._stage, State(self._number, where, clock.now(), shown))
        for folder in (*(self._stage / name for name in shown), self._stage):
            sync(folder)
        self._stage.replace(self._folder)
        sync(self._folder.parent)

    def _write_file(
        self, path: Path, alias: str, shown: Mapping[str, TableState], tables: Mapping[str, Wanted]
    ) -> None:
        attach_new(self._connection, path, alias)
        try:
            for layer in sorted({TableName.parse(name).layer for name in shown}):
                self._connection.execute(f"create schema {alias}.{quoted(layer)}")
            for name, table in shown.items():
                target = f"{alias}.{relation(name)}"
                added = tables[name].sees(table.columns)
                if table.is_native:
                    source = f"{BEFORE}.{relation(name)}" if tables[name].is_kept else relation(name)
                    stored = ", ".join(quoted(column) for column, _ in table.columns)
                    self._connection.execute(
                        f"create table {target} as {with_added(f'select {stored} from {source}', added)}"
                    )
                else:
                    self._connection.execute(f"create view {target} as {with_added(self._reading(name, table), added)}")
            self._connection.execute(f"checkpoint {alias}")
        finally:
            self._connection.execute(f"detach {alias}")

    def _reading(self, name: str, table: TableState) -> str:
        folder = self._folder.resolve() / name
        return reading([folder / part.file for part in table.parts], table.columns)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system knows no hard links, a copy."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)
        target.chmod(READ_ONLY)
        sync(target)
