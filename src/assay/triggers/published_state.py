"""The part of the published state that decides which runs are needed."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from assay.base import clock
from assay.checks.validity import against, behind
from assay.contract.catalog import Catalog
from assay.contract.names import TableName, literal, model_of, table_of
from assay.ledger.acceptances import undecided
from assay.ledger.archives import known_archives
from assay.ledger.check_definition import BY_CHANGE
from assay.publish.publishing import last_decision
from assay.publish.reader import is_of_this_version
from assay.tables.versions import seqs
from assay.triggers.expiring import Expiring, of_other_engines, read_expiring

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
        expiring: Sources and tables that may be run and whose results stand for a while only.
        whole_at: When every row of a table was looked at last; only where it and its inputs are good and not behind.
    """

    hints: Mapping[str, Mapping[str, Hints]] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    behind: frozenset[str] = frozenset()
    built: frozenset[str] = frozenset()
    lags: Mapping[str, Lag] = field(default_factory=dict)
    bad: frozenset[str] = frozenset()
    unpublished: frozenset[str] = frozenset()
    read_at: datetime | None = None
    expiring: Mapping[str, Expiring] = field(default_factory=dict)
    whole_at: Mapping[str, datetime] = field(default_factory=dict)


def read_known(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> Known:
    """Read the part of the published state that decides which runs are needed.

    Args:
        connection: A connection to what is published.
        catalog: The project.
    """
    if not is_of_this_version(connection):
        return Known()  # a run of everything finds what is there, and publishes it anew
    prints = {source: contract.fingerprint for source, contract in catalog.contracts.items()}
    hints: dict[str, dict[str, Hints]] = {}
    for source, path, made, archive_hints in known_archives(connection):
        if made == prints.get(source):
            hints.setdefault(source, {})[path] = archive_hints
    waiting = set()
    for source, path, status, made, is_member, *shown in connection.execute(
        "select source, path, status, contract_fingerprint, archive is not null, "
        "size_bytes, mtime_ns, ctime_ns, inode from ops.latest_sightings"
    ).fetchall():
        if status == "arrived":
            waiting.add(source)
        if (
            not is_member
            and status not in ("missing", "retired")
            and (status not in ("arrived", "refused") or made == prints.get(source))
        ):
            hints.setdefault(source, {})[path] = tuple(shown)
    built = frozenset(seqs(connection))
    old = behind(connection)
    reasons = list(against(connection, built, catalog.blocking_checks, catalog.lagging))
    bad = frozenset(reason.table for reason in reasons)
    # A run that died between a table and its checks leaves a table that nobody would ask about again.
    unasked = {reason.table for reason in reasons if reason.kind == "unasked"} - old.keys()
    waiting |= {name.entity for name in map(TableName.parse, unasked) if name.is_bronze}
    outdated = {*of_other_engines(connection, catalog)} & built
    changed = {*old, *unasked, *outdated}
    ready = {m for m in catalog.of_layer("silver", "gold") if _is_ready(catalog, m, changed, built, bad - old.keys())}
    late = {table_of(model) for model in ready}
    late = {t for t in late if t not in built or t not in catalog.lagging or t in bad or t in outdated}
    lags = dict(_lags(connection, catalog, ready, old))
    unpublished = frozenset(_unpublished(connection, catalog, bad))
    expiring = dict(_expiring(connection, catalog, built, bad - old.keys()))
    waiting |= undecided(connection)
    waiting &= prints.keys()
    now, whole_at = clock.now(), _whole_at(connection, catalog, bad | old.keys())
    return Known(hints, frozenset(waiting), frozenset(late), built, lags, bad, unpublished, now, expiring, whole_at)


def _whole_at(connection: duckdb.DuckDBPyConnection, catalog: Catalog, but: Container[str]) -> Mapping[str, datetime]:
    """When every row of each table was looked at last by the checks that mostly look at what changed."""
    rows = connection.execute(
        "select table_name, min(coalesce(whole_at, checked_at)) from ops.latest_checks "
        f"where check_name in ({', '.join(map(literal, BY_CHANGE))}) group by table_name"
    ).fetchall()
    left = {m for m in catalog.models if any(table_of(n) in but for n in (m, *catalog.ancestors(m)))}
    return {table: at for table, at in rows if table in catalog.checks and model_of(table) not in left}


def _expiring(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, built: Container[str], bad: Container[str]
) -> Iterator[tuple[str, Expiring]]:
    """Results that expire, by the subject that a run is asked for, where that is ready to run."""
    for table, expiring in read_expiring(connection, catalog).items():
        if _is_ready(catalog, model_of(table), {table}, built, bad):
            yield TableName.parse(table).subject, expiring


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
    """Whether a model has to run, its inputs are there, and nothing but their age speaks against them."""
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
        model = model_of(table)
        late = {name for name in {model, *catalog.ancestors(model)} if table_of(name) in old}
        if not late or not late <= set(ready) or any(table_of(name) not in catalog.lagging for name in late):
            continue
        since = waits.get(table) or min(changed[table_of(name)] for name in late)
        rebuild = frozenset(map(table_of, late | {model}))
        yield table, Lag(since, catalog.policies[model].deadline(since), rebuild)
