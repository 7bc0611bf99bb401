"""A table that changes at random, the files that a feed would land of it, and what silver has to hold of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.changes import NAMED, batch, change

Row = Mapping[str, Any]
NAMES, BODIES, PRICES = ("", "tea", None), (None, "long", "longer", "longest"), (-1, 5, 20)
UNKNOWN = object()


@dataclass
class File:
    """A file of changes: its path, its epoch, and its rows."""

    path: str
    epoch: int
    rows: list[Row]


@dataclass
class ChangedTable:
    """A table and its log.

    Attributes:
        rng: What decides.
        rows: The rows that are there, by key.
        files: What a feed landed of it, in order.
    """

    rng: Random
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    epoch: int = 0
    position: int = 0
    _pending: list[Row] = field(default_factory=list)

    def snapshot(self) -> None:
        """Begin an epoch: positions may be smaller than those of before, as after a restore."""
        self.flush()
        self.epoch += 1
        self.position = self.rng.randrange(1, 30)
        rows = [change("snapshot", self.position, **row) for row in self.rows.values()]
        self.files.append(File(batch(None, self.position + 1, self.epoch), self.epoch, rows))
        self.position += 1

    def step(self) -> None:
        """Change something."""
        what = self.rng.choices(("put", "remove", "move", "truncate", "snapshot"), (60, 20, 8, 6, 6))[0]
        key = self.rng.randrange(1, 5)
        if what == "put":
            self._put(key)
        elif what == "remove" and key in self.rows:
            self._log("delete", id=self.rows.pop(key)["id"])
        elif what == "move" and key in self.rows:
            self._move(key)
        elif what == "truncate":
            self.rows.clear()
            self._log("truncate")
        elif what == "snapshot":
            self.snapshot()
        if self.rng.random() < 0.5:
            self.flush()

    def flush(self) -> None:
        """Land what was changed since the last batch."""
        if self._pending:
            first = int(self._pending[0]["_position"][:16], 16)
            self.files.append(File(batch(first, self.position, self.epoch), self.epoch, self._pending))
            self._pending = []

    def _put(self, key: int) -> None:
        new = {"id": key, "name": self._one(NAMES), "body": self._one(BODIES), "price": self._one(PRICES)}
        old = self.rows.get(key)
        self.rows[key] = new
        if old is None:
            self._log("insert", **new)
            return
        for name in ("name", "body"):
            if self.rng.random() < 0.6:
                new[name] = old[name]
        left_out = [name for name in ("name", "body") if new[name] == old[name] and self.rng.random() < 0.7]
        self._log("update", **{**new, **dict.fromkeys(left_out)}, _unchanged=left_out)

    def _move(self, key: int) -> None:
        target = next((other for other in range(1, 5) if other not in self.rows), None)
        if target is not None:
            self._log("delete", id=key)
            self.rows[target] = {**self.rows.pop(key), "id": target}
            self._log("insert", **self.rows[target])

    def _log(self, operation: str, **values: Any) -> None:
        self._pending.append(change(operation, self.position, **values))
        self.position += self.rng.choice((1, 1, 3))

    def _one(self, values: Sequence[Any]) -> Any:
        return self.rng.choice(values)


@dataclass
class Expected:
    """What silver and its history have to hold of some files, worked out one change after the other."""

    shown: dict[int, Row] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    _whole: dict[int, dict[str, Any]] = field(default_factory=dict)
    _held: int = 0

    @classmethod
    def of(cls, files: Iterable[File]) -> Expected:
        """Of the files that are loaded."""
        loaded = list(files)
        expected = cls()
        begun = {file.epoch: file for file in loaded if "(start)" in file.path}
        epoch = None
        for at, row in sorted(((file.epoch, row) for file in loaded for row in file.rows), key=_order):
            for cut in sorted(e for e in begun if (epoch is None or e > epoch) and e <= at):
                expected._cut("snapshot", min((row["_source_time"] for row in begun[cut].rows), default=None))
            epoch = at
            expected._take(at, row)
        for _ in (e for e in begun if epoch is None or e > epoch):
            expected._cut("snapshot", None)
        return expected

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows of silver."""
        return [tuple(row[name] for name in NAMED) for row in self.shown.values()]

    def _take(self, epoch: int, row: Row) -> None:
        operation, key = row["_operation"], row.get("id")
        if operation == "truncate":
            self._cut("truncate", row["_source_time"])
        elif operation == "delete":
            self._whole.pop(key, None)
            self._end(key, "delete", row["_source_time"], (epoch, row["_position"]))
            self.shown.pop(key, None)
        elif key is not None:
            before = self._whole.get(key, {})
            whole = {n: before.get(n, UNKNOWN) if n in row["_unchanged"] else row.get(n) for n in NAMED}
            self._whole[key] = whole
            if is_clean(whole):
                self._show(key, whole, (epoch, row["_position"]), row)

    def _show(self, key: int, whole: dict[str, Any], place: tuple[int, str], row: Row) -> None:
        self._end(key, row["_operation"], row["_source_time"], place)
        self.shown[key] = whole
        opened = {"key": key, "place": place, "row": whole, "change": row, "to": None, "ended_by": None}
        self.versions.append(opened)

    def _end(self, key: int | None, by: str, moment: Any, place: tuple[int, str]) -> None:
        """End the version of a key; one at the same place gives way as if it had never been."""
        for version in [v for v in self.versions if v["key"] == key and v["ended_by"] is None]:
            if version["place"] == place:
                self.versions.remove(version)
            else:
                version.update(to=moment, ended_by=by)

    def _cut(self, by: str, moment: Any) -> None:
        for version in self.versions:
            if version["ended_by"] is None:
                version.update(to=moment, ended_by=by)
        self.shown.clear()
        self._whole.clear()

    def history(self) -> list[tuple[Any, ...]]:
        """The rows of the history."""
        return [
            (
                *(v["row"][name] for name in NAMED),
                *(v["change"][name] for name in ("_operation", "_position", "_source_time")),
                v["to"],
                v["ended_by"],
            )
            for v in self.versions
        ]


def is_clean(row: Row) -> bool:
    """Whether a row holds the rules of the contract, and is known."""
    if UNKNOWN in row.values():
        return False
    is_cheap_named = row["price"] is None or row["price"] > 9 or row["name"] is None or row["name"] != ""
    return row["body"] is not None and (row["price"] is None or row["price"] >= 0) and is_cheap_named


def _order(item: tuple[int, Row]) -> tuple[Any, ...]:
    epoch, row = item
    values = [row.get(name) for name in NAMED]
    return (
        epoch,
        row["_position"],
        row["_operation"] == "delete",
        [(v is not None, v or 0) for v in values[:1]],
        [(v is not None, v if v is not None else "") for v in values[1:3]],
        [(v is not None, v or 0) for v in values[3:]],
        row["_operation"] != "truncate",
    )


def arrivals(rng: Random, files: Sequence[File]) -> Iterator[list[File]]:
    """The files in any order, some at a time."""
    shuffled = rng.sample(files, len(files))
    while shuffled:
        taken = rng.randrange(1, 4)
        yield shuffled[:taken]
        shuffled = shuffled[taken:]
