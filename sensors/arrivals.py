"""The sensor that loads what arrives: files that wait ask for one run of their sources and of what hangs on them."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator
from datetime import UTC, datetime

import dagster as dg

from assets.keys import PUBLISHED, key_of, landing_key
from contracts.catalog import Catalog
from contracts.names import table_of
from resources.settings import Settings
from resources.ticked import note_tick
from sensors.lookout import Lookout
from sensors.retries import Tried, due, in_words

ASKED_BY = {"assay/asked_by": "arrivals"}
ASKED_FOR = "assay/asked_for"
"""Tag of a run: the sources and tables for which the sensor asked."""
RUNS = 200
"""Runs that are looked at for failures in a row."""
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def arrivals_sensor(settings: Settings, catalog: Catalog, job: str) -> dg.SensorDefinition:
    """Ask for a run when files wait or a table is behind its inputs.

    One sensor for all sources: one look at all folders costs less than a tick of Dagster, and files of many sources
    that arrive together make one run, which rebuilds what hangs on them once.

    Args:
        settings: The lake.
        catalog: The project.
        job: Name of the job whose assets are run in part.
    """
    lookout = Lookout(settings, catalog)

    @dg.sensor(
        name="arrivals",
        job_name=job,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks at the landing zone and asks for a run of the sources whose files wait and of what hangs on them, "
            "and of tables that are behind their inputs. A run that fails is tried again after a pause that grows."
        ),
    )
    def arrivals(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        note_tick(settings)
        waiting, behind, built = lookout.look()
        wanted = {*waiting, *behind}
        if not wanted:
            return dg.SkipReason("nothing waits")
        # Readers see a domain once all of it is there, so the first run makes the tables of silent sources too, empty.
        wanted |= {source for source in catalog.contracts if f"bronze.{source}" not in built}
        reasons = due(wanted, recorded(context.instance, wanted), time.time())
        subjects = sorted(subject for subject, why in reasons.items() if not why)
        if not subjects:
            return dg.SkipReason(in_words(reasons))
        files = sum(waiting.get(subject, 0) for subject in subjects)
        context.log.info(f"{files:,} files wait; asks for {', '.join(subjects)}")
        return dg.RunRequest(
            asset_selection=sorted(selection(catalog, subjects, built)),
            tags={**ASKED_BY, ASKED_FOR: ",".join(subjects)},
        )

    return arrivals


def selection(catalog: Catalog, subjects: Iterable[str], built: Container[str]) -> set[dg.AssetKey]:
    """What has to run for some sources and tables: themselves, what is made of them, and what readers see.

    Args:
        catalog: The project.
        subjects: Sources and tables.
        built: Tables that are there; what also needs another one is left until that has come.
    """
    wanted = set(subjects)
    sources = [subject for subject in wanted if subject in catalog.contracts]
    models = {f"bronze_{source}" for source in sources}
    models |= {model for model in catalog.promises if table_of(model) in wanted}
    while more := {model for model in set(catalog.models) - models if _can_follow(catalog, model, models, built)}:
        models |= more
    return {*(landing_key(source) for source in sources), *(key_of(table_of(model)) for model in models), PUBLISHED}


def _can_follow(catalog: Catalog, model: str, models: Container[str], built: Container[str]) -> bool:
    """Whether a model is made of something that runs, and of nothing that is missing."""
    parents = catalog.parents(model)
    runs = [parent for parent in parents if parent in models]
    return bool(runs) and all(parent in models or table_of(parent) in built for parent in parents)


def _seconds(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def recorded(instance: dg.DagsterInstance, wanted: Iterable[str]) -> Iterator[Tried]:
    """The runs that were asked for, newest first, down to a good one for each subject."""
    open_subjects = set(wanted)
    for record in instance.get_run_records(dg.RunsFilter(tags=ASKED_BY), limit=RUNS):
        run = record.dagster_run
        subjects = frozenset(run.tags[ASKED_FOR].split(","))
        state = "failed" if run.status in _FAILED else "good" if run.is_finished else "running"
        yield Tried(subjects, state, record.end_time or _seconds(record.update_timestamp))
        if state == "good":
            open_subjects -= subjects
        if not open_subjects:
            return
