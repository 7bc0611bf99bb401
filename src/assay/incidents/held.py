"""The causes for snapshots that are held back."""

from __future__ import annotations

from collections.abc import Iterator

from assay.contract.names import TableName
from assay.incidents.inputs import Inputs
from assay.incidents.reconcile import Cause


def held_back(inputs: Inputs) -> Iterator[Cause]:
    """One cause for each source with snapshots that are held back, which mostly share one reason."""
    for source, contract in inputs.catalog.contracts.items():
        held = [file for file in inputs.facts.held if file.source == source]
        if not held:
            continue
        newest = held[-1]
        others = f" (the newest of {len(held):,})" if len(held) > 1 else ""
        yield Cause(
            kind="snapshot_held_back",
            subject=source,
            owner=contract.owner,
            problem=f"{newest.path} is held back{others}: {newest.because}",
            tried=f"readers keep {newest.kept}" if newest.kept else "nothing of this source counts yet",
            affects=inputs.affects(TableName.of_source(source).model),
            where=f"landing/{newest.path} → {TableName.of_source(source)}",
            since=min(file.first_seen for file in held),
        )
