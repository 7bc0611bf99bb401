"""The assets that a run of everything needs, given what there is to do."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from assay.contract.catalog import Catalog
from assay.contract.names import table_of
from assay.orchestration.arrivals_sensor import selection
from assay.orchestration.keys import PUBLISHED, key_of, landing_key
from assay.triggers.pending_work import Pending


def planned_assets(graph: dg.AssetGraph, catalog: Catalog, pending: Pending) -> list[dg.AssetKey] | None:
    """The assets that have work, what is made of them, and those of the project's own; None for all.

    Assets that nothing touches are not in the run: their last results keep their age and stay visible.

    Args:
        graph: All assets of the project.
        catalog: The project.
        pending: What there is to do.
    """
    if pending.subjects is None:
        return None
    wanted = selection(catalog, pending.subjects, pending.known, may_lag=False)
    return sorted((wanted & graph.get_all_asset_keys()) | _own(graph, catalog))


def without_own(graph: dg.AssetGraph, catalog: Catalog, keys: Sequence[dg.AssetKey] | None) -> list[dg.AssetKey] | None:
    """Assets without those of the project's own, which may reach out of the lake: for a fork.

    Args:
        graph: All assets of the project.
        catalog: The project.
        keys: Assets; None for all.
    """
    own = _own(graph, catalog)
    if not own:
        return None if keys is None else list(keys)
    return sorted(set(graph.executable_asset_keys if keys is None else keys) - own)


def brings_data(graph: dg.AssetGraph, catalog: Catalog) -> bool:
    """Whether the project has an asset of its own that is made of none of the lake's: only itself knows if it has work.

    Args:
        graph: All assets of the project.
        catalog: The project.
    """
    own = _own(graph, catalog)
    made_of_lake = {key for key in own if graph.get(key).parent_keys - own}
    while more := {key for key in own - made_of_lake if graph.get(key).parent_keys & made_of_lake}:
        made_of_lake |= more
    return own != made_of_lake


def _own(graph: dg.AssetGraph, catalog: Catalog) -> set[dg.AssetKey]:
    ours = {PUBLISHED, *map(landing_key, catalog.contracts), *(key_of(table_of(model)) for model in catalog.models)}
    return set(graph.executable_asset_keys) - ours
