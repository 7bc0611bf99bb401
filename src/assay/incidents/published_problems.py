"""The part of the published state from which the causes of incidents are derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from assay.checks.results import KEPT_COUNTS
from assay.ledger.archives import Archive, read_archives
from assay.ledger.reports import first_seen, held_snapshots, newest_by_source
from assay.ledger.schema_changes import SchemaChange, read_changes
from assay.publish.reader import is_of_this_version


@dataclass(frozen=True)
class Refused:
    """The latest sighting of a path, which was refused; of a member of an archive with the path of that."""

    path: str
    reason: str
    run_id: str
    first_seen: datetime
    archive: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The latest result of a check that is not a pass.

    Attributes:
        is_miscounted: Whether the counts that are kept beside files and tables differ from a recount of their rows.
    """

    table: str
    check: str
    verdict: str
    summary: str
    checked_at: datetime
    run_id: str
    is_miscounted: bool = False


@dataclass(frozen=True)
class Held:
    """A snapshot that is held back, and the path of the one that counts, where one does."""

    source: str
    path: str
    because: str
    first_seen: datetime
    kept: str | None


@dataclass(frozen=True)
class Facts:
    """What is published.

    Attributes:
        refused: By source, in the order of paths.
        verdicts: Of checks that did not pass, or only with a warning.
        newest: When the newest loaded file of each source was first seen.
        began: When the lake saw its first file or ended its first run; None when it has done neither.
        shown: Since when readers see the present state of each table.
        late: Tables that lack a file: when it landed, and when it has to be in.
        held: Snapshots that are held back, by source and from the oldest.
        archives: Zip archives that a run has opened, by path.
        changes: The last changes of the columns of files, newest first.
    """

    refused: Mapping[str, tuple[Refused, ...]] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    newest: Mapping[str, datetime] = field(default_factory=dict)
    began: datetime | None = None
    shown: Mapping[str, datetime] = field(default_factory=dict)
    late: Mapping[str, tuple[datetime, datetime]] = field(default_factory=dict)
    held: tuple[Held, ...] = ()
    archives: Mapping[str, Archive] = field(default_factory=dict)
    changes: tuple[SchemaChange, ...] = ()


_CHANGES = 1_000
"""Changes of shapes that are looked at; those of one day are fewer."""
_REFUSED = """
    select source, path, coalesce(reason, ''), run_id, first_seen, archive from ops.latest_sightings
    where status = 'refused' order by source, path
"""
_VERDICTS = f"""
    select
        table_name, check_name, verdict, summary, checked_at, run_id,
        check_id in (select check_id from ops.check_results where rule = '{KEPT_COUNTS}' and not has_passed)
    from ops.latest_checks
    where verdict <> 'pass' order by table_name, check_name
"""
_SHOWN = """
    with decided as (
        select publication_id, decided_at, unnest(tables) as shown from ops.publications where is_published
    ),
    latest as (select shown from decided where publication_id = (select max(publication_id) from decided))
    select shown.table_name, min(decided_at) from decided where shown in (select shown from latest) group by all
"""


def read_facts(connection: duckdb.DuckDBPyConnection) -> Facts:
    """Read what is published.

    Args:
        connection: A connection to it.
    """
    if not is_of_this_version(connection):
        return Facts()
    refused: dict[str, tuple[Refused, ...]] = {}
    for source, *values in connection.execute(_REFUSED).fetchall():
        refused[source] = (*refused.get(source, ()), Refused(*values))
    verdicts = tuple(Verdict(*row) for row in connection.execute(_VERDICTS).fetchall())
    decided = connection.execute("select min(decided_at) from ops.publications").fetchall()[0][0]
    began = min(filter(None, (first_seen(connection), decided)), default=None)
    asked = "select table_name, waits_since, due_at from ops.freshness where waits_since is not null"
    late = connection.execute(asked).fetchall()
    return Facts(
        refused,
        verdicts,
        newest_by_source(connection),
        began,
        dict(connection.execute(_SHOWN).fetchall()),
        {table: (waits_since, due) for table, waits_since, due in late},
        tuple(Held(*row) for row in held_snapshots(connection)),
        read_archives(connection),
        tuple(read_changes(connection, most=_CHANGES)),
    )
