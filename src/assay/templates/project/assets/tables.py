"""Which tables there are, and what is checked of them; a Python asset of your own goes into a file beside this one."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assay.orchestration.checks import layer_checks
from assay.orchestration.feed_assets import feed_assets, feed_jobs
from assay.orchestration.freshness_sensor import with_freshness
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.landing import landing_assets
from assay.orchestration.models import layer_assets
from assay.orchestration.published import published_asset
from assay.orchestration.refresh import refresh_job

LAYERS = ("bronze", "silver", "gold")


def tables(lake: Lakehouse) -> Sequence[dg.AssetsDefinition | dg.AssetSpec]:
    """What fetches, what has arrived, the dbt models of each layer, and what readers open, with freshness policies."""
    models = [assets for layer in LAYERS for assets in layer_assets(lake.catalog, layer)]
    made = with_freshness(lake, [landing_assets(lake.catalog), *models, published_asset(lake.catalog)])
    return [*feed_assets(lake.catalog), *made]


def checks(lake: Lakehouse) -> Sequence[dg.AssetChecksDefinition]:
    """The checks of each layer, which run before the next layer is built."""
    return [checks for layer in LAYERS for checks in layer_checks(lake.catalog, layer)]


def jobs(lake: Lakehouse) -> Sequence[dg.UnresolvedAssetJobDefinition | dg.JobDefinition]:
    """`refresh`, which `assay run` and the services run in whole or in part; `feeds`, which fetches once."""
    return [refresh_job(), *feed_jobs(lake)]
