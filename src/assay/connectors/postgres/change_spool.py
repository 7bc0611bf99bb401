"""Changes of one table as the log brings them, kept aside until it is known where a batch of them ends.

A batch ends at a commit and has one set of columns. What a server sends at once may be larger than memory (a
transaction is never cut), so messages go to a temporary file as they come and are decoded when they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType

from assay.connectors.postgres.pgoutput import Begin, Commit, Relation, Truncate, decode, relation_of

IN_MEMORY = 8 << 20
"""Bytes of messages that are held in memory; more are in a file."""
MOST = 64 << 20
"""Bytes of messages after which the next transaction begins another batch."""


@dataclass
class Transactions:
    """Consecutive transactions that become one batch.

    Attributes:
        begins: Where their messages begin in the spool.
        ends: Where they end.
        end_lsn: Where the log goes on after the last one.
        committed_at: When the last one was committed, µs since 2000.
        relation: The table as it was before them; None where they say it first.
        relations: Each form of the table that a change in them has, in order.
        changes: How many changes of the table they hold.
    """

    begins: int
    ends: int
    end_lsn: int
    committed_at: int
    relation: Relation | None
    relations: list[Relation] = field(default_factory=list)
    changes: int = 0

    @property
    def shapes(self) -> set[tuple[tuple[str, int, int], ...]]:
        """The sets of columns in them."""
        return {relation.shape for relation in self.relations}


class ChangeSpool:
    """Takes the messages of a look at the log, in their order, and keeps those of one table.

    Args:
        table: The oid of the table.
        folder: Where the temporary file is, which has no name and is gone with this process.
        most: Bytes after which a batch is closed.
    """

    def __init__(self, table: int, folder: Path, most: int = MOST) -> None:
        self._table = table
        self._most = most
        # Its file is made when there is one, so an idle feed has none.
        self._file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(IN_MEMORY, "w+b", dir=str(folder))  # noqa: SIM115 - closed by `__exit__`
        self._size = 0
        self._begin: bytes | None = None
        self._relation: Relation | None = None
        self._open: Transactions | None = None
        self.batches: list[Transactions] = []

    def __enter__(self) -> ChangeSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, message: bytes) -> None:
        """Take the next message.

        Raises:
            UnknownMessage: It is none.
        """
        match message[:1]:
            case b"I" | b"U" | b"D":
                if relation_of(message) == self._table:
                    self._keep(message, changes=1)
            case b"B":
                self._begin = message
            case b"R":
                if relation_of(message) == self._table:
                    relation = decode(message)
                    assert isinstance(relation, Relation)  # noqa: S101 - see the match
                    self._keep(message)
                    self._relation = relation  # what comes before it is of the form before
            case b"T":
                truncate = decode(message)
                if isinstance(truncate, Truncate) and self._table in truncate.relations:
                    self._keep(message, changes=1)
            case b"C":
                commit = decode(message)
                if isinstance(commit, Commit):
                    self._end(commit)
            case _:
                decode(message)

    def messages(self, batch: Transactions) -> Iterator[bytes]:
        """The messages of a batch, from its first one on."""
        at = self._file.seek(batch.begins)
        while at < batch.ends:
            size = int.from_bytes(self._file.read(4), "big")
            yield self._file.read(size)
            at += 4 + size

    def _keep(self, message: bytes, changes: int = 0) -> None:
        if self._open is None:
            if self._begin is None or not isinstance(begin := decode(self._begin), Begin):
                raise AssertionError("a change came before the beginning of a transaction")
            self._open = Transactions(self._size, self._size, 0, begin.committed_at, self._relation)
            self._write(self._begin)
        if changes and self._relation and self._relation not in self._open.relations:
            self._open.relations.append(self._relation)
        self._open.changes += changes
        self._write(message)

    def _write(self, message: bytes) -> None:
        self._file.write(len(message).to_bytes(4, "big") + message)
        self._size += 4 + len(message)

    def _end(self, commit: Commit) -> None:
        now, self._open, self._begin = self._open, None, None
        if now is None or not now.changes:
            return
        now.ends, now.end_lsn, now.committed_at = self._size, commit.end_lsn, commit.committed_at
        last = self.batches[-1] if self.batches else None
        if last is None or last.ends - last.begins >= self._most or len(last.shapes | now.shapes) > 1:
            self.batches.append(now)
            return
        last.ends, last.end_lsn, last.committed_at = now.ends, now.end_lsn, now.committed_at
        last.relations += [relation for relation in now.relations if relation not in last.relations]
        last.changes += now.changes


def last_end(messages: Iterable[bytes], table: int) -> int:
    """Where the last transaction of some ends that has a change of a table; 0 for none."""
    last, is_of_table = 0, False
    for message in messages:
        match message[:1]:
            case b"I" | b"U" | b"D":
                is_of_table = is_of_table or relation_of(message) == table
            case b"T":
                truncate = decode(message)
                is_of_table = is_of_table or (isinstance(truncate, Truncate) and table in truncate.relations)
            case b"C":
                commit = decode(message)
                last = commit.end_lsn if is_of_table and isinstance(commit, Commit) else last
                is_of_table = False
    return last
