"""Which message a receiver gets next, and when: the book-keeping of delivery, in the store of incidents.

A message is delivered at least once: that it was sent is written after the receiver took it, so a process that is
killed between the two sends it again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.incidents.receivers import Receiver, for_owner
from assay.incidents.reconcile import About
from assay.incidents.store import as_text, writing

FIRST_PAUSE = 10.0
LONGEST_PAUSE = 3600.0
"""Seconds after the first failure in a row, and at most; each pause is twice the one before."""


@dataclass(frozen=True)
class Delivery:
    """What is sent to one receiver next.

    Attributes:
        about: What happened.
        level: Of the incident.
        title: One line.
        body: Five lines.
        message_id: The message that is sent.
        settles: Messages of the same incident that need not be sent any more: it overtook them.
    """

    about: About
    level: int
    title: str
    body: str
    message_id: int
    settles: tuple[int, ...]


def prepare(
    connection: sqlite3.Connection, receiver: Receiver, all_receivers: Sequence[Receiver], now: datetime
) -> None:
    """Register a receiver; a new one gets messages of the open incidents, and of none that is over.

    What is over and was not for it is passed over for good: when its levels or owners change it hears of no old story.
    """
    is_new = not connection.execute("select 1 from receivers where receiver = ?", [receiver.key]).fetchall()
    over = [
        (receiver.key, row["message_id"])
        for incident_id, messages in _unsettled(connection, receiver).items()
        if messages[-1]["about"] == "closed"
        and (is_new or not _delivery(connection, receiver, all_receivers, incident_id, messages))
        for row in messages
    ]
    if is_new or over:
        with writing(connection):
            connection.execute("insert or ignore into receivers values (?, 0, ?, '')", [receiver.key, as_text(now)])
            connection.executemany("insert or ignore into settled values (?, ?, 0)", over)


def next_delivery(
    connection: sqlite3.Connection, receiver: Receiver, all_receivers: Sequence[Receiver]
) -> Delivery | None:
    """The next message for a receiver: of the incident that waits longest, the newest.

    What was overtaken while the receiver was away is not told any more: of an incident that rose and ended it gets
    one message, which says that it is over and how long it lasted. That an incident is over is told to those who were,
    or would have been, told of it.
    """
    for incident_id, messages in _unsettled(connection, receiver).items():
        delivery = _delivery(connection, receiver, all_receivers, incident_id, messages)
        if delivery:
            return delivery
    return None


def _unsettled(connection: sqlite3.Connection, receiver: Receiver) -> dict[int, list[sqlite3.Row]]:
    """The messages that a receiver has not got, by incident; what waits longest is first."""
    rows = connection.execute(
        "select incident_id, message_id, about, level, owner, title, body from messages where message_id not in "
        "(select message_id from settled where receiver = ?) order by message_id",
        [receiver.key],
    ).fetchall()
    waiting: dict[int, list[sqlite3.Row]] = {}
    for row in rows:
        waiting.setdefault(row["incident_id"], []).append(row)
    return waiting


def _delivery(
    connection: sqlite3.Connection,
    receiver: Receiver,
    all_receivers: Sequence[Receiver],
    incident_id: int,
    messages: Sequence[sqlite3.Row],
) -> Delivery | None:
    """The newest message of an incident that a receiver is to get; it settles those before it."""
    told = [
        row
        for row in messages
        if row["about"] != "closed" and receiver in for_owner(all_receivers, row["owner"], row["level"])
    ]
    is_over = messages[-1]["about"] == "closed"
    if not told and not (is_over and _knows_of(connection, receiver, incident_id)):
        return None
    last = messages[-1] if is_over else told[-1]
    ids = tuple(row["message_id"] for row in messages)
    return Delivery(last["about"], last["level"], last["title"], last["body"], last["message_id"], ids)


def is_due(connection: sqlite3.Connection, receiver: Receiver, now: datetime) -> bool:
    """Whether a receiver may be tried; a clock that was put back does not make it wait for longer than the pause."""
    for (next_try_at,) in connection.execute("select next_try_at from receivers where receiver = ?", [receiver.key]):
        wait = datetime.fromisoformat(next_try_at) - now
        return not timedelta(0) < wait <= timedelta(seconds=LONGEST_PAUSE)
    return True


def note_try(connection: sqlite3.Connection, receiver: Receiver, now: datetime) -> None:
    """Count a try as failed before it is made: one that hangs, or kills the process, is not repeated at once."""
    with writing(connection):
        row = connection.execute("select failures from receivers where receiver = ?", [receiver.key]).fetchone()
        failures = row["failures"] + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
        connection.execute(
            "update receivers set failures = ?, next_try_at = ?, problem = 'did not answer in time' where receiver = ?",
            [failures, as_text(now + timedelta(seconds=pause)), receiver.key],
        )


def note_problem(connection: sqlite3.Connection, receiver: Receiver, problem: str) -> None:
    """Record why the last try failed."""
    with writing(connection):
        connection.execute("update receivers set problem = ? where receiver = ?", [problem, receiver.key])


def note_sent(connection: sqlite3.Connection, receiver: Receiver, delivery: Delivery, now: datetime) -> None:
    """Record that a receiver took a message."""
    with writing(connection):
        rows = [(receiver.key, message_id, int(message_id == delivery.message_id)) for message_id in delivery.settles]
        connection.executemany("insert or replace into settled values (?, ?, ?)", rows)
        connection.execute(
            "update receivers set failures = 0, next_try_at = ?, problem = '' where receiver = ?",
            [as_text(now), receiver.key],
        )


def problem_of(connection: sqlite3.Connection, receiver: Receiver) -> tuple[int, str]:
    """How often in a row a receiver failed, and why; (0, '') when the last try went well."""
    row = connection.execute("select failures, problem from receivers where receiver = ?", [receiver.key]).fetchone()
    return (row["failures"], row["problem"]) if row else (0, "")


def _knows_of(connection: sqlite3.Connection, receiver: Receiver, incident_id: int) -> bool:
    return bool(
        connection.execute(
            "select 1 from settled join messages using (message_id) "
            "where receiver = ? and incident_id = ? and was_sent limit 1",
            [receiver.key, incident_id],
        ).fetchall()
    )
