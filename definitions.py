"""The code location: what this lake consists of, composed and nothing else."""

from __future__ import annotations

import dagster as dg

from assay.orchestration.executor import lake_executor
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.patches.forkserver import start_runs_from_a_fork
from assets.household_features import household_features
from assets.tables import checks, jobs, tables
from resources.feature_store import FeatureStore
from resources.lakehouse import resources
from sensors.features import features_follow_readers, features_job
from sensors.services import services


def build_definitions(lake: Lakehouse) -> dg.Definitions:
    """Everything of one lake; what you add stands beside what is here.

    Args:
        lake: Its settings and its project.
    """
    return dg.Definitions(
        assets=[*tables(lake), household_features],
        asset_checks=checks(lake),
        jobs=[*jobs(lake), features_job()],
        sensors=[*services(lake), features_follow_readers],
        resources={**resources(lake), "features": FeatureStore(published=str(lake.settings.published))},
        executor=lake_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `workspace.yaml` loads."""
    start_runs_from_a_fork()
    return build_definitions(Lakehouse.open())
