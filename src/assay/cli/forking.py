"""`assay run --fork DIR`: a run on a copy of the lake, and what it would change for readers."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import typer
from rich.markup import escape

from assay.base.settings import Settings
from assay.base.signals import STOPPED, answered_by, at_hard_end
from assay.cli.console import complain, out, progress
from assay.cli.diff_report import show
from assay.cli.diffing import Asked, compared
from assay.cli.outcome import report
from assay.cli.running import prepare, run_once
from assay.contract.catalog import Catalog
from assay.publish.forking import claimed, copy_lake, remove_fork
from assay.publish.kept_states import KeptState, kept_state
from assay.publish.reader import is_of_this_version, open_published


def run_fork(folder: Path | None, select: str, full_refresh: Sequence[str], *, is_kept: bool) -> int:
    """Copy the lake, run the project at hand on the copy, and print how readers' tables would differ.

    Args:
        folder: Where the copy is made; it has to be named.
        select: As of a run.
        full_refresh: As of a run.
        is_kept: Whether the copy stays.

    Returns:
        0 when the run succeeded, 1 when not.

    Raises:
        CannotFork: The copy cannot be made there.
        ContractError: The project cannot be used.
    """
    if folder is None:
        raise typer.BadParameter("--keep is about the folder that --fork names")
    settings = Settings.from_env()
    try:
        with answered_by(_stop), claimed(settings, folder) as place:
            at_hard_end(lambda _: _remove(place))
            is_done = False
            try:
                code = _run(settings, place, select, full_refresh)
                is_done = True
            finally:
                with answered_by(_ignore):
                    if not (is_kept and is_done):
                        remove_fork(place)
    except KeyboardInterrupt:
        complain("stopped; the fork was removed, and the lake is as it was")
        return STOPPED
    if is_kept:
        shown = escape(shlex.quote(str(place)))
        before = escape(shlex.quote(f"{place}~1"))
        out.print(
            f"\nthe fork stays in {shown}: `assay --home {shown} query …` reads it, `assay diff {before} {shown}` "
            "compares it again, and the next --fork into it replaces it",
            highlight=False,
            soft_wrap=True,
        )
    return code


def _run(settings: Settings, place: Path, select: str, full_refresh: Sequence[str]) -> int:
    with progress("copying the lake") as tell, _home(place):
        fork = copy_lake(settings, place, lambda holder: tell(f"waiting for {holder} to end"))
        before = _state(fork, "the lake")
        prepare(fork)
        tell("running on the copy")
        made_with = _definitions(fork)
        outcome = run_once(fork, select, full_refresh, tell=tell)
    report(outcome)
    changed = sorted(
        table for table, made in _definitions(fork).items() if table in made_with and made != made_with[table]
    )
    if changed:
        out.print(f"made anew, as their contract or model is another: {', '.join(changed)}", highlight=False)
    with progress("comparing") as tell:
        catalog = Catalog.read(fork.dbt_project)
        comparison = compared(fork, catalog, before, _state(fork, "the fork"), Asked(), tell)
    out.print()
    if not outcome.success:
        out.print("[yellow]the run failed; this is what readers would see after it[/]")
    show(comparison, "table")
    return 0 if outcome.success else 1


def _state(fork: Settings, name: str) -> KeptState:
    """What readers of a fork see now, by a name of its own."""
    seen = kept_state(str(fork.published), fork.published)
    return KeptState(name, seen.published, seen.number, seen.tables)


def _definitions(fork: Settings) -> dict[str, str]:
    """What each table was made with, by a hash, as published."""
    with open_published(fork.published) as connection:
        if not is_of_this_version(connection):
            return {}
        rows = connection.execute("select table_name, fingerprint from ops.tables").fetchall()
    return dict(rows)


@contextmanager
def _home(place: Path) -> Iterator[None]:
    """Let code of the project that reads the settings find the fork, and never the lake."""
    before = os.environ.get("ASSAY_HOME")
    os.environ["ASSAY_HOME"] = str(place)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ASSAY_HOME"]
        else:
            os.environ["ASSAY_HOME"] = before


def _remove(place: Path) -> None:
    """Remove a fork whose process is about to be ended; what cannot be removed is a fork still."""
    with suppress(OSError):
        remove_fork(place)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _ignore(*_: object) -> None:
    """Do nothing: what is being removed is removed whole."""
