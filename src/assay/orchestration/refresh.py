"""The job that all runs are made of."""

from __future__ import annotations

import dagster as dg

JOB = "refresh"
_DOES = (
    "Loads what has arrived and rebuilds what it changes, from landing to what readers see, with all checks. "
    "Needs no configuration, and changes nothing when nothing is new."
)


def refresh_job() -> dg.UnresolvedAssetJobDefinition:
    """All assets of a project, its own Python assets among them."""
    return dg.define_asset_job(JOB, selection=dg.AssetSelection.all(), description=_DOES)
