"""The findings of `assay doctor` about what a lake stores and shows, as pure functions; nothing here reads a lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.cli.findings import Finding
from assay.contract.names import TableName
from assay.publish.status import HeldSnapshot

if TYPE_CHECKING:
    from assay.loading.rejudge import Rejudged
    from assay.tables.rebuilds import Rebuild

SHOWN = 3
"""Files that a finding names."""


def of_published(since: str | None, held_back: Mapping[str, Any] | None) -> list[Finding]:
    """Whether readers see the latest state.

    Args:
        since: When it was published last; None when nothing was.
        held_back: `since` and `because`, where readers see an older state.
    """
    if held_back:
        message = f"readers see an older state since {held_back['since']}: {'; '.join(held_back['because'])}"
        return [
            Finding("warning", "published", message, "docs/runbook.md: A check failed and readers see an older state")
        ]
    if since is None:
        return [Finding("warning", "published", "no data yet", "put files into landing and run `assay run`")]
    return [Finding("ok", "published", f"readers see everything that is stored, published at {since}")]


def of_snapshots(held: Sequence[HeldSnapshot]) -> list[Finding]:
    """Snapshots that are held back because they lose too much, by source."""
    findings = []
    for source in dict.fromkeys(file.source for file in held):
        mine = [file for file in held if file.source == source]
        message = f"{len(mine):,} held back, the newest {mine[-1].path}: {mine[-1].because}"
        do = mine[-1].decision or f"have it sent again, or `assay accept {mine[-1].path} --because WHY`"
        findings.append(Finding("warning", f"snapshots of {source}", message, do))
    return findings or [Finding("ok", "snapshots", "none is held back")]


def of_empty_snapshots(files: Sequence[tuple[str, str]]) -> list[Finding]:
    """Snapshots without rows that have counted since before such snapshots were held back.

    Args:
        files: (source, path) of each.
    """
    return [
        Finding(
            "warning",
            f"snapshot of {source}",
            f"{path} has no row and counts, because it was loaded before snapshots of nothing were held back",
            f"if it is not meant, `assay accept {path} --undo` and `assay run` bring the one before it back",
        )
        for source, path in files
    ]


def of_retired(sentences: Sequence[str]) -> list[Finding]:
    """Tables and sources that are stored and not in the project any more.

    Args:
        sentences: What each is, and the command that removes it.
    """
    return [Finding("warning", "retired", sentence) for sentence in sentences]


def of_history(dropped: Mapping[str, int], days: int, run_days: int) -> list[Finding]:
    """What old runs have left, and how much of it was dropped.

    Args:
        dropped: How many of each kind were ever dropped.
        days: How long results are kept.
        run_days: How long Dagster keeps a run.
    """
    gone = "; ".join(f"{count:,} {what}" for what, count in dropped.items())
    kept = f"results are kept for {days} days (history_days), runs for {run_days} (run_history_days)"
    return [Finding("ok", "history", f"{kept}; dropped until now: {gone or 'nothing'}")]


def of_rebuilds(rebuilds: Sequence[Rebuild]) -> list[Finding]:
    """Tables that cost more than what is new: most of their rows are worked out again for what changed.

    Args:
        rebuilds: The last rebuild by key of each table.
    """
    do = "key it by what changes less of it, or let it read a table that has summed its input: docs/adding-a-source.md"
    costly = [
        Finding(
            "warning",
            "rebuilds",
            f"{last.table} rebuilds {round(100 * last.rows / max(last.row_count, 1))} % of its {last.row_count:,} rows "
            f"for {last.keys:,} changed keys, in {last.seconds:.1f} s",
            do,
        )
        for last in rebuilds
        if last.is_costly
    ]
    return costly or [Finding("ok", "rebuilds", "no table takes long to redo most of its rows")]


NOT_YET_READ = Finding(
    "warning",
    "stored files",
    "were published by an earlier version of Assay, so they cannot be judged yet",
    "run `assay run` once and ask again",
)


def of_rejudged(files: Sequence[Rejudged]) -> list[Finding]:
    """Stored files that would be judged differently now, by source.

    Args:
        files: In the order of their sources.
    """
    if not files:
        return [Finding("ok", "stored files", "each would be judged as it was")]
    by_source: dict[str, list[Rejudged]] = {}
    for file in files:
        by_source.setdefault(file.source, []).append(file)
    return [_of_rejudged(source, mine) for source, mine in by_source.items()]


def of_narrower(files: Sequence[Rejudged]) -> list[Finding]:
    """Files with malformed records that a wider type may hold now, by source.

    Args:
        files: In the order of their sources.
    """
    findings = []
    for source in dict.fromkeys(file.source for file in files):
        mine = [file for file in files if file.source == source]
        count = "1 file has" if len(mine) == 1 else f"{len(mine):,} files have"
        message = f"{count} malformed records that a type may hold now: {mine[0].path}: {mine[0].reason}"
        do = f"`assay run --full-refresh {TableName.of_source(source)}` reads the files of the source again"
        findings.append(Finding("warning", f"malformed records of {source}", message, do))
    return findings


def _of_rejudged(source: str, files: Sequence[Rejudged]) -> Finding:
    shown = "; ".join(f"{file.path}: {file.reason}" for file in files[:SHOWN])
    more = f"; and {len(files) - SHOWN:,} more" if len(files) > SHOWN else ""
    count = "1 file" if len(files) == 1 else f"{len(files):,} files"
    return Finding(
        "warning",
        f"stored files of {source}",
        f"{count} loaded by an earlier version would be judged differently now: {shown}{more}",
        f"`assay run --full-refresh {TableName.of_source(source)}` loads the files of the source anew; put a "
        "file that would be refused right first",
    )
