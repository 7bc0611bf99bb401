"""Derives what is wrong now from what is published, the runs that ended, the disk and the clock."""

from __future__ import annotations

from collections.abc import Iterator

from assay.contract.names import TableName
from assay.incidents.data_causes import broken_records, counts_that_differ, failed_checks, refused_files
from assay.incidents.feed_causes import feed_causes
from assay.incidents.held import held_back
from assay.incidents.inputs import Inputs
from assay.incidents.lineage import LAKE_OWNER
from assay.incidents.overlooked import unclaimed_files
from assay.incidents.reconcile import Cause
from assay.incidents.run_causes import broken_promises, failed_runs, open_breakers
from assay.incidents.shape_changes import shape_changes
from assay.ledger.feed_looks import latest

FREE_PCT = 5.0
"""A disk with less than this free slows down and is soon full; file systems keep as much for themselves."""
WAREHOUSES = 3.0
"""Free space, in sizes of the warehouse: publishing copies what readers see, and the last three copies are kept."""
AGAIN = 1.1
"""How much more than these limits ends the incident, so that a disk at the limit is not told with each file."""
GIGABYTE = 1_000_000_000


def causes(inputs: Inputs) -> list[Cause]:
    """Everything that is wrong now, each thing once; a late table is a cause only where no other explains it."""
    told = [
        *failed_runs(inputs),
        *failed_checks(inputs),
        *counts_that_differ(inputs),
        *refused_files(inputs),
        *held_back(inputs),
        *broken_records(inputs),
        *shape_changes(inputs),
        *feed_causes(inputs),
        *_silent_sources(inputs),
        *unclaimed_files(inputs),
        *_disk(inputs),
        *open_breakers(inputs),
    ]
    return [*told, *broken_promises(inputs, told)]


def _silent_sources(inputs: Inputs) -> Iterator[Cause]:
    """Sources without a loaded file for longer than their yml allows; by the clock, because no run reports it.

    A feed that reads all of its source and finds it unchanged is as good as a file.
    """
    for source, contract in inputs.catalog.contracts.items():
        policy = inputs.catalog.policies.get(TableName.of_source(source).model)
        feed = inputs.feeds.get(source)
        newest_known = latest(inputs.facts.newest.get(source), feed.same_at if feed else None)
        last = newest_known or inputs.facts.began
        if policy is None or last is None or inputs.now <= policy.late_from(last):
            continue
        newest = (
            f"the newest came at {last:%Y-%m-%d %H:%M} UTC" if source in inputs.facts.newest else "none has come yet"
        )
        yield Cause(
            kind="source_silent",
            subject=source,
            owner=contract.owner,
            problem=f"no file of {source} has come in time ({policy}); {newest}",
            tried="the landing zone is looked at every few seconds while the services run",
            affects=inputs.affects(TableName.of_source(source).model),
            where=f"landing/{contract.files} → {TableName.of_source(source)}",
            since=policy.late_from(last),
        )


def _disk(inputs: Inputs) -> Iterator[Cause]:
    disk = inputs.disk
    needed = max(FREE_PCT / 100 * disk.total, WAREHOUSES * disk.warehouse)
    if ("disk_nearly_full", "disk") in inputs.present:
        needed *= AGAIN
    if disk.free < needed:
        yield Cause(
            kind="disk_nearly_full",
            subject="disk",
            owner=LAKE_OWNER,
            problem=f"{disk.free / GIGABYTE:,.0f} of {disk.total / GIGABYTE:,.0f} GB are free, "
            f"{needed / GIGABYTE:,.0f} are needed",
            tried="nothing: what is to go is for a person to say",
            affects="every run and every table",
            where="the disk of the lake's folder",
            since=inputs.now,
        )
