"""A sensor of this lake's own: features are made anew after readers were given new data."""

from __future__ import annotations

import dagster as dg

from assay.orchestration.keys import PUBLISHED
from assets.household_features import KEY

JOB = "features"


def features_job() -> dg.UnresolvedAssetJobDefinition:
    """The features alone."""
    return dg.define_asset_job(JOB, selection=dg.AssetSelection.assets(KEY), description="Makes features anew.")


@dg.asset_sensor(
    asset_key=PUBLISHED,
    job_name=JOB,
    name="features_follow_readers",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=10,
    description="Asks for new features when a run has given readers other rows.",
)
def features_follow_readers(_: dg.SensorEvaluationContext, event: dg.EventLogEntry) -> dg.RunRequest | dg.SkipReason:
    """Called for what `published/lake` says at the end of a run."""
    return request_for(event)


def request_for(event: dg.EventLogEntry) -> dg.RunRequest | dg.SkipReason:
    """One run for each time that tables changed for readers."""
    published = event.asset_materialization
    changed = published.metadata.get("tables_changed") if published else None
    if changed is None or changed.value == "none":
        return dg.SkipReason("readers see what they saw")
    return dg.RunRequest(run_key=event.run_id)
