"""Looks at a server's log by a slot, without telling the server that anything was read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from assay.connectors.postgres.change_spool import last_end
from assay.connectors.postgres.pgoutput import UnknownMessage, lsn_text
from assay.connectors.postgres.session import Session
from assay.connectors.postgres.slot import moved
from assay.contract.feed_kinds.table import TableFeed
from assay.contract.names import literal, quoted
from assay.feeds.errors import Permanent, PositionLost

_REST = 4
"""How many times as long as the server worked for a look at its log it is left alone after it."""


class ServerLog:
    """The log, as the slot of a feed shows it.

    The server decodes what it is asked for first, and puts aside what is too much for its memory.

    Args:
        feed: The feed, as the yml declares it.
    """

    def __init__(self, feed: TableFeed) -> None:
        self._feed = feed
        self._rest_until = 0.0

    @property
    def is_resting(self) -> bool:
        """Whether the server is to be left alone for now, as it worked a while for the last look."""
        return time.monotonic() < self._rest_until

    def messages(self, opened: Session, upto: int) -> Iterator[bytes]:
        """The messages of all transactions whose commit begins before a position, in the order of commits.

        Raises:
            Permanent: They cannot be had any more.
        """
        query = f"copy (select data from {self._peek(upto)}) to stdout (format binary)"
        with self._understood(), opened.connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
            copy.set_types(["bytea"])
            for (message,) in copy.rows():
                yield message

    def has_changes(self, opened: Session, table: int, upto: int) -> bool:
        """Whether there may be one of a table, by its oid; false means that there is none.

        Raises:
            Permanent: See `messages`.
        """
        kind, oid = "substr(data, 1, 1)", literal(f"\\x{table:08x}")
        of_table = f"{kind} in ('I', 'U', 'D') and substr(data, 2, 4) = {oid} or {kind} = 'T'"
        query = f"select 1 from {self._peek(upto)} where {of_table} limit 1"
        with self._understood():
            return opened.connection.execute(query.encode()).fetchone() is not None

    def move_up(self, opened: Session, table: int, at: int) -> None:
        """Move a slot that is behind what has landed, because its reader or its server died before it was kept.

        Raises:
            Permanent: The log has another history than what has landed.
        """
        if last_end(self.messages(opened, at), table) != at:
            raise PositionLost(
                f"feed {self._feed.source}: what has landed ends at {lsn_text(at)}, where no transaction of the log "
                "ends that changed the table: the server was restored and has another history; "
                f"`assay feed reset {self._feed.source} --epoch` reads the table anew"
            )
        moved(opened.connection, self._feed.slot, at)

    def _peek(self, upto: int) -> str:
        options = f"'proto_version', '1', 'publication_names', {literal(quoted(self._feed.publication))}"
        slot, end = literal(self._feed.slot), literal(lsn_text(upto))
        return f"pg_logical_slot_peek_binary_changes({slot}, {end}, null, {options})"

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Tell what a look at the log may come to, and leave the server alone after it."""
        from psycopg import errors  # noqa: PLC0415 - an extra

        whose, began = f"feed {self._feed.source}", time.monotonic()
        reset = f"`assay feed reset {self._feed.source} --epoch` reads the table anew"
        try:
            yield
        except UnknownMessage as error:
            raise Permanent(f"{whose}: the server sent what cannot be read: {error}") from None
        except errors.UndefinedObject:
            raise Permanent(
                f"{whose}: publication {self._feed.publication} or slot {self._feed.slot} was not there when a change "
                f"of the log was made, so what was changed is not known; {reset}"
            ) from None
        except errors.ObjectNotInPrerequisiteState as error:
            raise PositionLost(f"{whose}: slot {self._feed.slot}: {error.diag.message_primary}; {reset}") from None
        now = time.monotonic()
        self._rest_until = now + _REST * (now - began)
