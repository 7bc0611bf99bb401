"""What each loaded file looks like, in a few numbers: records, NULLs, totals, and how its values spread.

A profile is made once, from the rows of the one file, so the history that files are held against costs nothing to ask.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import duckdb

from assay.contract.change_columns import is_whole
from assay.contract.contract import Column, Contract
from assay.contract.names import TableName, literal, quoted

MOST_VALUES = 50
"""Values of a text column that are counted by themselves; the rest is counted together."""
OTHERS = "…"
_NUMBERS = ("integer", "decimal", "double")
_AMOUNTS = ("decimal", "double")
"""Numbers of which a total means something; whole numbers are as often names of things."""
_SUMMED = ("name", "nulls", "total")
_UNNESTED = ", ".join(f"unnest({name}) as {name}" for name in _SUMMED)
_USABLE = """
    select file_id
    from ops.profiles as profiles
    where source = $source and column_name = ''
        and file_id in (select file_id from ops.live_files where source = $source)
        and not exists (
            select 1 from ops.checks as checks
            where checks.run_id = profiles.run_id and checks.verdict in ('fail', 'not evaluated')
                and checks.table_name in ('bronze.' || $source, 'silver.' || $source)
        )
"""
"""Files that others may be held against: none of a load that failed, none that was replaced."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column of one file: NULLs, the sum of its numbers, and how often each bucket of values occurs."""

    nulls: int
    total: float | None = None
    buckets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """One file.

    Attributes:
        file_id: Its content in the ledger.
        path: Its name below the landing zone.
        day: The day that it speaks of; None where nothing says it.
        records: Records in it.
        broken: Records of them that are malformed or break a rule of the contract.
        rows: Rows that they became.
        is_odd: Whether it was odd when it was last judged.
        columns: By name.
    """

    file_id: int
    path: str
    day: date | None
    records: int
    broken: int
    rows: int
    is_odd: bool = False
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)


def profile_new(
    connection: duckdb.DuckDBPyConnection, contract: Contract, measured: Sequence[str], run_id: str
) -> list[int]:
    """Write profiles of all loaded files that have none, whichever run loaded them.

    Args:
        connection: The warehouse.
        contract: Of the source.
        measured: Columns whose values are counted.
        run_id: The run that looks.

    Returns:
        The files that are new.
    """
    rows = connection.execute(
        "select distinct file_id from ops.loaded_files where source = ? and file_id not in "
        "(select file_id from ops.profiles where source = ?) order by file_id",
        [contract.source, contract.source],
    ).fetchall()
    new = [int(row[0]) for row in rows]
    if new:
        _write(connection, contract, measured, new, run_id)
    _count_broken(connection, contract.source)
    return new


def _write(
    connection: duckdb.DuckDBPyConnection, contract: Contract, measured: Sequence[str], files: list[int], run_id: str
) -> None:
    bronze = TableName.of_source(contract.source).sql
    listed = ", ".join(map(str, files))
    rows = f"(select * from {bronze} where _file_id in ({listed}) and {is_whole(contract.load)})"
    connection.execute(
        f"""
        insert into ops.profiles
            (source, file_id, day, column_name, row_count, nulls, total, buckets, is_odd, run_id)
        with files as (
            select file_id, any_value(coalesce(file_date::date, said.mode)) as day, any_value(records_read) as records
            from ops.loaded_files as files
            left join (select _file_id, {_mode(contract)} as mode from {rows} group by _file_id) as said
                on files.file_id = said._file_id
            where source = $source and list_contains($files::bigint[], file_id)
            group by file_id
        ),
        columns as (select _file_id, {_UNNESTED} from ({_summed(contract, measured, rows)}))
        select $source, files.file_id, files.day, coalesce(columns.name, ''), files.records,
            coalesce(columns.nulls, 0), columns.total, null, false, $run_id
        from files left join columns on files.file_id = columns._file_id
        """,
        {"source": contract.source, "files": files, "run_id": run_id},
    )
    for column in (column for column in contract.columns if column.name in measured):
        _count_values(connection, contract.source, column, rows)


def _summed(contract: Contract, measured: Collection[str], rows: str) -> str:
    """SQL of lists for each file, of the names, NULLs and totals of its columns, all from one pass over its rows."""
    names, nulls, totals = ["''"], ["0"], ["null::double"]
    for column in (column for column in contract.columns if not column.name.startswith("_")):
        name = quoted(column.name)
        is_summed = column.name in measured and column.type.kind in _AMOUNTS
        names.append(literal(column.name))
        nulls.append(f"count(*) - count({name})")
        totals.append(f"{_total(column)}::double" if is_summed else "null::double")
    lists = (f"[{', '.join(values)}] as {name}" for name, values in zip(_SUMMED, (names, nulls, totals), strict=True))
    return f"select _file_id, {', '.join(lists)} from {rows} group by _file_id"


def _count_broken(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Count the broken records of the files where that was not done: of new ones, and of those of an older lake."""
    lacking = "select file_id from ops.profiles where source = $source and column_name = '' and broken is null"
    files = [int(row[0]) for row in connection.execute(lacking, {"source": source}).fetchall()]
    if files:
        connection.execute(
            f"""
            update ops.profiles set broken = counted.broken
            from (
                select file_id, max(records_malformed) + coalesce(max(n), 0) as broken
                from ops.loaded_files as files
                left join (
                    select _file_id, count(*) as n from {TableName.of_source(source).sql}
                    where _violations is not null and _file_id in ({", ".join(map(str, files))}) group by all
                ) as rows on files.file_id = rows._file_id
                where source = $source and list_contains($files::bigint[], file_id)
                group by file_id
            ) as counted
            where profiles.source = $source and column_name = '' and profiles.file_id = counted.file_id
            """,
            {"files": files, "source": source},
        )


def _mode(contract: Contract) -> str:
    """SQL for the day on which most of a file's rows happened, where the contract names the time of a row."""
    kinds = {column.name: column.type.kind for column in contract.columns}
    if contract.newest_by is None or kinds[contract.newest_by] not in ("date", "timestamp", "timestamptz"):
        return "null::date"
    return f"mode({quoted(contract.newest_by)}::date)"


def _count_values(connection: duckdb.DuckDBPyConnection, source: str, column: Column, rows: str) -> None:
    """Count how often each value, or each size of numbers, occurs."""
    bucket = bucket_sql(column)
    connection.execute(
        f"""
        update ops.profiles set buckets = counted.buckets
        from (
            select _file_id, map_from_entries(list((bucket, n) order by bucket)) as buckets
            from (
                select
                    _file_id,
                    case when place <= {MOST_VALUES} then bucket else '{OTHERS}' end as bucket,
                    sum(n)::bigint as n
                from (
                    select *, row_number() over (partition by _file_id order by n desc, bucket) as place
                    from (
                        select _file_id, {bucket} as bucket, count(*) as n from {rows}
                        where {quoted(column.name)} is not null group by all
                    )
                )
                group by all
            )
            group by _file_id
        ) as counted
        where source = ? and column_name = ? and file_id = counted._file_id
        """,
        [source, column.name],
    )


def bucket_sql(column: Column) -> str:
    """SQL for the bucket of a value: numbers by sign and half powers of two, so that no other value matters."""
    name = quoted(column.name)
    if column.type.kind not in _NUMBERS:
        return f"left({name}::varchar, 60)"
    size = f"floor(2 * log2(abs({name}::double)))::integer"
    sized = f"case when {name} = 0 then '0' else (case when {name} < 0 then '-' else '+' end) || {size} end"
    return (
        f"case when isfinite({name}) then {sized} else {name}::varchar end" if column.type.kind == "double" else sized
    )


def _total(column: Column) -> str:
    """SQL for the sum of a column, without the NaN and infinity that would make it useless for comparison."""
    name = quoted(column.name)
    return f"sum({name}) filter (isfinite({name}))" if column.type.kind == "double" else f"sum({name})"


def mark_odd(connection: duckdb.DuckDBPyConnection, source: str, odd: Iterable[int], looked_at: Iterable[int]) -> None:
    """Mark which of some files are odd, so that no later file is compared with them."""
    connection.execute(
        "update ops.profiles set is_odd = list_contains($odd::bigint[], file_id) "
        "where source = $source and list_contains($looked_at::bigint[], file_id) "
        "and is_odd <> list_contains($odd::bigint[], file_id)",
        {"source": source, "odd": sorted(odd), "looked_at": sorted(looked_at)},
    )


def live_files(connection: duckdb.DuckDBPyConnection, source: str) -> list[int]:
    """The ids of all live files of a source."""
    rows = connection.execute("select file_id from ops.live_files where source = ?", [source]).fetchall()
    return [int(row[0]) for row in rows]


def read_heads(connection: duckdb.DuckDBPyConnection, source: str) -> tuple[list[Profile], set[int]]:
    """All files of a source without their columns, and the ids of those that may be baselines unless they are odd."""
    rows = connection.execute(
        "select profiles.file_id, min_by(files.path, files.sighting_id), any_value(profiles.day), "
        "any_value(profiles.row_count), any_value(profiles.broken), max(files.records_loaded), "
        "any_value(profiles.is_odd) "
        "from ops.profiles as profiles inner join ops.loaded_files as files "
        "on profiles.file_id = files.file_id and files.source = profiles.source "
        "where profiles.source = ? and column_name = '' group by profiles.file_id",
        [source],
    ).fetchall()
    usable = {int(row[0]) for row in connection.execute(_USABLE, {"source": source}).fetchall()}
    return [Profile(*row) for row in rows], usable


def with_columns(connection: duckdb.DuckDBPyConnection, source: str, heads: Iterable[Profile]) -> Mapping[int, Profile]:
    """Some files completed with their columns, by id."""
    wanted = {head.file_id: head for head in heads}
    columns: dict[int, dict[str, ColumnProfile]] = defaultdict(dict)
    for file_id, name, nulls, total, buckets in connection.execute(
        "select file_id, column_name, nulls, total, buckets from ops.profiles "
        "where source = ? and column_name <> '' and list_contains(?::bigint[], file_id)",
        [source, sorted(wanted)],
    ).fetchall():
        columns[file_id][name] = ColumnProfile(nulls, total, buckets or {})
    return {file_id: replace(head, columns=columns[file_id]) for file_id, head in wanted.items()}
