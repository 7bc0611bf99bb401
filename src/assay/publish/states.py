"""The states of the published tables: a folder of Parquet parts each, with a manifest of what is in it.

State 7 is the file `lake_7.duckdb` and the folder `states/7_…`, whose name tells a reader what to do once it is gone:
it stands in DuckDB's error. Its parts are hard links to those of the state before, so a part lives for as long as one
state lists it, and dropping a state is removing its folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from assay.base import clock
from assay.publish.switched_file import KEPT, numbered_files, switch_link

STATES = "states"
IF_MISSING = "if_missing_open_lake.duckdb_again"
TABLES = "tables"
"""A symbolic link to the folder of the newest state, for those who read Parquet."""
MANIFEST = "manifest.json"
_NUMBER = re.compile(rf"(\d+)_{re.escape(IF_MISSING)}")


@dataclass(frozen=True)
class Part:
    """A Parquet file with some rows of a table; it is never changed.

    Attributes:
        file: Its name in the table's folder, unlike that of any part before it.
        rows: How many it has.
        low: The first position that may be in it; None for no limit.
        high: The position after the last; None for no limit.
        is_rest: Whether it holds the rows without a position.
    """

    file: str
    rows: int
    low: int | None = None
    high: int | None = None
    is_rest: bool = False


@dataclass(frozen=True)
class TableState:
    """A table as readers see it in one state.

    Attributes:
        seq: Of the rows.
        version: The version of that seq.
        columns: Names and types.
        is_native: Whether `lake_<n>.duckdb` holds the rows itself.
        column: The column that the parts follow; empty for a table that is one part.
        step: Months of a part, or rows that one is cut at.
        parts: None where Parquet cannot hold the table exactly.
    """

    seq: int
    version: str
    columns: tuple[tuple[str, str], ...]
    is_native: bool
    column: str = ""
    step: int = 0
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class State:
    """What one `lake_<n>.duckdb` shows.

    Attributes:
        number: n.
        folder: `published/` as it was called when the views were made.
        published_at: By the engine's clock.
        tables: By name.
    """

    number: int
    folder: str
    published_at: datetime
    tables: Mapping[str, TableState] = field(default_factory=dict)


def folder_of(published: Path, number: int) -> Path:
    """The folder of a state."""
    return published / STATES / f"{number}_{IF_MISSING}"


def current_number(published: Path) -> int | None:
    """The number of the state that readers see; None before the first."""
    link = published / "lake.duckdb"
    match = re.fullmatch(r"lake_(\d+)\.duckdb", link.readlink().name) if link.is_symlink() else None
    return int(match[1]) if match and link.exists() else None


def next_state(published: Path) -> int:
    """A number that no state has."""
    return max([0, *_folders(published), *(number for number, _ in numbered_files(published, "lake"))]) + 1


def kept_numbers(published: Path) -> list[int]:
    """The numbers of the states that are still there, up to the one that readers see, the oldest first."""
    current = current_number(published)
    if current is None:
        return []
    kept = {*_folders(published), *(number for number, _ in numbered_files(published, "lake"))}
    return sorted(number for number in kept if number <= current)


def number_of_folder(folder: Path) -> int | None:
    """The number of the state whose folder it is; None for any other."""
    match = _NUMBER.fullmatch(folder.name)
    return int(match[1]) if match and folder.parent.name == STATES else None


def _folders(published: Path) -> list[int]:
    states = published / STATES
    return [int(m[1]) for p in (states.iterdir() if states.exists() else ()) if (m := _NUMBER.fullmatch(p.name))]


def read_state(published: Path) -> State | None:
    """The state that readers see; None before the first, and where an earlier version of Assay published it.

    Tables of which a part is missing are left out.
    """
    number = current_number(published)
    return None if number is None else _read(published, number)


def _read(published: Path, number: int) -> State | None:
    state = stated(published, number)
    if state is None:
        return None
    folder = folder_of(published, number)
    return replace(
        state, tables={name: table for name, table in state.tables.items() if is_whole(folder / name, table)}
    )


def stated(published: Path, number: int) -> State | None:
    """A state as its manifest has it, whether or not all parts are there; None where there is no manifest."""
    folder = folder_of(published, number)
    try:
        written = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    tables = {name: _table(entry) for name, entry in written["tables"].items()}
    return State(number, written["folder"], datetime.fromisoformat(written["published_at"]), tables)


def _table(entry: Mapping[str, object]) -> TableState:
    values: dict[str, object] = {**entry}
    values["columns"] = tuple((name, kind) for name, kind in entry["columns"])  # type: ignore[attr-defined]
    values["parts"] = tuple(Part(**part) for part in entry["parts"])  # type: ignore[attr-defined]
    return TableState(**values)  # type: ignore[arg-type]


def is_whole(folder: Path, entry: TableState) -> bool:
    """Whether every part of a table is in its folder."""
    return all((folder / part.file).exists() for part in entry.parts)


def write_manifest(folder: Path, state: State) -> None:
    """Write down what a state's folder holds, and make it survive a power cut."""
    text = json.dumps(
        {
            "folder": state.folder,
            "published_at": state.published_at.isoformat(),
            "tables": {name: asdict(table) for name, table in sorted(state.tables.items())},
        },
        indent=1,
    )
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def moved_from(published: Path) -> str:
    """Where the lake was when it was published last, if that is not where it is now; empty otherwise."""
    state = read_state(published)
    return state.folder if state and state.folder != str(published.resolve()) else ""


def drop_old_states(published: Path, keep_seconds: float) -> None:
    """Remove states that were replaced long ago, except for the last three.

    Args:
        published: The folder.
        keep_seconds: How long a state lives after it was replaced, by the engine's clock.
    """
    if not published.exists():
        return
    files = numbered_files(published, "lake")
    now = clock.now()
    for (number, path), (following, successor) in list(pairwise(files))[: 1 - KEPT]:
        if (now - _began(published, following, successor)).total_seconds() >= keep_seconds:
            path.unlink(missing_ok=True)
            shutil.rmtree(folder_of(published, number), ignore_errors=True)


def _began(published: Path, number: int, path: Path) -> datetime:
    state = _read(published, number)
    return state.published_at if state else clock.of_file(path.stat().st_mtime_ns)


def clean_states(published: Path) -> None:
    """Remove what a process that was killed left of a state that nobody saw yet, or of one that was being dropped."""
    current = current_number(published)
    if current is None:
        return
    for number, path in numbered_files(published, "lake"):
        if number > current:
            path.unlink()
    numbers = {number for number, _ in numbered_files(published, "lake")}
    states = published / STATES
    for folder in states.iterdir() if states.exists() else ():
        match = _NUMBER.fullmatch(folder.name)
        if match is None or int(match[1]) not in numbers:
            shutil.rmtree(folder, ignore_errors=True)
    point_tables(published)


def point_tables(published: Path) -> None:
    """Let `tables` name the folder of the state that readers see."""
    number = current_number(published)
    target = f"{STATES}/{number}_{IF_MISSING}"
    link = published / TABLES
    if number is None or not (published / target).exists() or (link.is_symlink() and str(link.readlink()) == target):
        return
    switch_link(link, target)
