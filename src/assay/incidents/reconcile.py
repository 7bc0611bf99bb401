"""Decides from causes and a clock which incidents open, rise and close, and which messages that makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from assay.base.printable import printable
from assay.incidents.handling import NOTHING_DONE, Handling
from assay.incidents.kinds import KINDS

SELF_HEALING, OWNER, TEAM, EVERYONE = 1, 2, 3, 4
"""Levels. What heals itself is silent; the owner of a table hears first, then the team, then everyone."""
RISES_AFTER: Mapping[int, timedelta] = {
    # Half an hour is enough to come back to a desk and look; longer, and the first look may not have happened at all.
    OWNER: timedelta(minutes=30),
    # Half a working day: what the team has not put right by then needs hands that only others have.
    TEAM: timedelta(hours=4),
}
"""How long an incident stays at a level before it rises by one."""
LONGEST_LINE = 400
"""Characters of each line of a message: some services cut the whole at 1,000 to 4,000."""

About = Literal["opened", "risen", "closed"]


@dataclass(frozen=True)
class Cause:
    """Something that is wrong now. Kind and subject are its identity; each text is one line.

    Attributes:
        kind: One of `KINDS`.
        subject: The source, the table, the table and its check.
        owner: The team that hears of it first.
        problem: What is wrong.
        tried: What was done about it without a hand.
        affects: Tables downstream, with their age.
        where: Source, table, run, file.
        since: When it began, as far as that is known.
        is_self_healing: Whether it may still go away by itself.
    """

    kind: str
    subject: str
    owner: str
    problem: str
    tried: str
    affects: str
    where: str
    since: datetime
    is_self_healing: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """The identity of the cause: its kind and subject."""
        return self.kind, self.subject

    def lines(self) -> str:
        """The five lines of a message."""
        fields = {
            "Problem": self.problem,
            "Tried": self.tried,
            "Affects": self.affects,
            "Where": self.where,
            "Do": KINDS[self.kind].do(self.subject),
        }
        return "\n".join(f"{name}: {one_line(text)}" for name, text in fields.items())


@dataclass(frozen=True)
class Incident:
    """A cause that is followed from its first sight to its end.

    Attributes:
        incident_id: Its number; 0 before it is stored.
        cause: As it was seen last.
        level: `SELF_HEALING` to `EVERYONE`.
        opened_at: When it was first seen.
        level_at: Since when it is at this level.
        is_told: Whether a message was made of it.
        closed_at: When its cause was gone; None while it is open.
        handling: What people did about it.
    """

    incident_id: int
    cause: Cause
    level: int
    opened_at: datetime
    level_at: datetime
    is_told: bool = False
    closed_at: datetime | None = None
    handling: Handling = NOTHING_DONE

    @property
    def is_open(self) -> bool:
        """Whether somebody has to do something about it: its cause is seen, and nobody closed it by hand."""
        return self.closed_at is None and not self.handling.is_resolved


@dataclass(frozen=True)
class Message:
    """What somebody is told of an incident.

    Attributes:
        key: Kind and subject of the incident.
        about: What happened to it.
        level: Of the incident.
        owner: The team that it belongs to.
        title: One line.
        body: The five lines.
    """

    key: tuple[str, str]
    about: About
    level: int
    owner: str
    title: str
    body: str


@dataclass(frozen=True)
class Plan:
    """The changes that one look makes.

    Attributes:
        incidents: Those that are new or differ from what is stored, closed ones too.
        messages: What is to be told, in this order.
    """

    incidents: tuple[Incident, ...] = ()
    messages: tuple[Message, ...] = ()


def reconcile(present: Iterable[Incident], causes: Iterable[Cause], now: datetime) -> Plan:
    """Compare what is wrong now with the incidents that are open.

    Args:
        present: The open incidents.
        causes: What is wrong now; of two with one identity, the one that does not heal itself counts.
        now: The time of this look. It may be earlier than the last one: nothing rises then, and waiting begins anew.
    """
    before = {incident.cause.key: incident for incident in present}
    wrong = causes_by_key(causes)
    after = [_closed(incident, now) for key, incident in before.items() if key not in wrong]
    for key, cause in wrong.items():
        after.append(_continued(before[key], cause, now) if key in before else _new(cause, now))
    changed = [(before.get(incident.cause.key), incident) for incident in after]
    changed = [(old, incident) for old, incident in changed if old != incident]
    messages = [message for old, incident in changed if (message := _message(old, incident))]
    return Plan(tuple(incident for _, incident in changed), tuple(messages))


def causes_by_key(causes: Iterable[Cause]) -> dict[tuple[str, str], Cause]:
    """What is wrong, by its identity; of two with one identity, the one that does not heal itself counts."""
    wrong: dict[tuple[str, str], Cause] = {}
    for cause in causes:
        if cause.key not in wrong or wrong[cause.key].is_self_healing:
            wrong[cause.key] = cause
    return wrong


def _new(cause: Cause, now: datetime) -> Incident:
    level = SELF_HEALING if cause.is_self_healing else OWNER
    return Incident(0, cause, level, now, now, is_told=level >= OWNER)


def _closed(incident: Incident, now: datetime) -> Incident:
    return replace(incident, closed_at=max(now, incident.opened_at))


def _continued(incident: Incident, cause: Cause, now: datetime) -> Incident:
    """The incident with the cause's present words, and at most one level higher.

    A level never falls: what heals, fails and heals again would be told anew each time. Who takes it has as long as its
    level has from then on, and what was resolved by hand does not rise.
    """
    level_at = min(incident.level_at, now)  # after a clock was put back, so that it does not wait for the old time
    incident = replace(incident, cause=replace(cause, since=incident.cause.since), level_at=level_at)
    if cause.is_self_healing or KINDS[cause.kind].is_notice or incident.handling.is_resolved:
        return incident
    patience = RISES_AFTER.get(incident.level)
    waits_from = max(level_at, min(incident.handling.acknowledged_at or level_at, now))
    if incident.level == SELF_HEALING or (patience is not None and now - waits_from >= patience):
        return replace(incident, level=incident.level + 1, level_at=now, is_told=True)
    return incident


def _message(old: Incident | None, incident: Incident) -> Message | None:
    """The message about a change, if any; changed words alone make none."""
    about: About
    if incident.closed_at is not None:
        about = "closed"
    elif old is None or not old.is_told:
        about = "opened"
    else:
        about = "risen"
    is_news = incident.closed_at is not None or old is None or incident.level > old.level
    is_over = incident.closed_at is not None and KINDS[incident.cause.kind].is_notice
    if not (is_news and incident.is_told) or is_over:
        return None
    cause = incident.cause
    body = cause.lines()
    return Message(cause.key, about, incident.level, cause.owner, _title(incident, about), body)


def _title(incident: Incident, about: About) -> str:
    what = f"{KINDS[incident.cause.kind].title}: {one_line(incident.cause.subject)}"
    if about == "closed":
        lasted = (incident.closed_at or incident.opened_at) - incident.opened_at
        return f"[over] {what} (after {in_words(lasted)})"
    still = "" if about == "opened" else f" (still, since {incident.opened_at:%Y-%m-%d %H:%M} UTC)"
    return f"[level {incident.level}] {what}{still}"


def one_line(text: str) -> str:
    """A text as one printable line that is not too long; names of files may hold control characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def in_words(lasted: timedelta) -> str:
    """A length of time in one unit, rounded down so far that it does not change with every look."""
    minutes = max(0, int(lasted.total_seconds() // 60))
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{minutes} min" if minutes else "less than a minute"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days
