"""Renders the status page `published/status.html`, a static file that any browser opens.

Written after each run and, while the services run, twice a minute. It counts by itself how long ago that was and how
long the services have been silent, so it tells of services that stopped although nobody writes it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.base.settings import Settings
from assay.checks.score import LAKE, sparkline, trends
from assay.incidents.kinds import KINDS
from assay.incidents.reconcile import Incident
from assay.ledger.unclaimed import ON_PAGE, Unclaimed
from assay.publish.heartbeat import LATE_SECONDS, last_tick
from assay.publish.reader import open_published
from assay.publish.status import Age, ages, latest_checks, read_status

if TYPE_CHECKING:
    import jinja2

EMPTY: Mapping[str, Any] = {
    "sources": [],
    "published_at": None,
    "held_back": None,
    "snapshots_held_back": [],
    "shape_changes": [],
    "quality": {},
    "retired": [],
}
"""The status of a lake of which nothing is published."""
NO_FILE = Unclaimed()


@dataclass(frozen=True)
class TableRow:
    """One table on the page.

    Attributes:
        name: e.g. `gold.daily_sales`.
        age: Of its data; None for a table that is not followed.
        score: The last quality score, of 100.
        trend: The last scores as a line of blocks.
        verdicts: How many checks passed, warned, failed or could not be evaluated.
        odd: Check and summary of each that is not a pass.
    """

    name: str
    age: Age | None
    score: str
    trend: str
    verdicts: Mapping[str, int]
    odd: Sequence[tuple[str, str, str]]


def page_path(settings: Settings) -> Path:
    """Where the page is."""
    return settings.published / "status.html"


def write_page(
    settings: Settings, incidents: Sequence[Incident], now: datetime, unclaimed: Unclaimed = NO_FILE
) -> Path:
    """Write the page anew, in one step; one process at a time, which the lock of incidents sees to.

    Args:
        settings: The lake.
        incidents: The open ones.
        now: The time.
        unclaimed: Files that no source claims.

    Raises:
        OSError: The page cannot be written.
    """
    path = page_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(".status.html")
    aside.write_text(render(settings, incidents, now, unclaimed), encoding="utf-8")
    aside.replace(path)
    return path


def render(settings: Settings, incidents: Sequence[Incident], now: datetime, unclaimed: Unclaimed = NO_FILE) -> str:
    """The page as HTML; what comes from data or file names is escaped.

    Args:
        settings: The lake.
        incidents: The open ones.
        now: The time.
        unclaimed: Files that no source claims.
    """
    try:
        with open_published(settings.published) as connection:
            status = read_status(connection)
            scores = trends(connection)
            tables = list(_tables(latest_checks(connection), scores, ages(connection)))
    except FileNotFoundError:
        status, scores, tables = dict(EMPTY), {}, []
    ticked = last_tick(settings)
    return _template().render(
        status=status,
        tables=tables,
        score=f"{scores[LAKE][-1]:.1f}" if LAKE in scores else "not known",
        trend=sparkline(scores.get(LAKE, [])),
        incidents=sorted(incidents, key=lambda incident: (-incident.level, incident.opened_at)),
        kinds=KINDS,
        now=now,
        ticked=datetime.fromtimestamp(ticked, UTC) if ticked is not None else None,
        late_seconds=LATE_SECONDS,
        unclaimed=unclaimed,
        named=ON_PAGE,
    )


@cache
def _template() -> jinja2.Template:
    import jinja2  # noqa: PLC0415 - only who writes the page needs it

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.j2")


def _tables(
    checks: Sequence[tuple[str, str, str, str]], scores: Mapping[str, Sequence[float]], known: Mapping[str, Age]
) -> Iterator[TableRow]:
    for name in dict.fromkeys(table for table, *_ in checks):
        mine = [(check, verdict, summary) for table, check, verdict, summary in checks if table == name]
        verdicts = [verdict for _, verdict, _ in mine]
        values = scores.get(name, [])
        yield TableRow(
            name,
            known.get(name),
            f"{values[-1]:.1f}" if values else "",
            sparkline(values),
            {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)},
            [row for row in mine if row[1] != "pass"],
        )
