"""States of what is published, by the names that people have for them, and how one that is kept is read.

A state is read from its Parquet parts by its manifest, wherever the lake is now and whether or not its
`lake_<n>.duckdb` is still there. A table that Parquet cannot hold, and a state that an earlier version of Assay
published, are read from that file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from assay.base import clock
from assay.base.errors import UserError
from assay.contract.names import literal, relation
from assay.publish.part_files import reading
from assay.publish.states import (
    STATES,
    TableState,
    current_number,
    folder_of,
    is_whole,
    kept_numbers,
    number_of_folder,
    stated,
)

PUBLISHED = "published"
"""As what people name the state that readers of the project's lake see."""
_NAMED = re.compile(
    rf"(?P<base>.+?)(?:~(?P<back>\d{{1,9}})|@(?P<moment>[^/]+)|/{STATES}/(?P<number>\d{{1,18}}))?/*", re.DOTALL
)
_SHOWN = 12  # states that a message names


class NoSuchState(UserError):
    """A name stands for no state that can be read."""


@dataclass(frozen=True)
class KeptState:
    """A state that is kept.

    Attributes:
        name: As it was asked for.
        published: Its folder `published/`.
        number: Its number there.
        tables: What it shows, by name; None where an earlier version of Assay published it.
    """

    name: str
    published: Path
    number: int
    tables: Mapping[str, TableState] | None

    @property
    def file(self) -> Path:
        """The DuckDB file of it; it may be gone."""
        return self.published / f"lake_{self.number}.duckdb"

    def parts(self, table: str) -> tuple[Path, ...]:
        """The files with the rows of a table; none where they are in the DuckDB file."""
        if self.tables is None:
            return ()
        folder = folder_of(self.published, self.number) / table
        return tuple(folder / part.file for part in self.tables[table].parts)


def kept_state(name: str, published: Path) -> KeptState:
    """The state that a name stands for.

    Args:
        name: `published` is what readers of the project's lake see now. A path may stand for it: the folder of a lake,
            its `published/`, or the folder of a state. `~1` behind it is the state before, `@2026-05-04T06:00` what
            readers saw at that time (UTC unless it has an offset), `/states/7` the state of that number.
        published: The folder `published/` of the project's lake.

    Raises:
        NoSuchState: There is no such state, or parts of it are gone.
    """
    folder, number = _place(name, published)
    state = stated(folder, number)
    if state is None and not (folder / f"lake_{number}.duckdb").exists():
        raise NoSuchState(f"{name}: state {number} is not in {folder}; {_there(folder)}")
    kept = KeptState(name, folder.resolve(), number, state.tables if state else None)
    for table, entry in (kept.tables or {}).items():
        if not is_whole(folder_of(folder, number) / table, entry):
            raise NoSuchState(f"{name}: parts of {table} are missing in {folder_of(folder, number)}; {_there(folder)}")
    return kept


def _place(name: str, published: Path) -> tuple[Path, int]:
    """The folder `published/` and the number that a name stands for."""
    if name != PUBLISHED and (number := number_of_folder(Path(name).resolve())) is not None:
        return Path(name).resolve().parent.parent, number
    match = _NAMED.fullmatch(name)
    if match is None or (name != PUBLISHED and Path(name).is_dir()):
        return _current(name, _folder(name, name, published))
    folder = _folder(match["base"], name, published)
    if match["number"]:
        return folder, int(match["number"])
    if match["back"]:
        return folder, _back(name, folder, int(match["back"]))
    return (folder, _at(name, folder, match["moment"])) if match["moment"] else _current(name, folder)


def _folder(base: str, name: str, published: Path) -> Path:
    """The folder `published/` that is meant by the part of a name that is a path."""
    if base == PUBLISHED:
        return published
    folder = Path(base).expanduser()
    for candidate in (folder, folder / PUBLISHED):
        if (candidate / "lake.duckdb").is_symlink() or (candidate / STATES).is_dir():
            return candidate
    if folder.is_dir():
        raise NoSuchState(
            f"{name}: nothing is published in {folder}; expected the folder of a lake after its first run"
        )
    raise NoSuchState(
        f"{name}: there is no folder {folder}; expected the folder of a lake, or published, published~1, "
        "published@TIME or published/states/NUMBER"
    )


def _current(name: str, folder: Path) -> tuple[Path, int]:
    number = current_number(folder)
    if number is None:
        raise NoSuchState(f"{name}: nothing is published in {folder} yet; `assay run` loads what has arrived")
    return folder, number


def _back(name: str, folder: Path, steps: int) -> int:
    _current(name, folder)
    numbers = kept_numbers(folder)
    if steps >= len(numbers):
        raise NoSuchState(f"{name}: there is no state {steps} before what readers see; {_there(folder)}")
    return numbers[-1 - steps]


def _at(name: str, folder: Path, text: str) -> int:
    """The number of the state that readers saw at a moment."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise NoSuchState(f"{name}: {text!r} is no time; expected one such as 2026-05-04T06:00") from None
    moment = given if given.tzinfo else given.replace(tzinfo=UTC)
    _current(name, folder)
    numbers = [number for number in kept_numbers(folder) if _began(folder, number) <= moment]
    if not numbers:
        raise NoSuchState(f"{name}: the state that readers saw then is not kept; {_there(folder)}")
    return numbers[-1]


def _began(folder: Path, number: int) -> datetime:
    state = stated(folder, number)
    path = folder / f"lake_{number}.duckdb"
    return state.published_at if state else clock.of_file(path.stat().st_mtime_ns)


def _there(folder: Path) -> str:
    """Which states there are, in words."""
    numbers = kept_numbers(folder)
    if not numbers:
        return "no state is there"
    shown = [f"{n} of {_began(folder, n).astimezone(UTC):%Y-%m-%d %H:%M:%S}" for n in numbers[-_SHOWN:]]
    more = f"{len(numbers) - _SHOWN} older ones and " if len(numbers) > _SHOWN else ""
    return f"there are {more}{', '.join(shown)} (UTC)"


class Readable:
    """Kept states on one connection, as relations in SQL.

    Args:
        connection: In memory; files of states are attached to it as they are needed.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._attached: dict[Path, str] = {}

    def names(self, state: KeptState) -> list[str]:
        """The tables that a state shows, sorted."""
        if state.tables is not None:
            return sorted(state.tables)
        alias = self._attach(state)
        rows = self._connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = $name "
            "union all select schema_name || '.' || view_name from duckdb_views() where database_name = $name "
            "and not internal order by all",
            {"name": alias},
        ).fetchall()
        return [name for (name,) in rows]

    def columns(self, state: KeptState, table: str) -> tuple[tuple[str, str], ...]:
        """Names and types of a table's columns, in order."""
        if state.tables is not None:
            return state.tables[table].columns
        rows = self._connection.execute(f"describe from {self.rows(state, table)}").fetchall()
        return tuple((str(name), str(kind)) for name, kind, *_ in rows)

    def count(self, state: KeptState, table: str) -> int:
        """How many rows a table has."""
        if state.tables is not None and state.tables[table].parts:
            return sum(part.rows for part in state.tables[table].parts)
        return int(self._connection.execute(f"select count(*) from {self.rows(state, table)}").fetchall()[0][0])

    def rows(self, state: KeptState, table: str, without: frozenset[Path] = frozenset()) -> str:
        """A table as a relation in SQL.

        Args:
            state: The state.
            table: One of its tables.
            without: Parts of it that are left out.
        """
        parts = state.parts(table)
        if not parts:
            return f"{self._attach(state)}.{relation(table)}"
        read = [part for part in parts if part not in without]
        is_empty = " limit 0" if not read else ""
        return f"({reading(read or parts[:1], self.columns(state, table))}{is_empty})"

    def _attach(self, state: KeptState) -> str:
        path = state.file.resolve()
        if path not in self._attached:
            if not path.exists():
                raise NoSuchState(f"{state.name}: {path} is gone, and what Parquet cannot hold stood in it")
            alias = f"kept_{len(self._attached)}"
            self._connection.execute(f"attach {literal(str(path))} as {alias} (read_only)")
            self._attached[path] = alias
        return self._attached[path]


def shared_parts(a: KeptState, b: KeptState, table: str) -> tuple[frozenset[Path], frozenset[Path]]:
    """The parts of a table that two states have in common: names of one file, which is never changed.

    Returns:
        As each of the two names them; none where its columns are not the same.
    """
    if a.tables is None or b.tables is None or a.tables[table].columns != b.tables[table].columns:
        return frozenset(), frozenset()
    by_name = {part.name: part for part in a.parts(table)}
    pairs = [(by_name[part.name], part) for part in b.parts(table) if part.name in by_name]
    same = [(one, other) for one, other in pairs if one.samefile(other)]
    return frozenset(one for one, _ in same), frozenset(other for _, other in same)
