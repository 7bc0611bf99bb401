"""The kind of feed that reads the changes of a table of PostgreSQL from the server's log.

It begins with a slot and the rows of the table as they were at the slot's beginning, and goes on with the log from
there: no gap and no overlap. The log is looked at without telling the server anything; the slot moves when what was
read has landed. Keep out: how a slot is made and judged (`slot.py`) and what messages mean
(`change_rows.py`).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.base import log
from assay.connectors.postgres.change_spool import MOST, ChangeSpool, Transactions
from assay.connectors.postgres.log import ServerLog
from assay.connectors.postgres.pgoutput import Relation, moment
from assay.connectors.postgres.publication import published
from assay.connectors.postgres.session import Session, session
from assay.connectors.postgres.slot import SlotNote, SlotState, check_kind, check_position, created, drop_own, moved
from assay.contract.feed_kinds.table import TableFeed
from assay.feeds.content import Rows
from assay.feeds.errors import FeedError, Permanent, PositionLost
from assay.feeds.frame import Batch
from assay.feeds.position import Position
from assay.feeds.sample import Sample

if TYPE_CHECKING:
    import psycopg

CHANGES = "changes"
"""The partition of batches of changes; their positions are those of the log, as 16 hexadecimal digits."""
WINDOW = 256 << 20
"""Bytes of log that are read at once; transactions that begin in it are read to their end."""
PASS = 16 << 20
"""Bytes of log without a change of the table after which the server may forget them."""
PIECE = 8 << 20
"""Bytes of values that become a row group."""


class ChangesFeed:
    """The changes of a table of PostgreSQL.

    Args:
        declaration: The feed, as the yml declares it.
        folder: Where the feed keeps what is its own: a note of its slot, and a spool of what is too large for memory;
            None for who only looks.
        window: See `WINDOW`.
        passes: See `PASS`.
        most: Bytes of messages in a batch, about.
        piece: See `PIECE`.
    """

    def __init__(
        self,
        declaration: TableFeed,
        folder: Path | None = None,
        window: int = WINDOW,
        passes: int = PASS,
        most: int = MOST,
        piece: int = PIECE,
    ) -> None:
        self._feed, self._folder = declaration, folder
        self._window, self._pass, self._most, self._piece = window, passes, most, piece
        self._held = ExitStack()
        self._opened: Session | None = None
        self._looked_to = 0
        self._table = 0
        self._log = ServerLog(declaration)

    def read(self, position: Position, read_at: str) -> Generator[Batch | str]:  # noqa: ARG002 - of other kinds
        """The snapshot of an epoch that begins, and what the log has since a position; see `frame.Feed`."""
        with self._session() as opened:
            state = SlotState.of(opened.connection, self._feed.slot)
            note = self._note()
            end = position.end_of(CHANGES)
            if end is None:
                at = yield from self._begin(opened, position, state, note)
            else:
                at = int(end, 16)
                self._check(opened, state, note, position.epoch, at)
            altered = yield from self._follow(opened, position.epoch, at)
            state = SlotState.of(opened.connection, self._feed.slot)
            kept = state.shown(self._note())
            if state.is_near_loss:
                log.warning(f"feed {self._feed.source}: {kept}")
            yield "; ".join(note for note in (altered, kept) if note)

    def sample(self, count: int) -> Sample:
        """The columns of the table and some of its rows, and what is to be said of the slot; nothing is created."""
        from assay.connectors.postgres.change_content import change_sample  # noqa: PLC0415 - brings pyarrow

        with self._session() as opened:
            state = SlotState.of(opened.connection, self._feed.slot)
            seen = published(opened.connection, self._feed, is_new=state.slot is None)
            slot = f"slot {self._feed.slot} is made by the first fetch"
            if state.slot is not None:
                check_kind(self._feed, state)
                slot = state.shown(self._note())
            notes = [f"publication {self._feed.publication} has the table", slot]
            if state.limit == "-1":
                notes.append("max_slot_wal_keep_size is -1: a feed that is stopped for long fills the server's disk")
            if seen.generated:
                notes.append(f"computed by the server and not in its log: {', '.join(seen.generated)}")
            return change_sample(opened, seen, count, notes)

    def wait(self, seconds: float) -> None:
        """Come back when there is something to read, or when some time is over.

        Raises:
            Permanent: See `read`.
            Transient: As above.
        """
        until = time.monotonic() + seconds
        with self._session() as opened:
            while time.monotonic() < until and not self._has_news(opened):
                time.sleep(self._feed.every)

    def close(self) -> None:
        """Give the connection back."""
        self._opened = None
        with suppress(FeedError):  # of a connection that is broken
            self._held.close()

    def _has_news(self, opened: Session) -> bool:
        if self._log.is_resting:
            return False
        state = SlotState.of(opened.connection, self._feed.slot)
        if state.slot is None or state.written - state.confirmed > self._pass:
            return True
        if state.written <= self._looked_to:
            return False
        self._looked_to = state.written
        return self._log.has_changes(opened, self._table, state.written)

    def _begin(
        self, opened: Session, position: Position, state: SlotState, note: SlotNote | None
    ) -> Generator[Batch | str, None, int]:
        """Make the slot and land the table as it was then; gives where the log goes on."""
        from assay.connectors.postgres.change_content import snapshot_tables  # noqa: PLC0415 - brings pyarrow

        feed, connection, epoch = self._feed, opened.connection, position.epoch
        if position.ends:
            raise Permanent(
                f"feed {feed.source}: what has landed in epoch {epoch} was read in another way "
                f"({position.ends[0][0]}); `assay feed reset {feed.source} --epoch` begins anew with `mode: changes`"
            )
        if note is not None and note.epoch == epoch and note.is_landed:
            raise PositionLost(
                f"feed {feed.source}: the snapshot of epoch {epoch} has landed, and neither landing nor the published "
                f"ledger has it any more; put the files back, or `assay feed reset {feed.source} --epoch`"
            )
        seen = published(connection, feed, is_new=state.slot is None)
        drop_own(connection, feed, state, note)
        note = SlotNote(epoch, feed.slot, seen.system, state.timeline, seen.table, seen.publication)
        note = replace(note, seen=state.written, seen_at=state.at.timestamp())
        note.write(self._note_file)
        with created(opened) as (at, snapshot), connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            connection.execute(f"set transaction snapshot '{snapshot}'".encode())
            row = connection.execute("select now()").fetchone()
            rows = snapshot_tables(opened, seen, at, row[0] if row else state.at, self._piece)
            yield Batch(CHANGES, None, f"{at:016X}", Rows(rows), lag_seconds=0.0)
        replace(note, is_landed=True).write(self._note_file)
        self._table = seen.table
        return at

    def _check(self, opened: Session, state: SlotState, note: SlotNote | None, epoch: int, at: int) -> None:
        feed = self._feed
        seen = published(opened.connection, feed, is_new=False)
        if state.slot is not None:
            check_kind(feed, state)
        check_position(feed, state, note, epoch, at)
        self._table = seen.table
        if note is None or note.epoch != epoch or note.slot != feed.slot:
            note = SlotNote(epoch, feed.slot, seen.system, state.timeline, seen.table, seen.publication, True)
            note.write(self._note_file)
        altered = {
            "the url leads to another server than the one that was read": (note.system, seen.system),
            f"{'.'.join(feed.table)} is another table of the same name": (note.table, seen.table),
            f"publication {feed.publication} was altered, so changes may not have been published": (
                note.publication,
                seen.publication,
            ),
        }
        if reasons := [reason for reason, (before, is_now) in altered.items() if before != is_now]:
            raise Permanent(
                f"feed {feed.source}: {' and '.join(reasons)} since the snapshot of this epoch; "
                f"`assay feed reset {feed.source} --epoch` reads the table anew"
            )

    def _follow(self, opened: Session, epoch: int, at: int) -> Generator[Batch | str, None, str]:
        """What the log has from a position on, a window at a time; gives what there is to say of the last batch."""
        feed, connection, told = self._feed, opened.connection, ""
        while True:
            state = SlotState.of(connection, feed.slot)
            moved_to = state.confirmed
            if moved_to < at:
                self._log.move_up(opened, self._table, at)
                moved_to = at
            upto = min(state.written, moved_to + self._window)
            if upto <= moved_to:
                return told
            with ChangeSpool(self._table, self._note_file.parent, self._most) as spool:
                for message in self._log.messages(opened, upto):
                    spool.add(message)
                for batch in spool.batches:
                    yield self._batch(opened, spool, batch, at, state, is_last=upto == state.written)
                    at, told = batch.end_lsn, _altered(feed, batch.relations)
            if at > moved_to:
                moved(connection, feed.slot, at)
                moved_to = at
            if upto > moved_to and (upto < state.written or upto - moved_to > self._pass):
                self._pass_by(connection, epoch, at, upto, state)
            self._looked_to = upto
            if upto == state.written:
                return told

    def _pass_by(self, connection: psycopg.Connection, epoch: int, at: int, upto: int, state: SlotState) -> None:
        """Let the server forget a part of the log without a change of the table, once it is noted that it has none."""
        note = self._note()
        assert note is not None  # noqa: S101 - `_begin` or `_check` wrote it
        passed = replace(note, epoch=epoch, passed_from=at, passed_to=upto)
        replace(passed, seen=state.written, seen_at=state.at.timestamp()).write(self._note_file)
        moved(connection, self._feed.slot, upto)

    def _batch(
        self, opened: Session, spool: ChangeSpool, batch: Transactions, at: int, state: SlotState, *, is_last: bool
    ) -> Batch:
        """The batch that some transactions are."""
        from assay.connectors.postgres.change_content import change_tables  # noqa: PLC0415 - brings pyarrow

        behind = max(0.0, state.at.timestamp() - moment(batch.committed_at).timestamp())
        is_end = is_last and batch is spool.batches[-1]
        note = self._note()
        return Batch(
            CHANGES,
            f"{at:016X}",
            f"{batch.end_lsn:016X}",
            Rows(change_tables(opened, spool, batch, self._table, self._piece)),
            lag_seconds=0.0 if is_end else behind,
            loss_seconds=state.seconds_to_loss(note),
        )

    def _note(self) -> SlotNote | None:
        return SlotNote.read(self._note_file) if self._folder else None

    @property
    def _note_file(self) -> Path:
        assert self._folder is not None  # noqa: S101 - who only looks writes nothing
        return self._folder / f"{self._feed.source}.slot.json"

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """The connection, which stays open until something goes wrong on it."""
        try:
            if self._opened is None:
                self._opened = self._held.enter_context(session(self._feed))
            with self._opened.telling():
                yield self._opened
        except BaseException:
            self.close()
            raise


def _altered(feed: TableFeed, relations: Sequence[Relation]) -> str:
    shapes = {relation.shape for relation in relations}
    if len(shapes) < 2:  # noqa: PLR2004 - one form
        return ""
    return f"{'.'.join(feed.table)} was altered within a transaction: its file has the columns of before and after"
