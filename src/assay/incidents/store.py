"""Incidents and the messages of them, in `ASSAY_HOME/incidents.sqlite`.

A file of its own: an incident has to be kept when no run can write to the warehouse, and by processes that are no run.
One look is one transaction: an incident and its message are there together or not at all, so that a process which is
killed at any instant neither forgets a message nor makes it twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.incidents.handling import ENGINE, Action, Handling, handling_of
from assay.incidents.kinds import KINDS
from assay.incidents.reconcile import Cause, Incident, Plan, causes_by_key, reconcile

BUSY_SECONDS = 30.0
"""How long a process waits for the transaction of another; one takes milliseconds."""
COLUMNS = {
    "incident_id": "BIGINT",
    "kind": "VARCHAR",
    "subject": "VARCHAR",
    "owner": "VARCHAR",
    "level": "INTEGER",
    "since": "TIMESTAMPTZ",
    "opened_at": "TIMESTAMPTZ",
    "level_at": "TIMESTAMPTZ",
    "closed_at": "TIMESTAMPTZ",
    "is_told": "BOOLEAN",
    "is_self_healing": "BOOLEAN",
    "problem": "VARCHAR",
    "tried": "VARCHAR",
    "affects": "VARCHAR",
    "found_in": "VARCHAR",
    "to_do": "VARCHAR",
    "acknowledged_by": "VARCHAR",
    "acknowledged_at": "TIMESTAMPTZ",
    "assigned_to": "VARCHAR",
    "resolved_by": "VARCHAR",
    "resolved_at": "TIMESTAMPTZ",
}
"""Of `ops.incidents`, as readers see it. `found_in` is the line Where, which is a word of SQL."""
_HANDLED = ("acknowledged_by", "acknowledged_at", "assigned_to", "resolved_by", "resolved_at")
_STORED = [name for name in COLUMNS if name not in ("incident_id", "to_do", *_HANDLED)]
_ACTIONS = """
    create table if not exists actions (
        action_id integer primary key autoincrement,
        incident_id integer not null references incidents,
        what text not null, done_by text not null, done_at text not null, assigned_to text not null,
        because text not null, problem text not null
    )
"""
_SCHEMA = f"""
    create table if not exists incidents (
        incident_id integer primary key autoincrement,
        kind text not null, subject text not null, owner text not null, level integer not null,
        since text not null, opened_at text not null, level_at text not null, closed_at text,
        is_told integer not null, is_self_healing integer not null,
        problem text not null, tried text not null, affects text not null, found_in text not null
    );
    create unique index if not exists one_open_incident_per_cause on incidents (kind, subject) where closed_at is null;
    create table if not exists messages (
        message_id integer primary key autoincrement,
        incident_id integer not null references incidents,
        about text not null, level integer not null, owner text not null,
        title text not null, body text not null, made_at text not null
    );
    create index if not exists messages_of_incident on messages (incident_id);
    create table if not exists receivers (
        receiver text primary key, failures integer not null, next_try_at text not null, problem text not null
    );
    create table if not exists settled (
        receiver text not null, message_id integer not null references messages, was_sent integer not null,
        primary key (receiver, message_id)
    ) without rowid;
    create table if not exists changes (number integer not null, published integer not null);
    create table if not exists outcomes (
        run_id text not null, table_name text not null, ended_at text not null, is_good integer not null,
        primary key (run_id, table_name)
    ) without rowid;
    {_ACTIONS};
"""


@contextmanager
def opened(path: Path, *, is_new: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection to the store.

    Args:
        path: The file.
        is_new: Whether to make what is missing of it.

    Raises:
        FileNotFoundError: It is not there, and is not to be made.
        sqlite3.Error: It cannot be opened or stays locked.
    """
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        raise FileNotFoundError(path)
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        if is_new:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(_SCHEMA)
        yield connection


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that holds the write lock from its beginning, so that what it reads stays true until it ends."""
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
    connection.execute("commit")


def follow(
    connection: sqlite3.Connection, gather: Callable[[Sequence[Incident]], Iterable[Cause]], now: datetime
) -> Plan:
    """One look: open, raise and close incidents, and write the messages of it.

    Args:
        connection: The store.
        gather: Gives what is wrong now; told what is open. It is called within the transaction, so that of two
            processes which look at the same time the later one also sees the later state.
        now: The time of the look.
    """
    with writing(connection):
        present = open_incidents(connection)
        wrong = list(gather(present))
        plan = reconcile(_reopened(connection, present, wrong, now), wrong, now)
        ids = {incident.cause.key: _keep(connection, incident) for incident in plan.incidents}
        connection.executemany(
            "insert into messages (incident_id, about, level, owner, title, body, made_at) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            [(ids[m.key], m.about, m.level, m.owner, m.title, m.body, as_text(now)) for m in plan.messages],
        )
        if not connection.execute("select 1 from changes").fetchall():
            connection.execute("insert into changes values (1, 0)")
        if plan.incidents:
            _note_change(connection)
    return plan


def _reopened(
    connection: sqlite3.Connection, present: Iterable[Incident], wrong: Iterable[Cause], now: datetime
) -> list[Incident]:
    """The open incidents, those open again that were resolved and whose problem is another one now."""
    now_wrong = causes_by_key(wrong)
    after = []
    for incident in present:
        stands, cause = incident.handling, now_wrong.get(incident.cause.key)
        if stands.is_resolved and cause is not None and cause.problem != stands.resolved_problem:
            action = Action("reopened", ENGINE, now, because="its problem has changed", problem=cause.problem)
            add_action(connection, incident.incident_id, action)
            after.append(replace(incident, handling=handling_of([*stands.actions, action])))
        else:
            after.append(incident)
    return after


def add_action(connection: sqlite3.Connection, incident_id: int, action: Action) -> None:
    """Write down what was done about an incident; within a transaction of the caller."""
    connection.execute(_ACTIONS)  # a store of before has no such table
    values = [action.what, action.by, as_text(action.at), action.to, action.because, action.problem]
    connection.execute(
        "insert into actions (incident_id, what, done_by, done_at, assigned_to, because, problem) "
        "values (?, ?, ?, ?, ?, ?, ?)",
        [incident_id, *values],
    )
    _note_change(connection)


def _note_change(connection: sqlite3.Connection) -> None:
    """Remember that readers are to be shown something new."""
    connection.execute("update changes set number = number + 1")


def open_incidents(connection: sqlite3.Connection) -> list[Incident]:
    """The open incidents, oldest first."""
    return _incidents(connection, "closed_at is null")


def all_incidents(connection: sqlite3.Connection) -> list[Incident]:
    """All incidents, oldest first."""
    return _incidents(connection)


def incident_of(connection: sqlite3.Connection, incident_id: int) -> Incident | None:
    """The incident of a number; None where there is none."""
    return next(iter(_incidents(connection, "incident_id = ?", [incident_id])), None)


def _incidents(connection: sqlite3.Connection, where: str = "true", values: Sequence[object] = ()) -> list[Incident]:
    rows = connection.execute(f"select * from incidents where {where} order by incident_id", values).fetchall()
    actions: dict[int, list[Action]] = {}
    if connection.execute("select 1 from sqlite_master where name = 'actions'").fetchall():
        wanted = f"select incident_id from incidents where {where}"
        query = f"select * from actions where incident_id in ({wanted}) order by action_id"
        for row in connection.execute(query, values).fetchall():
            at = datetime.fromisoformat(row["done_at"])
            words = (row["assigned_to"], row["because"], row["problem"])
            actions.setdefault(row["incident_id"], []).append(Action(row["what"], row["done_by"], at, *words))
    return [_incident(row, handling_of(actions.get(row["incident_id"], ()))) for row in rows]


def row_of(incident: Incident) -> dict[str, Any]:
    """An incident as a row of `ops.incidents`."""
    values = {"incident_id": incident.incident_id, **_values(incident)}
    values["to_do"] = KINDS[incident.cause.kind].do(incident.cause.subject)
    for name in _HANDLED:
        value = getattr(incident.handling, name)
        values[name] = as_text(value) if isinstance(value, datetime) else value or None
    return values | {name: bool(values[name]) for name in ("is_told", "is_self_healing")}


def unpublished(connection: sqlite3.Connection) -> int | None:
    """The number of the last change, if readers do not have it yet."""
    for number, published in connection.execute("select number, published from changes").fetchall():
        return int(number) if number != published else None
    return None


def note_published(connection: sqlite3.Connection, number: int) -> None:
    """Remember that readers have a change."""
    with writing(connection):
        connection.execute("update changes set published = ?", [number])


def _keep(connection: sqlite3.Connection, incident: Incident) -> int:
    values = _values(incident)
    if incident.incident_id:
        assigned = ", ".join(f"{name} = :{name}" for name in _STORED)
        connection.execute(
            f"update incidents set {assigned} where incident_id = :incident_id",
            {**values, "incident_id": incident.incident_id},
        )
        return incident.incident_id
    names = ", ".join(_STORED)
    done = connection.execute(f"insert into incidents ({names}) values (:{', :'.join(_STORED)})", values)
    return int(done.lastrowid or 0)


def _values(incident: Incident) -> dict[str, Any]:
    cause = incident.cause
    return {
        "kind": cause.kind,
        "subject": cause.subject,
        "owner": cause.owner,
        "level": incident.level,
        "since": as_text(cause.since),
        "opened_at": as_text(incident.opened_at),
        "level_at": as_text(incident.level_at),
        "closed_at": as_text(incident.closed_at) if incident.closed_at else None,
        "is_told": int(incident.is_told),
        "is_self_healing": int(cause.is_self_healing),
        "problem": cause.problem,
        "tried": cause.tried,
        "affects": cause.affects,
        "found_in": cause.where,
    }


def _incident(row: Mapping[str, Any], handling: Handling) -> Incident:
    values = dict(row)
    cause = Cause(
        **{name: values[name] for name in ("kind", "subject", "owner", "problem", "tried", "affects")},
        where=values["found_in"],
        since=datetime.fromisoformat(values["since"]),
        is_self_healing=bool(values["is_self_healing"]),
    )
    closed_at = datetime.fromisoformat(values["closed_at"]) if values["closed_at"] else None
    opened_at, level_at = (datetime.fromisoformat(values[name]) for name in ("opened_at", "level_at"))
    is_told = bool(values["is_told"])
    return Incident(values["incident_id"], cause, values["level"], opened_at, level_at, is_told, closed_at, handling)


def as_text(at: datetime) -> str:
    """A time as the store writes it."""
    return at.astimezone(UTC).isoformat()
