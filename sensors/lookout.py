"""What waits in the landing zone, seen cheaply: every file is compared with the ledger as it was published last.

Nothing is remembered that could shut a file out: the answer is made anew from the files and the ledger in each look.
Only the published ledger itself is kept in memory until it is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from pathlib import Path, PurePath

import duckdb

from contracts.catalog import Catalog
from contracts.contract import Contract
from contracts.names import table_of
from resources import clock
from resources.arrivals import UNFINISHED, find
from resources.publishing import last_decision
from resources.reader import is_of_this_version, open_published
from resources.settings import Settings
from resources.standing import against, behind
from resources.tables import seqs

STILL = 0.5
"""Seconds without a change after which a run is worth while; it waits for the rest of what files have to settle."""
Hints = tuple[int, int, int, int]
"""Size, times of change in nanoseconds, inode: what tells that a path holds what it held."""


@dataclass(frozen=True)
class Lag:
    """A table that is behind, as it may be for a while.

    Attributes:
        since: When the oldest file landed that it does not contain, or its input changed otherwise.
        due: When it has to have taken that in.
        rebuild: What has to be built for that: itself, and inputs of its that lag too.
    """

    since: datetime
    due: datetime
    rebuild: frozenset[str]


@dataclass(frozen=True)
class Known:
    """What the last run published.

    Attributes:
        hints: By source and path, what the ledger saw there; a file that waits or is to be looked at again is left out.
        waiting: Sources with files that were seen and are not loaded.
        behind: Tables that have not taken in their inputs, though nothing speaks against building them.
        built: Tables that are there.
        lags: Tables that may lag and do, by name.
        bad: Tables that may not be built upon.
        unpublished: Tables with nothing against them of which readers see an older state all the same.
        read_at: When this was read.
    """

    hints: Mapping[str, Mapping[str, Hints]] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    behind: frozenset[str] = frozenset()
    built: frozenset[str] = frozenset()
    lags: Mapping[str, Lag] = field(default_factory=dict)
    bad: frozenset[str] = frozenset()
    unpublished: frozenset[str] = frozenset()
    read_at: datetime | None = None


class Lookout:
    """Looks at one lake again and again.

    Args:
        settings: The lake.
        catalog: The project.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings = settings
        self._catalog = catalog
        self._known: tuple[object, Known] = (None, Known())
        self._resting: dict[str, tuple[Hints, float]] = {}
        self._seen: tuple[object, ...] = ()

    def look(self) -> tuple[dict[str, int], Known]:
        """Number of files that wait, by source; and what the last run published.

        A file counts once it has not been written to for as long as files have to settle, or has not changed while it
        was looked at for half a second: its time may lie in the future.
        """
        self._seen = self._stamp()
        known = self.known()
        now = clock.now().timestamp()
        found: dict[str, int] = {}
        resting: dict[str, tuple[Hints, float]] = {}
        for source, contract in self._catalog.contracts.items():
            try:
                new = list(self._new(contract, known.hints.get(source, {})))
            except OSError:
                found[source] = 0  # a folder that cannot be listed: a run says what is wrong, and is tried again
                continue
            count = 0
            for name, hints in new:
                before, since = self._resting.get(name, (None, now))
                resting[name] = (hints, since if before == hints else now)
                is_old = hints[1] <= (now - self._settings.settle_seconds) * 1e9
                count += is_old or abs(now - resting[name][1]) >= STILL
            if count or source in known.waiting:
                found[source] = count
        self._resting = resting
        return found, known

    def may_differ(self) -> bool:
        """Whether a look may find something else than the last one did; a few stats instead of one for each file.

        A file that is written over in its place does not show here, only in a look.
        """
        return bool(self._resting) or self._stamp() != self._seen

    def _stamp(self) -> tuple[object, ...]:
        """When something was put into or taken from each folder, and what is published."""
        folders = {_folder(contract.files) for contract in self._catalog.contracts.values()}
        paths = [self._settings.landing, *(self._settings.landing / name for name in sorted(folders))]
        times = [_changed_at(path) for path in paths]
        return (*times, *self._links())

    def _links(self) -> list[str]:
        links = [self._settings.published / f"{kind}.duckdb" for kind in ("ops", "lake")]
        return [str(link.readlink()) if link.is_symlink() else "" for link in links]

    def _new(self, contract: Contract, known: Mapping[str, Hints]) -> Iterator[tuple[str, Hints]]:
        """Paths of a source that show something else than the ledger saw there."""
        pattern = PurePath(contract.files)
        if any(mark in part for part in pattern.parts[:-1] for mark in "*?[") or "[" in pattern.name:
            arrivals = find(self._settings.landing, contract.files)
            hints = ((arrival.name, arrival.hint) for arrival in arrivals)
            shown = iter([(n, (h.size_bytes, h.mtime_ns, h.ctime_ns, h.inode)) for n, h in hints if h])
        else:
            shown = _listed(self._settings.landing, pattern)
        for name, there in shown:
            if known.get(name) != there:
                yield name, there

    def known(self) -> Known:
        """The ledger and the state of tables, read again only when a run has published since."""
        stamp = self._links()
        if stamp != self._known[0]:
            try:
                with open_published(self._settings.published) as connection:
                    self._known = (stamp, read_known(connection, self._catalog))
            except FileNotFoundError:
                self._known = (stamp, Known())
        return self._known[1]


def _changed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _folder(pattern: str) -> str:
    """The folder below the landing zone in which a pattern of names begins to vary."""
    return "/".join(takewhile(lambda part: not set(part) & set("*?["), PurePath(pattern).parts[:-1]))


def _listed(landing: Path, pattern: PurePath) -> Iterator[tuple[str, Hints]]:
    """Files of one folder that a pattern of names claims; ten thousand in some thirty milliseconds."""
    folder = pattern.parent.as_posix()
    head, _, tail = pattern.name.partition("*")
    is_simple = "*" not in tail and "?" not in pattern.name
    is_one = "*" not in pattern.name and is_simple
    try:
        entries = os.scandir(landing / folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            name = entry.name
            if is_one and name != pattern.name:
                continue
            fits = len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail)
            if is_simple and not fits:
                continue
            if not is_simple and not PurePath(name).match(pattern.name):
                continue
            if name[0] in "._" or name.endswith(UNFINISHED):
                continue
            try:
                found = entry.stat()
            except OSError:
                continue  # gone again, or a link that leads nowhere, of which a run says more
            path = f"{folder}/{name}"
            if not name.isascii():
                path = os.fsencode(path).decode("utf-8", "backslashreplace")
            yield path, (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def read_known(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> Known:
    """What is published, as far as it decides what is to be done.

    Args:
        connection: A connection to what is published.
        catalog: The project.
    """
    if not is_of_this_version(connection):
        return Known()  # a run of everything finds what is there, and publishes it anew
    prints = {source: contract.fingerprint for source, contract in catalog.contracts.items()}
    hints: dict[str, dict[str, Hints]] = {}
    waiting = set()
    for source, path, status, made, *shown in connection.execute(
        "select source, path, status, contract_fingerprint, size_bytes, mtime_ns, ctime_ns, inode from ops.files "
        "qualify row_number() over (partition by source, path order by sighting_id desc) = 1"
    ).fetchall():
        if status == "arrived":
            waiting.add(source)
        if status != "missing" and (status not in ("arrived", "refused") or made == prints.get(source)):
            hints.setdefault(source, {})[path] = tuple(shown)
    built = frozenset(seqs(connection))
    old = behind(connection)
    found = list(against(connection, built, catalog.blocking_checks, catalog.lagging))
    bad = frozenset(reason.table for reason in found)
    # A run that died between a table and its checks leaves a table that nobody would ask about again.
    unasked = {reason.table for reason in found if reason.kind == "unasked"} - old.keys()
    waiting |= {table.removeprefix("bronze.") for table in unasked if table.startswith("bronze.")}
    changed = {*old, *unasked}
    ready = {m for m in catalog.of_layer("silver", "gold") if _is_ready(catalog, m, changed, built, bad - old.keys())}
    late = {table_of(model) for model in ready}
    late = {table for table in late if table not in built or table not in catalog.lagging or table in bad}
    lags = dict(_lags(connection, catalog, ready, old))
    unpublished = frozenset(_unpublished(connection, catalog, bad))
    return Known(hints, frozenset(waiting & prints.keys()), frozenset(late), built, lags, bad, unpublished, clock.now())


def _unpublished(connection: duckdb.DuckDBPyConnection, catalog: Catalog, bad: Container[str]) -> Iterator[str]:
    """Tables that readers ought to see as they are: the publishing at the end of a run failed."""
    known = seqs(connection)
    seen, _ = last_decision(connection)
    for domain in catalog.domains():
        tables = sorted(table_of(model) for model in domain if catalog.layer(model) in ("silver", "gold"))
        if all(table in known and table not in bad for table in tables):
            yield from (table for table in tables if seen.get(table) != known[table])


def _is_ready(
    catalog: Catalog, model: str, changed: Container[str], built: Container[str], bad: Container[str]
) -> bool:
    """Whether a model is to be run, and its inputs are there, and nothing speaks against them but that they are old."""
    table, inputs = table_of(model), [table_of(parent) for parent in catalog.parents(model)]
    if table not in changed and table in built:
        return False
    return all(name in built and name not in bad for name in inputs)


def _lags(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, ready: Collection[str], old: Mapping[str, object]
) -> Iterator[tuple[str, Lag]]:
    """Tables that may lag and are behind, or made of one that is; not while an input has to be rebuilt that may not."""
    changed = dict(
        connection.execute(
            "select seen.consumer, min(tables.built_at) from ops.seen as seen "
            "inner join ops.tables as tables on seen.input = tables.table_name and tables.seq > seen.seq "
            "group by seen.consumer"
        ).fetchall()
    )
    waits = dict(connection.execute("select table_name, waits_since from ops.freshness").fetchall())
    for table in sorted(catalog.lagging):
        model = table.replace(".", "_", 1)
        late = {name for name in {model, *catalog.ancestors(model)} if table_of(name) in old}
        if not late or not late <= set(ready) or any(table_of(name) not in catalog.lagging for name in late):
            continue
        since = waits.get(table) or min(changed[table_of(name)] for name in late)
        rebuild = frozenset(map(table_of, late | {model}))
        yield table, Lag(since, catalog.policies[model].deadline(since), rebuild)
