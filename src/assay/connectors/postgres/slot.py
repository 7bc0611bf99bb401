"""A replication slot: what the server keeps its log for, and how far it may forget.

Belongs here: a slot's state, what is wrong with it, and the few commands. Keep out: what is in the log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.base.atomic_write import place
from assay.connectors.postgres.pgoutput import lsn_of, lsn_text
from assay.connectors.postgres.session import Session, replication
from assay.contract.feed_kinds.table import TableFeed
from assay.contract.names import quoted
from assay.feeds.errors import Permanent, PositionLost, Transient

if TYPE_CHECKING:
    import psycopg

PLUGIN = "pgoutput"
_STATE = """
    select to_jsonb(s),
        case when pg_is_in_recovery() then '0/0' else pg_current_wal_flush_lsn()::text end,
        case when pg_is_in_recovery() then '00000000' else pg_walfile_name(pg_current_wal_insert_lsn()) end,
        current_setting('max_slot_wal_keep_size', true), current_database()::text, clock_timestamp(), pg_backend_pid()
    from (select 1) as one left join pg_catalog.pg_replication_slots as s on s.slot_name = %s
"""


@dataclass(frozen=True)
class SlotNote:
    """What a feed knows of its slot that no batch says, kept beside its journal.

    It is written before a slot is made, so that one that was left by a crash is known to be this feed's, and before a
    slot is moved past a part of the log that has no change of the table, so that this is not taken for a loss.

    Attributes:
        epoch: The epoch that the slot is of.
        slot: Its name.
        system: Which server it is on.
        timeline: Which of the server's histories, which a promotion or a restore changes.
        table: The oid of the table.
        publication: See `Published`.
        is_landed: Whether the snapshot of the epoch has landed.
        passed_from: A position of the feed …
        passed_to: … up to which there is no change of the table.
        seen: Where the log ended.
        seen_at: When it ended there, seconds since 1970 by the server's clock.
    """

    epoch: int
    slot: str
    system: str
    timeline: int
    table: int
    publication: str
    is_landed: bool = False
    passed_from: int = 0
    passed_to: int = 0
    seen: int = 0
    seen_at: float = 0.0

    @classmethod
    def read(cls, file: Path) -> SlotNote | None:
        """The note of a feed; None where there is none.

        Raises:
            Permanent: It cannot be read.
        """
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise Permanent(
                f"{file} is damaged; remove it if the files of the feed are in landing or loaded"
            ) from error

    def write(self, file: Path) -> None:
        """Write it so that it survives a power cut."""
        place(file, json.dumps(asdict(self)).encode(), mtime=time.time())


@dataclass(frozen=True)
class SlotState:
    """A slot and the log, at one moment.

    Attributes:
        name: The slot's name.
        slot: What the server says of it; None where there is none.
        written: Where the log ends.
        timeline: Which history of the server it is.
        limit: How much the server keeps for slots, as it writes it; `-1` for everything.
        database: Which database this is.
        at: The server's clock.
        pid: The process of this connection.
    """

    name: str
    slot: dict[str, Any] | None
    written: int
    timeline: int
    limit: str
    database: str
    at: datetime
    pid: int

    @classmethod
    def of(cls, connection: psycopg.Connection, name: str) -> SlotState:
        """Look at a slot."""
        row = connection.execute(_STATE, [name]).fetchone()
        assert row is not None  # noqa: S101 - a left join of one row
        slot, written, segment, limit, database, at, pid = row
        return cls(name, slot, lsn_of(written), int(segment[:8], 16), limit or "-1", database, at, pid)

    @property
    def confirmed(self) -> int:
        """How far the server may forget; nothing before it is sent again."""
        return lsn_of(str((self.slot or {}).get("confirmed_flush_lsn") or "0/0"))

    @property
    def is_near_loss(self) -> bool:
        """Whether the server removes what was not read at its next checkpoint."""
        return bool((self.slot or {}).get("wal_status") == "unreserved")

    @property
    def kept_bytes(self) -> int:
        """How much of its log the server keeps for the slot."""
        restart = (self.slot or {}).get("restart_lsn")
        return max(0, self.written - lsn_of(restart)) if restart else 0

    def seconds_to_loss(self, note: SlotNote | None) -> float | None:
        """When the server gives the slot up if nobody reads, by how fast the log grew; None where it does not."""
        safe = (self.slot or {}).get("safe_wal_size")
        if safe is None or note is None or not note.seen_at:
            return None
        grown, seconds = self.written - note.seen, self.at.timestamp() - note.seen_at
        return max(0.0, float(safe)) * seconds / grown if grown > 0 and seconds > 0 else None

    def shown(self, note: SlotNote | None) -> str:
        """What the slot keeps, and when that becomes a problem, for people."""
        megabytes = f"slot {self.name} keeps {self.kept_bytes / 1e6:,.0f} MB of the server's log"
        if self.is_near_loss:
            return f"{megabytes}, which the server removes at its next checkpoint: read faster, or raise {_LIMIT}"
        if self.limit == "-1":
            much = ", and nothing keeps it from filling the server's disk: set max_slot_wal_keep_size"
            return f"{megabytes}{much if self.kept_bytes > _MUCH else ', without a limit'}"
        seconds = self.seconds_to_loss(note)
        left = f", in about {seconds / 3600:,.1f} hours at the pace of late" if seconds is not None else ""
        safe = float((self.slot or {}).get("safe_wal_size") or 0)
        return f"{megabytes}, and gives it up {safe / 1e6:,.0f} MB from now{left} if it is not read"


_LIMIT = "max_slot_wal_keep_size"
_MUCH = 1 << 30
"""Bytes of log from which on a slot without a limit is worth a warning."""


def check_kind(feed: TableFeed, state: SlotState) -> None:
    """Refuse a slot that is there and cannot be this feed's, or is read by another process now.

    Raises:
        Permanent: It is of another plugin or database.
        Transient: Another process reads it.
    """
    slot = state.slot or {}
    odd = {
        "plugin": (slot.get("plugin"), PLUGIN),
        "database": (slot.get("database"), state.database),
        "two_phase": (bool(slot.get("two_phase")), False),
    }
    if wrong := [f"its {what} is {is_now}" for what, (is_now, expected) in odd.items() if is_now != expected]:
        raise Permanent(
            f"feed {feed.source}: slot {feed.slot} is not one of this feed: {' and '.join(wrong)}; choose another "
            f"`slot`, and `assay feed reset {feed.source} --epoch` where it had one of its own"
        )
    if slot.get("active_pid") not in (None, state.pid):
        raise Transient(
            f"feed {feed.source}: slot {feed.slot} is being read by process {slot['active_pid']} of the server; a slot "
            "is of one reader alone: if that is another lake or tool, give each a `slot` of its own"
        )


def check_position(feed: TableFeed, state: SlotState, note: SlotNote | None, epoch: int, at: int) -> None:
    """Refuse to go on where the server does not have, or may not have, everything from a position on.

    Args:
        feed: The feed.
        state: Its slot.
        note: What is known of it.
        epoch: The epoch that is read.
        at: Up to where has landed.

    Raises:
        Permanent: Changes are lost; says which and what to do.
    """
    whose, reset = f"feed {feed.source}", f"`assay feed reset {feed.source} --epoch` reads the table anew"
    landed = f"what has landed ends at {lsn_text(at)}"
    if state.slot is None:
        noted = f" (it was {note.slot} so far)" if note and note.slot != feed.slot else ""
        raise PositionLost(
            f"{whose}: the server has no slot {feed.slot}{noted}, and {landed}: what was changed since then is "
            f"lost; was it dropped, or the server restored or promoted? {reset}"
        )
    if note is not None and note.timeline != state.timeline and note.epoch == epoch:
        raise PositionLost(
            f"{whose}: the server is in timeline {state.timeline}, and was in {note.timeline}: it was restored or "
            f"promoted, and its log may lack or repeat what has landed; {reset}"
        )
    if state.slot.get("wal_status") == "lost" or state.slot.get("restart_lsn") is None:
        raise PositionLost(
            f"{whose}: the server has given up slot {feed.slot}, because it kept more than {_LIMIT} = {state.limit} "
            f"allows; {landed}, and changes since then are lost; {reset}"
        )
    if state.written < at:
        raise PositionLost(
            f"{whose}: the log of the server ends at {lsn_text(state.written)}, before {landed}: it was restored from "
            f"an earlier backup, or is another one; {reset}"
        )
    is_known = note is not None and note.epoch == epoch and note.passed_from == at
    passed = note.passed_to if note is not None and is_known else at
    if state.confirmed > max(at, passed):
        raise PositionLost(
            f"{whose}: slot {feed.slot} was moved to {lsn_text(state.confirmed)} and {landed}: somebody else reads or "
            f"moved it, and the changes between are lost; {reset}"
        )


@contextmanager
def created(opened: Session) -> Iterator[tuple[int, str]]:
    """Make the slot of a feed; gives where its log begins and the name of a snapshot of just that moment.

    The snapshot can be used within the block.

    Raises:
        Permanent: There is one of that name, or the role may not make it.
        Transient: A transaction that stays open is in its way.
    """
    from psycopg import errors  # noqa: PLC0415 - an extra

    feed = opened.feed
    with replication(opened) as connection:
        command = f"CREATE_REPLICATION_SLOT {quoted(feed.slot)} LOGICAL {PLUGIN} EXPORT_SNAPSHOT"
        try:
            row = connection.execute(command.encode()).fetchone()
        except errors.LockNotAvailable:
            raise Transient(
                f"feed {feed.source}: slot {feed.slot} begins when all transactions are over that write now, and one "
                "stays open for minutes (pg_stat_activity says which); it is tried again"
            ) from None
        assert row is not None  # noqa: S101 - or it is an error
        yield lsn_of(str(row[1])), str(row[2])


def dropped(connection: psycopg.Connection, name: str) -> None:
    """Drop a slot that is there."""
    connection.execute("select pg_drop_replication_slot(%s)", [name])


def moved(connection: psycopg.Connection, name: str, to: int) -> None:
    """Let the server forget what is before a position."""
    connection.execute("select pg_replication_slot_advance(%s, %s::pg_lsn)", [name, lsn_text(to)])


def drop_own(connection: psycopg.Connection, feed: TableFeed, state: SlotState, note: SlotNote | None) -> None:
    """Drop what an epoch before, or an attempt that died, left; no batch of this epoch needs it.

    Raises:
        Permanent: The slot is not one that this feed made.
    """
    own = note.slot if note is not None else ""
    if state.slot is not None and own != feed.slot:
        raise Permanent(
            f"feed {feed.source}: the server has a slot {feed.slot} already, which this lake did not make: another "
            "lake or tool reads it, or it was left by one; choose another `slot`, or if nobody needs it: "
            f"select pg_drop_replication_slot('{feed.slot}')"
        )
    if own and SlotState.of(connection, own).slot is not None:
        dropped(connection, own)
