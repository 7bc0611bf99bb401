"""The condition that rebuilds a table that may lag just before its policy would be broken.

Level, not edge: it is worked out anew in each look from what is published and from the recorded runs, and nothing is
remembered. So it starts by itself from nothing, fires again after a run that failed or a restart, and a tick that was
lost is made good by the next. It does not storm, because a table that a run is under way for is left alone, one that
was rebuilt is no longer behind, and one that fails is tried again after pauses that grow. Dagster's own
`freshness_failed` knows only when a table was built last, not whether there is anything new for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.contract.freshness import Policy
from assay.contract.names import table_of
from assay.orchestration.keys import PUBLISHED, key_of, table_of_key
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.page_links import page_link
from assay.orchestration.run_history import ASKED_BY, History
from assay.triggers.backoff import Tried, health
from assay.triggers.landing_watch import LandingWatch
from assay.triggers.published_state import Lag

if TYPE_CHECKING:
    from dagster._core.definitions.declarative_automation.automation_condition import AutomationResult
    from dagster._core.definitions.declarative_automation.automation_context import AutomationContext

LOOKS = timedelta(seconds=10)
"""Between two looks of the sensor, at the least."""
USUAL = timedelta(seconds=60)
"""Length of a run where none is known yet."""
LATEST_RUNS = 5
"""Good runs from which the usual length is learned."""
PUT_BACK = timedelta(minutes=1)
"""A file that landed this far in the future tells that the clock was put back."""


def lead(table: str, runs: Sequence[Tried]) -> timedelta:
    """How long before its deadline a table has to be begun: as long as the longest of its last good runs, and a look.

    Args:
        table: e.g. `gold.daily_sales`.
        runs: Newest first.
    """
    lengths = [run.seconds for run in runs if run.state == "good" and run.concerns(table)][:LATEST_RUNS]
    return (timedelta(seconds=max(lengths)) if lengths else USUAL) + 2 * LOOKS


def due_tables(lags: Mapping[str, Lag], runs: Sequence[Tried], now: datetime) -> set[str]:
    """Tables that have to be rebuilt now: those whose lag is about to be used up, and what they need for it.

    Args:
        lags: Tables that may lag and do.
        runs: The recorded runs, newest first.
        now: The time.
    """
    state = health({*lags, *(name for lag in lags.values() for name in lag.rebuild)}, runs)
    due: set[str] = set()
    for table, lag in lags.items():
        is_time = now >= lag.due - lead(table, runs) or lag.since > now + PUT_BACK
        if is_time and not any(state[name].waits(now.timestamp()) for name in lag.rebuild):
            due |= lag.rebuild
    return due


class RebuildBeforeStale(dg.AutomationCondition[dg.AssetKey]):
    """True for a table while it has to be rebuilt, and for what readers see while any has to be.

    Args:
        settings: The lake.
        watch: Looks at its landing zone.
        catalog: The project.
    """

    def __init__(self, settings: Settings, watch: LandingWatch, catalog: Catalog) -> None:
        self._watch = watch
        self._catalog = catalog
        self._history = History(settings)
        self._latest_due: tuple[object, set[str]] = (None, set())

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "rebuild_before_stale"

    @property
    def description(self) -> str:
        """In a sentence."""
        return "files landed that the table does not contain, and the lag that its policy allows is about to be used up"

    def evaluate(self, context: AutomationContext[dg.AssetKey]) -> AutomationResult[dg.AssetKey]:
        """Ask for the asset or not."""
        wanted = self._due(context.asset_graph_view.instance, context.evaluation_time)
        is_wanted = bool(wanted) if context.key == PUBLISHED else table_of_key(context.key) in wanted
        return dg.AutomationResult(context, context.candidate_subset if is_wanted else context.get_empty_subset())

    def _due(self, instance: dg.DagsterInstance, now: datetime) -> set[str]:
        """The tables that are due at a time, and those that are held against them; worked out once for all assets."""
        if self._latest_due[0] != now:
            lags = self._watch.known().lags
            due = due_tables(lags, self._history.runs(instance), now.astimezone(UTC)) if lags else set()
            self._latest_due = (now, due | _held_against(self._catalog, due))
        return self._latest_due[1]


def _held_against(catalog: Catalog, tables: Collection[str]) -> set[str]:
    """Tables with blocking rules about some others, which have to be asked again when those change."""
    models = {
        model for model in catalog.promises if {table_of(other) for other in catalog.follows(model)} & set(tables)
    }
    return {table_of(model) for model in models if table_of(model) not in catalog.lagging}


def freshness_sensor(lake: Lakehouse) -> dg.AutomationConditionSensorDefinition:
    """The sensor that asks the condition of every table that it may concern.

    Args:
        lake: The lake.
    """
    keys = [PUBLISHED, *(key_of(table_of(model)) for model in lake.catalog.of_layer("silver", "gold"))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # a condition of our own can be asked in our own process only
        return dg.AutomationConditionSensorDefinition(
            name="freshness",
            target=dg.AssetSelection.assets(*keys),
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=int(LOOKS.total_seconds()),
            use_user_code_server=True,
            run_tags={ASKED_BY: "freshness"},
            description="Rebuilds tables that may lag, each just before its freshness policy would be broken.",
        )


def with_freshness(lake: Lakehouse, assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Some assets with their policies as Dagster shows them, conditions where these concern them, and their page."""
    condition = RebuildBeforeStale(lake.settings, lake.watch, lake.catalog)
    layers = ("silver", "gold")

    def complete(spec: dg.AssetSpec) -> dg.AssetSpec:
        is_asked = spec.key == PUBLISHED or spec.key.path[0] in layers
        policy = lake.catalog.policies.get("_".join(spec.key.path))
        return spec.replace_attributes(
            automation_condition=condition if is_asked else None,
            freshness_policy=as_shown(policy) if policy else None,
            metadata={**spec.metadata, **page_link(lake.settings.page_url, spec.key)},
        )

    return [each.map_asset_specs(complete) for each in assets]


def as_shown(policy: Policy) -> dg.FreshnessPolicy | None:
    """The policy as Dagster has it, which asks when the table was built; none for one that is built at once."""
    if policy.by is not None:
        cron = f"{policy.by.minute} {policy.by.hour} * * *"
        return dg.FreshnessPolicy.cron(cron, timedelta(hours=24), policy.timezone)
    return None if policy.is_immediate else dg.FreshnessPolicy.time_window(policy.lag)
