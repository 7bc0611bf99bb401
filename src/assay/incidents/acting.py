"""Writes down what somebody does about an incident, in the store of incidents."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from assay.base.errors import UserError
from assay.base.printable import printable
from assay.incidents.handling import Action, What
from assay.incidents.reconcile import Incident, one_line
from assay.incidents.store import add_action, incident_of, opened, writing

LONGEST_NAME = 80
"""Characters of a name, which stands in tables."""
_PAST: Mapping[str, What] = {
    "ack": "acknowledged",
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "resolve": "resolved",
    "reopen": "reopened",
}


class CannotAct(UserError):
    """What was asked for cannot be done to the incident; says why, and what can be."""


def what_is(verb: str) -> What:
    """The action of a verb, as commands and the page have it.

    Raises:
        CannotAct: There is none.
    """
    if verb not in _PAST:
        raise CannotAct(f"{printable(verb)!r} is not done to incidents; expected ack, assign, resolve or reopen")
    return _PAST[verb]


def act(path: Path, number: int, action: Action) -> Incident:
    """Write down an action; gives the incident as it is then.

    Args:
        path: The store.
        number: Of the incident.
        action: What is done; its words of the problem are taken from the incident.

    Raises:
        CannotAct: There is no such incident, it is over, the action does not fit its state, or a name or reason is
            missing.
    """
    by, to, because = (one_line(text) for text in (action.by, action.to, action.because))
    _check_words(action.what, by, to, because)
    try:
        with opened(path) as connection, writing(connection):
            incident = _actable(connection, number, action.what)
            done = Action(action.what, by, action.at, to, because, incident.cause.problem)
            add_action(connection, number, done)
            return incident_of(connection, number) or incident
    except FileNotFoundError:
        raise CannotAct(f"there is no incident {number}: there was none yet") from None


def action_of(verb: str, by: str, at: datetime, to: str = "", because: str = "") -> Action:
    """An action by its verb.

    Raises:
        CannotAct: There is no such verb.
    """
    return Action(what_is(verb), by, at, to, because)


def _check_words(what: What, by: str, to: str, because: str) -> None:
    if not by:
        raise CannotAct("who does it is missing; name yourself")
    if what == "assigned" and not to:
        raise CannotAct("to whom it is assigned is missing; name somebody")
    if what == "resolved" and not because:
        raise CannotAct("why it is resolved is missing; say it in a few words")
    if too_long := next((name for name in (by, to) if len(name) > LONGEST_NAME), ""):
        raise CannotAct(f"a name of {len(too_long):,} characters; expected {LONGEST_NAME} at most")


def _actable(connection: sqlite3.Connection, number: int, what: What) -> Incident:
    incident = incident_of(connection, number)
    if incident is None:
        raise CannotAct(f"there is no incident {number}; `assay incidents --all` lists them")
    if incident.closed_at is not None:
        raise CannotAct(
            f"incident {number} is over since {incident.closed_at:%Y-%m-%d %H:%M} UTC, when its cause was gone; a new "
            "one opens by itself when that comes back"
        )
    if incident.handling.is_resolved and what != "reopened":
        raise CannotAct(f"incident {number} was resolved by {incident.handling.resolved_by}; reopen it first")
    if not incident.handling.is_resolved and what == "reopened":
        raise CannotAct(f"incident {number} is open")
    return incident
