"""The code location: every asset, check and resource of one lake, composed and nothing else."""

from __future__ import annotations

import dagster as dg

from assets.checks import layer_checks
from assets.lake import lake_resource
from assets.landing import landing_assets
from assets.models import LAYERS, layer_assets
from assets.published import published_asset
from contracts.catalog import Catalog
from resources.lock import RunLock
from resources.preload import start_runs_from_a_fork
from resources.settings import Settings
from sensors.arrivals import arrivals_sensor
from sensors.freshness import RebuildBeforeStale, freshness_sensor, with_freshness
from sensors.incidents import incidents_sensor
from sensors.lookout import Lookout

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
        contracts.errors.ContractError: A contract or promise cannot be used.
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


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions that `workspace.yaml` loads."""
    start_runs_from_a_fork()
    return build_definitions(Settings.from_env())
