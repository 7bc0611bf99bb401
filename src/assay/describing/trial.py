"""What would become of some files under a contract: loaded by the engine itself, in a lake that is thrown away."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.base.warehouse import opened, transaction
from assay.contract.contract import Column, Contract
from assay.contract.file_glob import WITHIN, file_glob
from assay.contract.names import TableName, literal, quoted
from assay.contract.personal import MASKED
from assay.ledger.folded_files import find
from assay.ledger.reports import listing
from assay.ledger.scan import Ledger
from assay.ledger.schema_changes import read_changes
from assay.tables.dbt import build

_RUN = "trial"
_SHOWN = 200  # characters of a record


class TrialFailed(UserError):
    """The files cannot be tried at all."""


@dataclass(frozen=True)
class Reason:
    """Why some records of a file would be rejected.

    Attributes:
        what: The rule, or what is wrong, without the value.
        records: How many.
        example: One of them: its line where it is known, and what is wrong with it.
    """

    what: str
    records: int
    example: str


@dataclass(frozen=True)
class FileTrial:
    """What would become of one file.

    Attributes:
        name: As it was given.
        status: `loaded`, `duplicate` of another of the files, whose records count there, `refused`, or `unseen` where
            the glob does not claim it.
        reason: Why it would not be loaded.
        records: Records in it.
        rows: Clean rows that it would give.
        left_out: Lines with something in them that are no records by the format; None where it says nothing of lines.
        malformed: Reasons of records that would never become rows.
        quarantined: Rules that rows would break; a row may break several.
        changes: Columns that the contract does not name, with types for it, and columns by other names.
    """

    name: str
    status: str
    reason: str = ""
    records: int = 0
    rows: int = 0
    malformed: list[Reason] = field(default_factory=list)
    quarantined: list[Reason] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    left_out: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether it would be loaded, or is there already, and every record of its own be a clean row."""
        return self.status in ("loaded", "duplicate") and not self.malformed and not self.quarantined

    @property
    def form(self) -> dict[str, Any]:
        """All of it in terms of JSON."""
        return {**asdict(self), "is_good": self.is_good}


def try_files(
    settings: Settings,
    contract: Contract,
    paths: Sequence[Path],
    tell: Callable[[str], object] = lambda _: None,
    *,
    is_clear: bool = False,
) -> list[FileTrial]:
    """Load files under a contract of the project into a lake that is thrown away; each member of an archive is one.

    Args:
        settings: Of the project; its lake is not touched.
        contract: The contract.
        paths: The files.
        tell: Told what happens now.
        is_clear: Whether examples show values about people.

    Raises:
        TrialFailed: A file is not there, or the source cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="assay-source-") as folder:
        lake = settings.model_copy(update={"home": Path(folder) / "lake", "settle_seconds": 0.0})
        placed = {path: _place(lake.landing, contract, path) for path in paths}
        seen = {name: path for path, name in placed.items() if name}
        if len(seen) < len([name for name in placed.values() if name]):
            raise TrialFailed("two of the files have one name; try them one after the other")
        tell("reading the files")
        with opened(lake.warehouse, wait_seconds=0) as connection, transaction(connection):
            Ledger(connection, contract, _RUN, lake.archive_limits).look(find(lake.landing, contract.files))
        tell(f"loading {len(seen):,} files")
        [result] = build(lake, [TableName.of_source(contract.source).model], run_id=_RUN)
        if result.status != "success":
            raise TrialFailed(result.message)
        with opened(lake.warehouse, wait_seconds=0) as connection:
            tried = _trials(connection, contract, seen, is_clear=is_clear)
    return [trial for path in paths for trial in tried.get(path) or [_unseen(path, contract)]]


def _place(landing: Path, contract: Contract, path: Path) -> str:
    """Put a file where the contract's glob claims it; gives its name in the landing zone, empty where none does."""
    if not path.is_file():
        raise TrialFailed(f"{path}: there is no such file")
    name = file_glob(contract.paths).name_for(path.absolute())
    if name:
        target = landing / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(path, target)
    return name


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path.resolve(), target)
    except OSError:  # on another disk
        shutil.copyfile(path, target)


def _unseen(path: Path, contract: Contract) -> FileTrial:
    claims = "claims no member of it" if contract.members else "does not claim it"
    return FileTrial(str(path), "unseen", f"files of {contract.source} are {contract.files!r}, which {claims}")


def _trials(
    connection: duckdb.DuckDBPyConnection, contract: Contract, seen: dict[str, Path], *, is_clear: bool
) -> dict[Path, list[FileTrial]]:
    """What became of the files, by the path that was given."""
    rows = listing(connection, contract.source)
    read = {row.file_id: row.counts[0] or 0 for row in rows if row.counts[0] is not None}
    clean = (
        f"select count(*) from {TableName.of_source(contract.source).sql} where _file_id = ? and _violations is null"
    )
    hidden = frozenset() if is_clear else frozenset(column.name for column in contract.columns if column.is_personal)
    changes = read_changes(connection, source=contract.source)[::-1]
    trials: dict[Path, list[FileTrial]] = {}
    for row in rows:
        place = row.path if row.path in seen else next(name for name in seen if row.path.startswith(name + WITHIN))
        name = str(seen[place]) + row.path[len(place) :]
        if row.status == "duplicate":
            trial = FileTrial(name, "duplicate", "has the content of another of the files")
        else:
            trial = FileTrial(
                name,
                "loaded" if row.file_id is not None and row.status == "loaded" else "refused",
                row.reason or "",
                read.get(row.file_id, 0),
                int(connection.execute(clean, [row.file_id]).fetchall()[0][0]),
                _malformed(connection, hidden, row.file_id),
                _quarantined(connection, contract, hidden, row.file_id),
                [change.words for change in changes if change.file_id == row.file_id],
                row.lines_left_out,
            )
        trials.setdefault(seen[place], []).append(trial)
    return trials


def _malformed(connection: duckdb.DuckDBPyConnection, hidden: Collection[str], file_id: int | None) -> list[Reason]:
    rows = connection.execute(
        "select what, count(*), arg_min(format('line {}: {}', coalesce(line::varchar, '?'), "
        "case when list_contains(?::varchar[], regexp_extract(reason, '^(.*?): ', 1)) then what else reason end), "
        "line) from (select line, unnest(reasons) as reason, "
        "regexp_replace(reason, '^(.*?): ''.*'' is no ', '\\1 is no ', 's') as what "
        "from ops.malformed where file_id = ?) group by what order by count(*) desc, what",
        [list(hidden), file_id],
    ).fetchall()
    return [Reason(*row) for row in rows]


def _shown(column: Column, hidden: Collection[str]) -> str:
    """SQL for the value of a column in an example."""
    name = quoted(column.name)
    return f"case when {name} is not null then {literal(MASKED)} end" if column.name in hidden else name


def _quarantined(
    connection: duckdb.DuckDBPyConnection, contract: Contract, hidden: Collection[str], file_id: int | None
) -> list[Reason]:
    bronze = TableName.of_source(contract.source).sql
    names = ", ".join(_shown(column, hidden) for column in contract.columns)
    rows = connection.execute(
        "select rule, count(*), any_value(record) from ("
        f"select unnest(_violations) as rule, left(row({names})::varchar, {_SHOWN}) as record from {bronze} "
        "where _file_id = ? and _violations is not null) group by rule order by count(*) desc, rule",
        [file_id],
    ).fetchall()
    return [Reason(*row) for row in rows]
