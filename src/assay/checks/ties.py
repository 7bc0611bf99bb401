"""Finds ties: keys of an events table that have different rows in the newest files, where no file name orders them.

`newest_by: {file_date: …}` takes the row of the newest moment. Where files of that moment, or one file, hold different
rows of a key, the greatest values win, which is a pick. Belongs here: finding such keys. Keep out: what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from assay.contract.contract import Contract
from assay.contract.names import TableName, literal, quoted, relation
from assay.contract.rebuild_key import RebuildKey

SHOWN = 5


@dataclass(frozen=True)
class Tie:
    """A key that has different rows in the newest files that hold it.

    Attributes:
        key: Its columns with their values.
        moment: What the names of the files say.
        paths: The files that hold the key and are of that moment; one, where a file contradicts itself.
    """

    key: Mapping[str, object]
    moment: datetime | None
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Ties:
    """How many keys are tied, and the first of them, newest moments first."""

    keys: int = 0
    first: tuple[Tie, ...] = ()


def find_ties(
    connection: duckdb.DuckDBPyConnection, contract: Contract, silver: str, redo: RebuildKey
) -> tuple[Ties, Ties, int]:
    """Look again at the rows of those keys that silver counted conflicting duplicates of.

    Args:
        connection: The warehouse.
        contract: Of the source; `load: events` with a `file_date`.
        silver: The table that takes the source in, e.g. `silver.campaigns`.
        redo: Of that table: how a row of bronze leads to its key.

    Returns:
        Ties between files of one moment, ties within one file, and how many rows silver has.
    """
    rows, doubtful = connection.execute(
        f"select count(*), count(*) filter (_duplicates_conflicting > 0) from {relation(silver)}"
    ).fetchall()[0]
    if not doubtful:
        return Ties(), Ties(), rows
    tied_keys = connection.execute(_query(contract, silver, redo)).fetchall()
    between = _ties(contract.key, [row for row in tied_keys if len(row[-2]) > 1])
    return between, _ties(contract.key, [row for row in tied_keys if len(row[-2]) == 1]), rows


def _ties(key: Sequence[str], rows: Sequence[tuple[object, ...]]) -> Ties:
    """The ties of one kind; each row ends with the moment, the paths and the number of its kind."""
    first = []
    for *values, moment, paths, _ in rows:
        assert isinstance(moment, datetime | None)  # noqa: S101 - the type of the column
        assert isinstance(paths, list)  # noqa: S101 - as above
        first.append(Tie(dict(zip(key, values, strict=True)), moment, tuple(paths)))
    count = rows[0][-1] if rows else 0
    assert isinstance(count, int)  # noqa: S101 - as above
    return Ties(count, tuple(first))


def _query(contract: Contract, silver: str, redo: RebuildKey) -> str:
    """SQL for the first ties of each kind: key, moment, paths, and how many there are of the kind.

    What makes two rows the same is as in the macro `newest_rows`: all columns, and what was rescued by its names. Our
    names begin with `_`, which those of a contract do not.
    """
    key = ", ".join(map(quoted, contract.key))
    [bronze] = redo.inputs
    keys = [f"assay_key_{number}" for number in range(len(redo.key))]
    asked = ", ".join(f"{quoted(name)} as {alias}" for name, alias in zip(redo.key, keys, strict=True))
    same = " and ".join(f"{alias} is not distinct from ({sql})" for alias, sql in zip(keys, bronze.keys, strict=True))
    columns = ", ".join([*map(quoted, contract.names), "_rescued_pairs"])
    return f"""
        with asked as (
            select distinct {asked} from {relation(silver)} where _duplicates_conflicting > 0
        ),
        files as (
            select file_id as _content, file_date as _moment, path as _path from ops.accepted_paths
            where source = {literal(contract.source)}
            qualify row_number() over (partition by file_id order by file_date desc nulls last, path) = 1
        ),
        clean as (
            select * from {TableName.of_source(contract.source).sql}
            where _violations is null and exists (select 1 from asked where {same})
        ),
        newest as (
            select clean.*, {_RESCUED_PAIRS} as _rescued_pairs, files._moment, files._path
            from clean inner join files on clean._file_id = files._content
            qualify _moment is not distinct from max(_moment) over (partition by {key})
        ),
        tied as (
            select {key}, any_value(_moment) as _moment, list_sort(list_distinct(list(_path))) as _paths
            from newest group by {key} having count(distinct row({columns})) > 1
        )
        select *, count(*) over (partition by len(_paths) = 1) from tied
        qualify row_number() over (partition by len(_paths) = 1 order by _moment desc nulls last, {key}) <= {SHOWN}
        order by _moment desc nulls last, {key}
    """


_RESCUED_PAIRS = """
    case
        when clean._rescued is not null then list_sort(list_transform(
            json_keys(clean._rescued),
            lambda name: [
                name, (clean._rescued -> ('/' || replace(replace(name, '~', '~0'), '/', '~1')))::varchar
            ]
        ))
    end
"""
"""As the macro `assay_rescued_pairs`: two files may write the same columns in another order."""
