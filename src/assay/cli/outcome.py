"""The outcome of a run: read from what it published, and printed in the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.markup import escape

from assay.base import log
from assay.base.settings import Settings
from assay.cli.console import complain, out
from assay.ledger.reports import held_back_by, histories_of, loaded_by, refused_by
from assay.publish.reader import is_of_this_version, open_published

_BOOK_KEEPING = ("ops",)


@dataclass
class Outcome:
    """The outcome of a run.

    Attributes:
        success: Whether Dagster calls it a success.
        failures: Messages of what failed.
        loaded: (source, files, records, malformed) of this run.
        histories: (table, sentence) of files of this run that are history.
        refused: (path, reason) of this run.
        held: (path, why) of snapshots of this run that are held back.
        counts: (source, path) of snapshots that count since this run.
        is_run: Whether there was anything to run.
        unclaimed: Files that no source claims, in words, where nothing was run that would have said so.
    """

    success: bool
    failures: list[str] = field(default_factory=list)
    loaded: list[tuple[str, int, int, int]] = field(default_factory=list)
    histories: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)
    counts: list[tuple[str, str]] = field(default_factory=list)
    is_run: bool = True
    unclaimed: str = ""


def snapshots_that_count(settings: Settings) -> list[tuple[str, str]]:
    """(source, path) of the snapshot that counts of each source, as published."""
    try:
        with open_published(settings.published, _BOOK_KEEPING) as connection:
            if not is_of_this_version(connection):
                return []
            shown = "select source, path from ops.snapshots where state = 'current' order by all"
            return connection.execute(shown).fetchall()
    except FileNotFoundError:
        return []


def read_outcome(settings: Settings, run_id: str, failures: list[str]) -> Outcome:
    """Read the outcome of a run from what it published.

    Args:
        settings: The lake.
        run_id: The run.
        failures: Messages of what failed.
    """
    outcome = Outcome(success=not failures, failures=failures)
    try:
        with open_published(settings.published, _BOOK_KEEPING) as connection:
            outcome.loaded = loaded_by(connection, run_id)
            outcome.histories = histories_of(connection, run_id)
            outcome.refused = refused_by(connection, run_id)
            outcome.held = held_back_by(connection, run_id)
    except FileNotFoundError:
        outcome.failures.append("the run ended before it could publish")
    return outcome


def report(outcome: Outcome) -> None:
    """Print the outcome of a run; a JSON log has it already, without values that a reason may quote."""
    if log.is_on():
        return
    for source, files, records, malformed in outcome.loaded:
        suffix = f", {malformed:,} of them malformed" if malformed else ""
        new = f"{files:,} new file{'s' if files != 1 else ''} with {records:,} record{'s' if records != 1 else ''}"
        out.print(f"{source}: {new}{suffix}", highlight=False)
    for table, sentence in outcome.histories:
        out.print(f"{table}: {escape(sentence)}", highlight=False, soft_wrap=True)
    if not (outcome.loaded or outcome.refused or outcome.counts):
        out.print("nothing was new")
    if outcome.unclaimed:
        out.print(f"[yellow]{escape(outcome.unclaimed)}[/]; `assay files --unclaimed` says why", highlight=False)
    for source, path in outcome.counts:
        out.print(f"{source}: {escape(path)} is the snapshot that counts now", highlight=False)
    for path, because in outcome.held:
        out.print(
            f"[yellow]held back[/] {escape(repr(path)[1:-1])}: {escape(because)}; readers keep the snapshot before it. "
            "If the file is right: `assay accept FILE --because WHY`",
            highlight=False,
        )
    for path, reason in outcome.refused:
        out.print(f"[yellow]refused[/] {escape(repr(path)[1:-1])}: {escape(reason)}", highlight=False)
    for failure in outcome.failures:
        complain(failure, prefix="failed")
