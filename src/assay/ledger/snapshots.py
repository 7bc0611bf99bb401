"""Which snapshot of a source counts: the newest that does not lose too much of the one that counted before it.

The versions of a source are walked in the order of their moments, so the order in which they arrived decides nothing.
How much one loses of another is counted once and kept, so a walk over a year of them costs a query. Belongs here: the
decision. Keep out: what a person lets in, which `acceptances.py` writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import duckdb

from assay.contract.contract import Contract
from assay.contract.names import TableName, quoted

CURRENT, HELD = "current", "held back"
"""States of a snapshot in `ops.snapshots`; of those that others replaced there is no row."""


@dataclass(frozen=True)
class Version:
    """One version of one file name, of whose content the rows are stored."""

    path: str
    file_id: int
    moment: datetime | None


@dataclass(frozen=True)
class Loss:
    """Keys of clean rows: of a snapshot, of the one before it, and those of that one that it does not have."""

    keys: int
    keys_before: int
    keys_lost: int


@dataclass(frozen=True)
class Decision:
    """The version that counts, if one does, and the newer ones that do not, each with the reason."""

    current: Version | None
    held: tuple[tuple[Version, str], ...]


Compare = Callable[[Version | None, Version], Loss]


def decide(
    versions: Sequence[Version], max_loss: float, accepted: Mapping[tuple[str, int], int], compare: Compare
) -> Decision:
    """Walk the versions in the order of their moments.

    Args:
        versions: By moment and path; those of one path in the order in which the ledger saw them.
        max_loss: The share of the keys of the version that counts that the next one may lack.
        accepted: (path, content) that a person let in, with the order in which that was done.
        compare: Counts the keys of a version and of the one before it.
    """
    walk = _Walk(max_loss, accepted, compare)
    for _, group in groupby(versions, key=lambda version: version.moment):
        by_path = [list(history) for _, history in groupby(group, key=lambda version: version.path)]
        newest = [history[-1] for history in by_path]
        if not walk.is_tied(newest):  # else a version that was corrected would count again, beside its correction
            for version in (version for history in by_path for version in history[:-1]):
                walk.step([version])
        walk.step(newest)
    return Decision(walk.current, tuple(walk.held))


class _Walk:
    def __init__(self, max_loss: float, accepted: Mapping[tuple[str, int], int], compare: Compare) -> None:
        self._max_loss = max_loss
        self._accepted = accepted
        self._compare = compare
        self.current: Version | None = None
        self.held: list[tuple[Version, str]] = []

    def is_tied(self, versions: Sequence[Version]) -> bool:
        """Whether nothing orders the versions of one moment."""
        is_decided = any(self._place(version) in self._accepted for version in versions)
        return not is_decided and len({version.file_id for version in versions}) > 1

    def step(self, versions: Sequence[Version]) -> None:
        """Take one of the versions of a moment, or hold all of them back."""
        let_in = [version for version in versions if self._place(version) in self._accepted]
        if let_in:
            self._take(max(let_in, key=lambda version: self._accepted[self._place(version)]))
        elif problems := self._problems(versions):
            replaced = {version.path for version in versions}
            self.held = [held for held in self.held if held[0].path not in replaced]
            self.held += zip(versions, problems, strict=True)
        else:
            self._take(versions[0])

    @staticmethod
    def _place(version: Version) -> tuple[str, int]:
        return version.path, version.file_id

    def _take(self, version: Version) -> None:
        self.current = version
        self.held = []

    def _problems(self, versions: Sequence[Version]) -> list[str]:
        """Why each is held back; empty when the content that they share is taken."""
        if self.is_tied(versions):
            return [_tied(version, versions) for version in versions]
        if self.current is not None and self.current.file_id == versions[0].file_id:
            return []
        problem = _lost(self._compare(self.current, versions[0]), self.current, self._max_loss)
        return [problem] * len(versions) if problem else []


def _tied(version: Version, versions: Iterable[Version]) -> str:
    others = ", ".join(other.path for other in versions if other.file_id != version.file_id)
    return f"{others} says the same moment, {version.moment}, and holds something else: nothing says which is newer"


def _lost(loss: Loss, before: Version | None, max_loss: float) -> str:
    if not loss.keys:
        all_of = f"; all {loss.keys_before:,} keys of {before.path} would go" if before and loss.keys_before else ""
        return f"it has no clean row{all_of}"
    if before and loss.keys_lost > max_loss * loss.keys_before:
        share = loss.keys_lost / loss.keys_before
        lost = f"it lacks {loss.keys_lost:,} of the {loss.keys_before:,} keys of {before.path}"
        return f"{lost}, {share:.1%}; max_loss is {max_loss:.1%}"
    return ""


_VERSIONS = """
    select path, file_id, max(file_date) over (partition by path) as moment from ops.files
    where source = $source and status in ('loaded', 'duplicate')
        and file_id in (select loaded.file_id from ops.files as loaded where loaded.status = 'loaded')
    order by moment nulls first, path, sighting_id
"""
_ACCEPTED = """
    select path, file_id, acceptance_id from (
        select * from ops.acceptances where source = $source
        qualify row_number() over (partition by path, file_id order by acceptance_id desc) = 1
    ) where is_accepted
"""


def decide_again(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Write to `ops.snapshots` which snapshot of a source counts, and which newer ones are held back.

    Args:
        connection: The warehouse, in the transaction that notes what counts.
        contract: Of the source.
    """
    rows = list(_decided(connection, contract)) if contract.load == "snapshot" else []
    asked = "select path, file_id, file_date, state, because from ops.snapshots where source = ? order by state, path"
    if connection.execute(asked, [contract.source]).fetchall() != sorted(rows, key=lambda row: (row[3], row[0])):
        connection.execute("delete from ops.snapshots where source = ?", [contract.source])
        for row in rows:
            connection.execute("insert into ops.snapshots values (?, ?, ?, ?, ?, ?)", [contract.source, *row])


def forget_losses(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Forget what was counted of a source whose files are read again."""
    connection.execute("delete from ops.snapshot_losses where source = ?", [source])


Row = tuple[str, int, datetime | None, str, str | None]


def _decided(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Iterator[Row]:
    source = {"source": contract.source}
    versions = [Version(*row) for row in connection.execute(_VERSIONS, source).fetchall()]
    accepted = {(path, file_id): order for path, file_id, order in connection.execute(_ACCEPTED, source).fetchall()}
    decision = decide(versions, contract.max_loss, accepted, _Losses(connection, contract))
    if decision.current:
        yield (*vars(decision.current).values(), CURRENT, None)
    for version, because in decision.held:
        yield (*vars(version).values(), HELD, because)


class _Losses:
    """Counts what a snapshot loses of another: once, for it takes reading the keys of both."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
        self._connection = connection
        self._contract = contract
        counted = connection.execute(
            "select before_id, file_id, keys, keys_before, keys_lost from ops.snapshot_losses where source = ?",
            [contract.source],
        ).fetchall()
        self._counted = {(before, file_id): Loss(*figures) for before, file_id, *figures in counted}

    def __call__(self, before: Version | None, version: Version) -> Loss:
        pair = (before.file_id if before else 0, version.file_id)
        if pair not in self._counted:
            self._counted[pair] = loss = self._count(*pair)
            self._connection.execute(
                "insert into ops.snapshot_losses values (?, ?, ?, ?, ?, ?)",
                [self._contract.source, *pair, *vars(loss).values()],
            )
        return self._counted[pair]

    def _count(self, before: int, file_id: int) -> Loss:
        is_keyed = bool(self._contract.key)  # without a key each record counts by itself
        distinct, every = ("distinct ", "") if is_keyed else ("", " all")
        keys = ", ".join(quoted(name) for name in self._contract.key or self._contract.names)
        clean = f"from {TableName.of_source(self._contract.source).sql} where _violations is null and _file_id ="
        counted = self._connection.execute(
            f"with before as (select {distinct}{keys} {clean} {before}), "
            f"present as (select {distinct}{keys} {clean} {file_id}) "
            "select (select count(*) from present), (select count(*) from before), "
            f"(select count(*) from (from before except{every} from present))"
        ).fetchall()
        return Loss(*counted[0])
