"""`assay incidents`: print incidents and problems of receivers; also the look for incidents after `assay run`."""

from __future__ import annotations

import getpass
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import duckdb
from rich.markup import escape
from rich.table import Table

from assay.base import clock
from assay.base.printable import printable
from assay.base.run_lock import LockTimeout
from assay.base.settings import Settings
from assay.cli.console import complain, out
from assay.contract.catalog import Catalog
from assay.incidents import acting, store
from assay.incidents.acting import action_of
from assay.incidents.handling import Action
from assay.incidents.notifier import poke
from assay.incidents.outbox import problem_of
from assay.incidents.receivers import ReceiverError, read_receivers
from assay.incidents.reconcile import Incident, in_words
from assay.orchestration.instance import open_instance
from assay.publish.heartbeat import is_look_due

DELIVERY_SECONDS = 5.0
"""How long `assay run` waits, after the run, for its messages to leave; what has not left by then goes on by itself."""
COLOURS = {1: "green", 2: "yellow", 3: "red", 4: "bold red"}


def show(*, closed: bool, as_json: bool) -> None:
    """Print the open incidents, or all.

    Args:
        closed: Whether those that are over are listed as well.
        as_json: As rows of `ops.incidents`.

    Raises:
        ReceiverError: A receiver is not understood.
    """
    settings = Settings.from_env()
    try:
        with store.opened(settings.incidents) as connection:
            incidents = store.all_incidents(connection) if closed else store.open_incidents(connection)
    except FileNotFoundError:
        incidents = []
    if as_json:
        sys.stdout.write(json.dumps([store.row_of(incident) for incident in incidents], indent=2) + "\n")
        return
    if incidents:
        out.print(_table(incidents))
    else:
        out.print("There was no incident yet." if closed else "No incident is open.")
    _say_who_is_told(settings)


def present(settings: Settings) -> list[Incident]:
    """The open incidents."""
    try:
        with store.opened(settings.incidents) as connection:
            return store.open_incidents(connection)
    except FileNotFoundError:
        return []


def look_after_run(settings: Settings) -> None:
    """Look for what is wrong once, as the sensor does while the services run, and have messages sent.

    The run is over, and what came of it stands: that this failed is said, and changes nothing of that.
    """
    from assay.orchestration.incidents_sensor import (  # noqa: PLC0415 - Dagster, which `assay status` does without
        Watchman,
    )

    now = clock.now()
    with _complaining(), open_instance(settings) as instance:
        Watchman(settings, Catalog.read(settings.dbt_project)).look(instance, now)
    _deliver(settings, now)  # what is kept is told, even where readers cannot be shown it


def look_when_due(settings: Settings) -> None:
    """Look where nothing was to run: once an hour, because time alone can make an incident; deliver what waits."""
    now = clock.now()
    if is_look_due(settings, now.timestamp()):
        look_after_run(settings)
    else:
        _deliver(settings, now)


def _deliver(settings: Settings, now: datetime) -> None:
    with _complaining():
        postman = poke(settings, now)
        if postman is not None:
            with suppress(subprocess.TimeoutExpired):
                postman.wait(DELIVERY_SECONDS)


@contextmanager
def _complaining() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, sqlite3.Error, LockTimeout, ReceiverError, OSError) as error:
        complain(str(error), "incidents:")


def _table(incidents: list[Incident]) -> Table:
    table = Table("", "level", "incident", "since", "what", title="Incidents", title_justify="left", show_lines=True)
    for incident in incidents:
        cause, closed_at = incident.cause, incident.closed_at
        since = f"{incident.opened_at:%Y-%m-%d %H:%M}\n"
        lasted = in_words((closed_at or clock.now()) - incident.opened_at)
        since += f"[green]over after {lasted}[/]" if closed_at else f"for {lasted}"
        level = f"[{COLOURS[incident.level]}]{incident.level}[/]"
        level += "" if incident.is_open or closed_at else "\nresolved"
        what = f"{cause.kind}\n{escape(cause.subject)}\n{escape(cause.owner)}"
        done = "".join(f"\n{_at(action)} {action.sentence}" for action in incident.handling.actions)
        table.add_row(str(incident.incident_id), level, what, since, escape(cause.lines() + done))
    return table


def act(number: int, verb: str, by: str, to: str = "", because: str = "") -> None:
    """Write down what is done about an incident, and say what stands then.

    Args:
        number: Of the incident.
        verb: `ack`, `assign`, `resolve` or `reopen`.
        by: Who; empty for the user of the operating system.
        to: To whom it is assigned.
        because: Why.

    Raises:
        CannotAct: It cannot be done to this incident.
    """
    settings = Settings.from_env()
    action = action_of(verb, by or getpass.getuser(), clock.now(), to, because)
    incident = acting.act(settings.incidents, number, action)
    sentence = (
        f"incident {number}, {incident.cause.kind} {incident.cause.subject}: {incident.handling.actions[-1].sentence}"
    )
    out.print(escape(printable(sentence)), highlight=False)


def _at(action: Action) -> str:
    return f"{action.at:%Y-%m-%d %H:%M} UTC"


def _say_who_is_told(settings: Settings) -> None:
    receivers = read_receivers(settings.home, settings.notify.get_secret_value())
    if not receivers:
        out.print("Nobody is told: there is no receiver. docs/incidents.md says how to name one.")
    elif settings.incidents.exists():
        with store.opened(settings.incidents) as connection:
            for receiver in receivers:
                failures, problem = problem_of(connection, receiver)
                if failures:
                    message = f"[yellow]Receiver {receiver.label} {problem}[/]; tries in a row: {failures}"
                    out.print(message, highlight=False)
