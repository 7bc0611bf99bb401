"""Today: is anything wrong, who has it, and can the tables be relied on."""

from __future__ import annotations

from dataclasses import dataclass

from assay.contract.names import table_of
from assay.incidents.kinds import KINDS, Kind
from assay.incidents.reconcile import Incident
from assay.ledger.search import search
from assay.page.visits import Answer, Visit
from assay.publish.heartbeat import standing_still
from assay.publish.status import held_back
from assay.trust.failing import Rule, latest_rules
from assay.trust.table_trust import TableTrust, read_trust
from assay.trust.verdict import is_wrong, verdict

ARRIVALS = 12
"""Files that are shown of those that came last."""
SHOWN = ("all", "bad", "odd")
"""What the list of tables can be narrowed to."""


@dataclass(frozen=True)
class Shown:
    """An incident, and the rules that do not hold where it is about a check."""

    incident: Incident
    kind: Kind
    rules: list[Rule]


def today(visit: Visit) -> Answer:
    """A sentence, what is open, each gold table, and what came last."""
    silence = standing_still(visit.settings, visit.now.timestamp())
    if visit.state is None:
        return Answer("today_empty.html.j2", "Today", {"silence": silence, **_incidents(visit)})
    tables = [table_of(model) for model in visit.catalog.of_layer("gold")]
    trusts = list(read_trust(visit.connection, visit.catalog, tables, visit.now).values())
    wanted = visit.query.get("show", "all")
    arrivals, _ = search(visit.connection, most=ARRIVALS)
    values = {
        "verdict": verdict(visit.incidents, trusts, held_back(visit.connection), silence),
        "trusts": [trust for trust in trusts if wanted in ("all", trust.state)],
        "table_count": len(trusts),
        "show": wanted if wanted in SHOWN else "all",
        "counts": {state: sum(trust.state == state for trust in trusts) for state in SHOWN[1:]},
        "arrivals": arrivals,
        "score_floor": _floor(trusts),
    }
    return Answer("today.html.j2", "Today", {**values, **_incidents(visit)})


def _incidents(visit: Visit) -> dict[str, list[Shown]]:
    shown = [Shown(incident, KINDS[incident.cause.kind], _rules(visit, incident)) for incident in visit.incidents]
    return {
        "wrong": [each for each in shown if is_wrong(each.incident)],
        "resolved": [each for each in shown if each.incident.handling.is_resolved],
        "notices": [each for each in shown if each.kind.is_notice and each.incident.is_open],
    }


def _rules(visit: Visit, incident: Incident) -> list[Rule]:
    if visit.state is None or incident.cause.kind != "failed_check":
        return []
    table, _, check = incident.cause.subject.partition(" ")
    return [rule for rule in latest_rules(visit.connection, table, check.strip()) if not rule.has_passed]


def _floor(trusts: list[TableTrust]) -> float:
    """The lowest value of all small lines of scores, so that they can be compared."""
    return min([95.0, *(score for trust in trusts for _, score in trust.scores)])
