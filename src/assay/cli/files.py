"""`assay land` and `assay files`: files and the ledger."""

from __future__ import annotations

import time
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from assay.base.atomic_write import place
from assay.base.errors import UserError
from assay.base.settings import Settings
from assay.cli.console import out
from assay.contract.catalog import Catalog
from assay.contract.contract import Contract
from assay.contract.file_glob import file_glob, may_be_claimed
from assay.ledger.reports import listing
from assay.publish.reader import open_published
from assay.publish.status import held_snapshots
from assay.tables.dbt import parse_if_changed


class UnknownSource(UserError):
    """There is no contract of that name, or a file cannot be one of its files."""


def contract_of(settings: Settings, source: str) -> Contract:
    """The contract of a source.

    Raises:
        UnknownSource: There is none; names those that there are.
    """
    parse_if_changed(settings)
    contracts = Catalog.read(settings.dbt_project).contracts
    if source not in contracts:
        raise UnknownSource(f"there is no source {source!r}; there are {', '.join(sorted(contracts))}")
    return contracts[source]


def files_below(paths: list[Path]) -> list[Path]:
    """Files, and in the place of a folder those in it, however deep, that a source may claim.

    Raises:
        UserError: There is none in a folder.
    """
    files: list[Path] = []
    for path in paths:
        inside = [file for file in sorted(path.rglob("*")) if file.is_file() and _may_be_claimed(file, path)]
        if path.is_dir() and not inside:
            raise UserError(f"{path}: there is no file in it")
        files += inside if path.is_dir() else [path]
    return list(dict.fromkeys(files))


def _may_be_claimed(file: Path, below: Path) -> bool:
    return may_be_claimed(file.name, file.relative_to(below).parts[:-1])


def land(source: str, paths: list[str]) -> None:
    """Copy files into the landing folder of a source, each complete at once.

    Raises:
        UnknownSource: The source is unknown, or its glob would not find the file.
    """
    settings = Settings.from_env()
    contract = contract_of(settings, source)
    for path in files_below([Path(path) for path in paths]):
        if not path.is_file():
            raise UnknownSource(f"{path}: there is no such file")
        name = file_glob(contract.paths).name_for(path.absolute())
        if not name:
            files = contract.path_template or contract.files
            raise UnknownSource(f"{path.name} would not be seen: files of {source} are {files!r}")
        is_new = place(
            settings.landing / name, path, mtime=min(path.stat().st_mtime, time.time() - settings.settle_seconds)
        )
        out.print(
            f"{escape(path.name)}: {'landed' if is_new else 'is there already with the same bytes'}", highlight=False
        )


def show(source: str, *, refused: bool) -> None:
    """Print the ledger.

    Raises:
        UnknownSource: as of `contract_of`.
    """
    settings = Settings.from_env()
    if source:
        contract_of(settings, source)
    try:
        with open_published(settings.published) as connection:
            rows = listing(connection, source, "refused" if refused else "")
            held: dict[tuple[str, int | None], str] = {
                (file.path, file.file_id): file.because for file in held_snapshots(connection)
            }
    except FileNotFoundError:
        rows, held = [], {}
    is_framed = any(row.lines_left_out for row in rows)
    counted = ("read", "loaded", "malformed", *(("no record",) if is_framed else ()))
    table = Table("source", "file", "status", *counted, "first seen", "reason")
    for row in rows:
        shown = (*row.counts, row.lines_left_out) if is_framed else row.counts
        counts = ["" if count is None else f"{count:,}" for count in shown]
        because = held.get((row.path, row.file_id or 0))
        state, why = (row.status, row.reason) if because is None else (f"{row.status}, held back", because)
        seen = f"{row.first_seen:%Y-%m-%d %H:%M:%S}"
        table.add_row(row.source, escape(repr(row.path)[1:-1]), state, *counts, seen, escape(why or ""))
    out.print(table if rows else "no file is refused" if refused else "no file was seen yet")
