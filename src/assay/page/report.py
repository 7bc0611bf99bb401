"""The state of a lake as one file of HTML to send: styles and drawings are in it, and it asks nothing of any server.

A report is read days later, so it names moments and no ages.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from assay.base.settings import Settings
from assay.contract.catalog import Catalog
from assay.contract.glossary import Term, glossary
from assay.contract.names import table_of
from assay.incidents.kinds import KINDS
from assay.incidents.reconcile import Incident
from assay.page.rendering import STATIC, render
from assay.publish.heartbeat import standing_still
from assay.publish.status import held_back
from assay.publish.whole_state import has_state, open_whole
from assay.trust.table_trust import State, TableTrust, read_trust
from assay.trust.verdict import Verdict, is_wrong, verdict

ORDER: Sequence[State] = ("bad", "odd", "unknown", "good")
"""What has to be looked at comes first."""
INCIDENTS, ODD, CHARACTERS, TERMS, USES = 100, 5, 300, 200, 20
"""Incidents of a report, checks of a table that did not pass, characters of a sentence of either; terms, and the tables
of a term."""


@dataclass(frozen=True)
class Report:
    """What a report says.

    Attributes:
        verdict: In one sentence.
        incidents: The open ones, the highest level first.
        trusts: Of each gold and silver table, what is wrong first.
        published_at: When readers were last shown something new.
        run_id: By which run.
        terms: The glossary.
    """

    verdict: Verdict
    incidents: Sequence[Incident]
    trusts: Sequence[TableTrust]
    published_at: datetime | None = None
    run_id: str = ""
    terms: Sequence[Term] = ()


def read_report(settings: Settings, catalog: Catalog, incidents: Sequence[Incident], now: datetime) -> Report:
    """What there is to report.

    Args:
        settings: The lake.
        catalog: The project.
        incidents: The open ones.
        now: The time.
    """
    silence = standing_still(settings, now.timestamp())
    terms = glossary(catalog)
    wrong = sorted((i for i in incidents if is_wrong(i)), key=lambda i: (-i.level, i.opened_at))
    with open_whole(settings.published) if has_state(settings.published) else nullcontext() as state:
        if state is None:
            nothing = Verdict("unknown", "Nothing is published yet.", [silence] if silence else [])
            return Report(nothing, wrong, [], terms=terms)
        gold, silver = ([table_of(model) for model in catalog.of_layer(layer)] for layer in ("gold", "silver"))
        trusts = read_trust(state.connection, catalog, [*gold, *silver], now)
        told = verdict(wrong, [trusts[table] for table in gold], held_back(state.connection), silence)
        ordered = sorted(trusts.values(), key=lambda trust: ORDER.index(trust.state))
        return Report(told, wrong, ordered, state.published_at, state.run_id, terms)


def render_report(report: Report, now: datetime) -> str:
    """A report as HTML.

    Args:
        report: What it says.
        now: The time.
    """
    values: dict[str, Any] = {
        **vars(report),
        "kinds": KINDS,
        "now": now,
        "zone": f"{now.astimezone():%Z (UTC%z)}",
        "css": Markup((STATIC / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        "counts": {state: sum(trust.state == state for trust in report.trusts) for state in ORDER},
        "floor": min([95.0, *(score for trust in report.trusts for _, score in trust.scores)]),
        "most_incidents": INCIDENTS,
        "most_odd": ODD,
        "most": CHARACTERS,
        "most_terms": TERMS,
        "most_uses": USES,
    }
    return render("report.html.j2", values)
