"""Feeds as Dagster shows them: an asset each, which no run makes, and a job that fetches some of them once.

What an asset shows (position, lag, speed, what is wrong) are observations: `feed_events`.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from assay.base.fork_mark import is_fork
from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.contract.declared_feeds import feeds_of
from assay.contract.feed import FeedDeclaration
from assay.feeds.errors import Elsewhere, FeedError
from assay.feeds.frame import Fetched
from assay.fetching.running import run_once
from assay.fetching.standing import Standing
from assay.fetching.supervision import read_children
from assay.orchestration.feed_events import observation
from assay.orchestration.keys import feed_key
from assay.orchestration.lakehouse import Lakehouse

FEEDS_JOB = "feeds"


def feed_assets(catalog: Catalog) -> list[dg.AssetSpec]:
    """One asset for each feed, from which the landing asset of its source is made."""
    return [_spec(catalog, feed) for feed in feeds_of(catalog.models).values()]


def feed_jobs(lake: Lakehouse) -> Sequence[dg.JobDefinition]:
    """The job that fetches once, for schedules; none in a project without feeds."""
    feeds = {name: feed for name, feed in feeds_of(lake.catalog.models).items() if feed.is_fetched}
    return [_job(lake.settings, feeds)] if feeds else []


def _spec(catalog: Catalog, feed: FeedDeclaration) -> dg.AssetSpec:
    contract = catalog.contracts[feed.source]
    return dg.AssetSpec(
        feed_key(feed.source),
        group_name="feeds",
        kinds={feed.kind},
        owners=[f"team:{contract.owner}"],
        tags={"assay/layer": "feeds"},
        metadata={"from": feed.where, "reads": feed.what, "every_seconds": feed.every},
        description=(_fetched(feed) if feed.is_fetched else _brought(feed))
        + " Its observations say how far it is; `assay feed status` says it of now, "
        f"`assay feed test {feed.source}` shows {'what it reads' if feed.is_fetched else 'how to send an event'}.",
    )


def _fetched(feed: FeedDeclaration) -> str:
    return (
        f"Fetches {feed.what} from `{feed.where}` into landing, every {feed.every:g} s.\n\nThe services run it as "
        f"a process of its own, and no run makes it; the job `{FEEDS_JOB}` fetches it once."
    )


def _brought(feed: FeedDeclaration) -> str:
    return (
        f"Takes what senders bring (`{feed.where}`; {feed.what}), and lands it every {feed.every:g} s.\n\nThe services "
        "serve it, with all others of its kind by one process; no run makes it and no job fetches it."
    )


def _job(settings: Settings, feeds: Mapping[str, FeedDeclaration]) -> dg.JobDefinition:
    names = ", ".join(feeds)

    @dg.op(
        name="fetch",
        config_schema={
            "feeds": dg.Field([str], default_value=[], description=f"Which to fetch, of {names}; all when left out.")
        },
        description="Fetches each feed once; one that a process of its own fetches is left to that.",
    )
    def fetch(context: dg.OpExecutionContext) -> None:
        wanted = context.op_config["feeds"] or list(feeds)
        problems = list(_unknown(wanted, feeds))
        if is_fork(settings.home):
            raise dg.Failure("a fork fetches nothing: it would take from the source of the lake", allow_retries=False)
        for name in wanted if not problems else ():
            problems += _fetch(context, settings, feeds[name])
        if problems:
            raise dg.Failure("; ".join(problems), allow_retries=False)

    @dg.job(
        name=FEEDS_JOB,
        description=f"Fetches feeds once ({names}), for schedules. The services fetch all of them anyway, and load "
        "what lands; this is for feeds that they leave out.",
    )
    def job() -> None:
        fetch()

    return job


def _unknown(wanted: Sequence[str], feeds: Mapping[str, FeedDeclaration]) -> Iterator[str]:
    yield from (f"there is no feed {name!r}; there are {', '.join(feeds)}" for name in wanted if name not in feeds)


def _fetch(context: dg.OpExecutionContext, settings: Settings, feed: FeedDeclaration) -> Iterator[str]:
    """Fetch one feed; gives what went wrong."""

    def tell(fetched: Fetched) -> None:
        note = f" ({fetched.note})" if fetched.note else ""
        context.log.info(f"feed {feed.source}: {fetched.records:,} records landed{note}")

    try:
        run_once(settings, feed, tell)
    except Elsewhere:
        context.log.info(f"feed {feed.source} is fetched by a process of its own: nothing is left to do")
        return
    except FeedError as error:
        yield str(error)
    child = (read_children(settings) or {}).get(feed.source)
    context.log_event(observation(Standing.of(settings, feed, child)))
