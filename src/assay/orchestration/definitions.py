"""What a code location consists of: every asset, check and resource of one lake, composed and nothing else."""

from __future__ import annotations

import dagster as dg

from assay.base.run_lock import RunLock
from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.orchestration.arrivals_sensor import arrivals_sensor
from assay.orchestration.checks import layer_checks
from assay.orchestration.freshness_sensor import RebuildBeforeStale, freshness_sensor, with_freshness
from assay.orchestration.incidents_sensor import incidents_sensor
from assay.orchestration.lake_resource import lake_resource
from assay.orchestration.landing import landing_assets
from assay.orchestration.models import LAYERS, layer_assets
from assay.orchestration.published import published_asset
from assay.triggers.landing_watch import Lookout

JOB = "refresh"
JOB_DOES = (
    "Loads what has arrived and rebuilds what it changes, from landing to what readers see, with all checks. "
    "Needs no configuration, and changes nothing when nothing is new."
)


def build_definitions(
    settings: Settings, *, catalog: Catalog | None = None, lock: RunLock | None = None
) -> dg.Definitions:
    """Everything that a lake consists of.

    Args:
        settings: Where the lake is.
        catalog: The project, when it was read already.
        lock: The run lock, when this process took it before it starts a run.

    Raises:
        assay.contract.errors.ContractError: A contract or promise cannot be used.
    """
    catalog = catalog or Catalog.read(settings.dbt_project)
    lookout = Lookout(settings, catalog)
    condition = RebuildBeforeStale(settings, lookout, catalog)
    assets = [
        landing_assets(catalog),
        *(assets for step in LAYERS for assets in layer_assets(catalog, step)),
        published_asset(catalog),
    ]
    return dg.Definitions(
        assets=[with_freshness(each, condition, catalog) for each in assets],
        asset_checks=[checks for layer in LAYERS for checks in layer_checks(catalog, layer)],
        jobs=[dg.define_asset_job(JOB, selection=dg.AssetSelection.all(), description=JOB_DOES)],
        sensors=[
            arrivals_sensor(settings, lookout, catalog, JOB),
            freshness_sensor(catalog),
            incidents_sensor(settings, catalog),
        ],
        resources={"lake": lake_resource(settings, catalog, lock)},
        executor=dg.in_process_executor,
    )
