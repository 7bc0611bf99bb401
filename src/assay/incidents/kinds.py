"""The kinds of incidents; `docs/runbook.md` has one entry for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of incident.

    Attributes:
        title: The heading of its entry in `docs/runbook.md`.
        first_look: The first command of that entry; `{subject}` is the source or table that the incident is about.
        is_notice: Whether nothing is broken: it is told once, to the owner, and neither rises nor is said to be over.
    """

    title: str
    first_look: str
    is_notice: bool = False

    def do(self, subject: str) -> str:
        """The line of a message that says what to do."""
        return f"docs/runbook.md, '{self.title}': {self.first_look.format(subject=subject.split(maxsplit=1)[0])}"


KINDS: Mapping[str, Kind] = {
    "failed_run": Kind("A run failed", "assay run, which takes up what is left and says what fails"),
    "failed_check": Kind("A check failed", "assay check --select {subject}"),
    "counts_differ": Kind("Kept counts differ from a recount", "assay check --select {subject}"),
    "refused_file": Kind("A file was refused", "assay files {subject} --refused"),
    "snapshot_held_back": Kind(
        "A snapshot is held back", "assay files {subject}; if it is right, assay accept FILE --because WHY"
    ),
    "quarantine_over_budget": Kind(
        "Too many records are broken",
        'assay query "select reasons, count(*) from quarantine.{subject} where is_live group by all"',
    ),
    "freshness_broken": Kind("A table is older than promised", "assay status"),
    "source_silent": Kind("A source is silent", "assay files {subject}"),
    "feed_stopped": Kind("A feed has stopped", "assay feed status; when it is put right, assay retry {subject}"),
    "feed_position_lost": Kind("A feed has lost its position", "assay feed status"),
    "feed_behind": Kind("A feed falls behind", "assay feed status"),
    "source_forgets": Kind("A source begins to forget", "assay feed status"),
    "breaker_open": Kind("A source is left alone", "assay doctor; when it is put right, assay retry {subject}"),
    "shape_changed": Kind("Files changed their shape", "assay status; then the contract of {subject}", is_notice=True),
    "unclaimed_file": Kind("Files that no source claims", "assay files --unclaimed"),
    "disk_nearly_full": Kind("The disk is nearly full", "df -h, and du -sh on the folders of the lake"),
}
