"""The state of a lake in one sentence: the gravest thing that is so, or that nothing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.incidents.kinds import KINDS
from assay.incidents.reconcile import Incident
from assay.trust.table_trust import State, TableTrust


@dataclass(frozen=True)
class Verdict:
    """What somebody reads first.

    Attributes:
        state: How bad it is.
        sentence: In one sentence.
        more: What else is so, a sentence each.
    """

    state: State
    sentence: str
    more: Sequence[str] = ()


def is_wrong(incident: Incident) -> bool:
    """Whether an incident counts: it is open, nobody closed it by hand, and it is no notice."""
    return incident.is_open and not KINDS[incident.cause.kind].is_notice


def verdict(
    incidents: Sequence[Incident],
    trusts: Sequence[TableTrust],
    held_back: Mapping[str, Any] | None,
    silence: str,
) -> Verdict:
    """The verdict on a lake of which something is published.

    Args:
        incidents: Those that are not over, the highest level first.
        trusts: Of the gold tables.
        held_back: As `read_status` has it.
        silence: A sentence when the services do not run; empty when they do.
    """
    wrong = [incident for incident in incidents if is_wrong(incident)]
    more = [silence] if silence else []
    if held_back:
        older = f"readers see an older state of some tables since {held_back['since'][:16].replace('T', ' ')} UTC"
        more.insert(0, f"{older[0].upper()}{older[1:]}: {held_back['because'][0]}.")
    if wrong:
        return Verdict("bad" if wrong[0].level > 1 else "odd", _of_incidents(wrong), more)
    failed = [trust.table for trust in trusts if trust.state == "bad"]
    if failed:
        others = "" if len(failed) == 1 else f" and {len(failed) - 1} more"
        reason = next(trust.sentence for trust in trusts if trust.table == failed[0])
        return Verdict("bad", f"{failed[0]}{others} cannot be relied on: {reason}.", more)
    if held_back:
        return Verdict("odd", more[0], more[1:])
    unknown = sum(trust.state == "unknown" for trust in trusts)
    if unknown:
        return Verdict("odd", f"{_tables(unknown)} of {len(trusts)} not shown or not checked yet.", more)
    odd = sum(trust.state == "odd" for trust in trusts)
    if not trusts:
        return Verdict("good", "Nothing is wrong. The project has no gold table yet.", more)
    all_of = "The gold table is" if len(trusts) == 1 else f"All {len(trusts)} gold tables are"
    but = f"; {odd} with a warning" if odd else ""
    return Verdict("odd" if odd else "good", f"{all_of} in time and passed every check that blocks{but}.", more)


def _of_incidents(wrong: Sequence[Incident]) -> str:
    gravest, count = wrong[0], len(wrong)
    what = f"{KINDS[gravest.cause.kind].title} ({gravest.cause.subject})"
    free = sum(not incident.handling.owner for incident in wrong)
    if count == 1:
        taken = f"{gravest.handling.owner} has it" if gravest.handling.owner else "nobody has taken it yet"
        return f"One thing is wrong, and {taken}: {what}."
    taken = "all are taken" if not free else "nobody has taken any" if free == count else f"{free} are not taken"
    return f"{count} things are wrong, and {taken}; the gravest: {what}."


def _tables(count: int) -> str:
    return f"{count:,} gold table" if count == 1 else f"{count:,} gold tables"
