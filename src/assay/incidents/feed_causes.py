"""What is wrong with feeds: one has stopped, has lost its position or falls behind, or its source begins to forget.

Each is judged by what the last good fetch left behind, not by whether a process happens to run, so that an attempt that
fails again neither closes an incident nor opens another.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from assay.base.log import brief
from assay.contract.names import TableName
from assay.incidents.feed_health import FeedHealth
from assay.incidents.inputs import Inputs
from assay.incidents.reconcile import Cause, in_words

PASSING_FOR = timedelta(minutes=15)
"""For how long something that may pass by itself is nobody's concern: a server is restarted or moved in that time."""
DEATHS = 3
"""Of a process in a row, before somebody is told: one may be bad luck, and the third comes within five seconds."""
CAUGHT_UP = 0.5
"""Share of its limit below which a feed that fell behind has caught up."""
CLEARLY = 1.25
"""Times its limit above which a source that was about to forget is so no more."""


def feed_causes(inputs: Inputs) -> Iterator[Cause]:
    """What is wrong with each feed: at most one cause why it brings nothing, and how that is going to end."""
    for source, health in sorted(inputs.feeds.items()):
        if source not in inputs.catalog.contracts:
            continue
        yield from _stopped(inputs, source, health)
        yield from _behind(inputs, source, health)
        yield from _forgetting(inputs, source, health)


def _stopped(inputs: Inputs, source: str, health: FeedHealth) -> Iterator[Cause]:
    tried = "the services try it again after a while, `assay retry` at once" if health.process else ""
    since = health.failing_since or health.process_since or inputs.now
    if health.problem_kind == "position_lost":
        yield _cause(inputs, "feed_position_lost", source, brief(health.problem, 2), "nothing is guessed", since)
    elif health.problem_kind == "permanent":
        yield _cause(inputs, "feed_stopped", source, brief(health.problem, 2), tried or "nothing", since)
    elif health.problem and inputs.now - since >= PASSING_FOR:
        lasts = in_words(inputs.now - since)
        problem = f"it has failed for {lasts}: {brief(health.problem, 2).removeprefix(f'feed {source}: ')}"
        yield _cause(inputs, "feed_stopped", source, problem, "it is tried again with pauses of up to a minute", since)
    elif health.process in ("missing", "stopped") or health.deaths >= DEATHS:
        yield _cause(inputs, "feed_stopped", source, *_of_process(health), since)


def _of_process(health: FeedHealth) -> tuple[str, str]:
    if health.process == "missing":
        return "the services do not run its process, though they should", "the services start it as soon as they can"
    if health.process == "stopped":
        return "its process ended and said that somebody has to do something", "the services try it after a while"
    return f"its process died {health.deaths} times in a row", "it is started again with pauses of up to a minute"


def _behind(inputs: Inputs, source: str, health: FeedHealth) -> Iterator[Cause]:
    limit = health.lag_limit * (CAUGHT_UP if ("feed_behind", source) in inputs.present else 1.0)
    if health.lag_seconds is None or health.lag_seconds <= limit:
        return
    lag = timedelta(seconds=health.lag_seconds)
    allowed = in_words(timedelta(seconds=health.lag_limit))
    problem = f"landing is {in_words(lag)} behind the source, and {allowed} are allowed{_because(health)}"
    tried = "it goes on by itself" if health.paused else "it fetches what there is, again and again"
    yield _cause(inputs, "feed_behind", source, problem, tried, inputs.now - lag)


def _forgetting(inputs: Inputs, source: str, health: FeedHealth) -> Iterator[Cause]:
    limit = health.loss_limit * (CLEARLY if ("source_forgets", source) in inputs.present else 1.0)
    left = health.until_loss_seconds
    if left is None or left >= limit:
        return
    when = f"in {in_words(timedelta(seconds=left))}" if left > 0 else "now"
    problem = f"the source begins to forget what was not read {when}{_because(health)}"
    yield _cause(inputs, "source_forgets", source, problem, "nothing: the source decides", inputs.now)


def _because(health: FeedHealth) -> str:
    if health.paused:
        return f"; the feed is {brief(health.paused, 2)}"
    return f"; {brief(health.problem, 2)}" if health.problem else ""


def _cause(inputs: Inputs, kind: str, source: str, problem: str, tried: str, since: datetime) -> Cause:
    contract, bronze = inputs.catalog.contracts[source], TableName.of_source(source)
    return Cause(
        kind=kind,
        subject=source,
        owner=contract.owner,
        problem=problem if problem.startswith("feed ") else f"feed {source}: {problem}",
        tried=tried,
        affects=inputs.affects(bronze.model),
        where=f"landing/{contract.files} → {bronze}",
        since=since,
    )
