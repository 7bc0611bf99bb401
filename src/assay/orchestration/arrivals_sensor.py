"""The sensor that asks for one run of all sources with waiting files and of the tables that depend on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

import dagster as dg

from assay.base import clock
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, table_of
from assay.orchestration.keys import PUBLISHED, key_of, landing_key
from assay.orchestration.lake_resource import FULL_CHECKS_TAG
from assay.orchestration.lakehouse import Lakehouse
from assay.orchestration.refresh import JOB
from assay.orchestration.run_history import ASKED_BY, ASKED_FOR, History, subjects_of
from assay.publish.heartbeat import note_tick
from assay.triggers.backoff import Health, Tried, health, in_words
from assay.triggers.landing_watch import LandingWatch
from assay.triggers.published_state import Known

PUBLISHED_AGAIN = timedelta(minutes=5)
"""After this a run is asked for whose only work is to publish what the last one could not, such as on a full disk."""
FULL_CHECKS_AFTER = timedelta(days=1)
"""After this a run is asked for that looks at every row of a table again, when nothing else is to be done."""
LOOK_EVERY = 0.25
"""Seconds between two looks of one tick. Dagster asks every five seconds at most, which is half of a small run. Within
a tick the files are looked at again only when a folder has changed."""


def arrivals_sensor(lake: Lakehouse) -> dg.SensorDefinition:
    """Ask for a run when files wait or a table is behind its inputs.

    One sensor for all sources: one look at all folders costs less than a tick of Dagster, and files of many sources
    that arrive together make one run, which rebuilds what hangs on them once.

    Args:
        lake: The lake.
    """
    settings, watch, catalog = lake.settings, lake.watch, lake.catalog
    history = History(settings)

    @dg.sensor(
        name="arrivals",
        job_name=JOB,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks at the landing zone and asks for a run of the sources whose files wait and of what hangs on them, "
            "and of tables that are behind their inputs. A run that fails is tried again after a pause that grows; "
            "after five failures in a row its source or table is left alone for a while."
        ),
    )
    def arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        deadline = time.monotonic() + settings.watch_seconds
        while True:
            note_tick(settings)
            run_requests, why = look(watch, catalog, lambda: history.runs(context.instance))
            if run_requests:
                context.log.info(why or "asks for a run of what waits")
                return dg.SensorResult(run_requests=run_requests)
            while not watch.may_differ() and time.monotonic() < deadline:
                time.sleep(LOOK_EVERY)
            if time.monotonic() >= deadline:
                return dg.SkipReason(why or "nothing waits")
            time.sleep(LOOK_EVERY)

    return arrivals


def look(watch: LandingWatch, catalog: Catalog, runs: Callable[[], Sequence[Tried]]) -> tuple[list[dg.RunRequest], str]:
    """The runs to ask for now, and why something else has to wait.

    Args:
        watch: Looks at its landing zone.
        catalog: The project.
        runs: Gives the recorded runs, newest first; asked only when something is to be done.
    """
    waiting, known = watch.look()
    wanted = wanted_now(catalog, waiting, known)
    if not wanted:
        return full_checks(catalog, known, runs), ""
    now = clock.now().timestamp()
    state = health(subjects_of(catalog), runs())
    run_requests = list(requests(catalog, wanted, known, state, now))
    return run_requests, in_words({subject: state[subject].waits(now) for subject in wanted})


def full_checks(catalog: Catalog, known: Known, runs: Callable[[], Sequence[Tried]]) -> list[dg.RunRequest]:
    """One run that looks at every row of the tables of which that was done a day ago, while no other is under way.

    What changed is looked at in each run; this finds what somebody changed outside of runs. A table that is behind its
    inputs is left for later: it would be rebuilt by this, before its time.
    """
    now = clock.now()
    due = sorted(table for table, at in known.whole_at.items() if abs(now - at) > FULL_CHECKS_AFTER)
    if not due:
        return []
    recorded = runs()
    state = health(subjects_of(catalog), recorded)
    due = [table for table in due if not state[table].waits(now.timestamp())]
    if not due or any(run.state == "running" for run in recorded):
        return []
    tags = {ASKED_BY: "arrivals", ASKED_FOR: ",".join(due), FULL_CHECKS_TAG: "daily"}
    return [dg.RunRequest(asset_selection=[*map(key_of, due), PUBLISHED], tags=tags)]


def wanted_now(catalog: Catalog, waiting: Mapping[str, int], known: Known) -> set[str]:
    """Sources and tables that are to run: files wait for them, they are behind, or a result of theirs has ended."""
    now = clock.now()
    wanted = {*waiting, *known.behind, *(name for name, expiring in known.expiring.items() if expiring.is_over(now))}
    if known.read_at and abs(now - known.read_at) > PUBLISHED_AGAIN:
        wanted |= known.unpublished
    if wanted:
        # Readers see a domain once all of it is there, so the first run makes the tables of silent sources too, empty.
        wanted |= {source for source in catalog.contracts if TableName.of_source(source).table not in known.built}
    return wanted


def requests(
    catalog: Catalog, wanted: Iterable[str], known: Known, state: Mapping[str, Health], now: float
) -> Iterator[dg.RunRequest]:
    """One run for the healthy subjects, and one for those that failed before, which must not hold up the others.

    Args:
        catalog: The project.
        wanted: Sources and tables.
        known: What the last run published.
        state: How things stand with every source and table.
        now: In seconds since 1970.
    """
    due = sorted(subject for subject in wanted if not state[subject].waits(now))
    resting = {subject for subject, breaker in state.items() if breaker.is_open and breaker.waits(now)}
    for subjects in ([s for s in due if not state[s].failures], [s for s in due if state[s].failures]):
        if subjects:
            yield dg.RunRequest(
                asset_selection=sorted(selection(catalog, subjects, known, resting - set(subjects))),
                tags={ASKED_BY: "arrivals", ASKED_FOR: ",".join(subjects)},
            )


def selection(
    catalog: Catalog, subjects: Iterable[str], known: Known, resting: Collection[str] = (), *, may_lag: bool = True
) -> set[dg.AssetKey]:
    """What has to run for some sources and tables: themselves, what is made of them, and what readers see.

    Tables that may lag are left to their own time, once they are there.

    Args:
        catalog: The project.
        subjects: Sources and tables.
        known: What the last run published; what also needs a table that is not there or is bad is left out.
        resting: Tables that are left alone because they failed too often.
        may_lag: Whether tables that may lag are left to their own time.
    """
    wanted = set(subjects)
    sources = [subject for subject in wanted if subject in catalog.contracts]
    models = {TableName.of_source(source).model for source in sources}
    models |= {model for model in catalog.promises if table_of(model) in wanted}
    left = set(resting) | ({table for table in catalog.lagging if table in known.built} if may_lag else set())
    candidates = [model for model in catalog.models if table_of(model) not in left]
    while more := {m for m in candidates if m not in models and _can_follow(catalog, m, models, known)}:
        models |= more
    return {*(landing_key(source) for source in sources), *(key_of(table_of(model)) for model in models), PUBLISHED}


def _can_follow(catalog: Catalog, model: str, models: Container[str], known: Known) -> bool:
    """Whether a model is made of something that runs, or held against it, and of nothing that is missing or bad."""
    runs = [other for other in catalog.follows(model) if other in models]
    good = known.built - known.bad
    return bool(runs) and all(parent in models or table_of(parent) in good for parent in catalog.parents(model))
