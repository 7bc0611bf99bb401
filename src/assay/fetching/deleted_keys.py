"""Which rows of silver are no longer at the source: what a watermark does not see, found by comparing keys.

Silver as it is published is read first, and the keys of the source in one snapshot after it, so a row that arrives
meanwhile is no difference. Nothing is changed here: who deletes what is decided by people.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from assay.base import clock, log
from assay.base.settings import Settings
from assay.contract.contract import Contract
from assay.contract.names import TableName, literal, quoted
from assay.contract.types import ColumnType
from assay.feeds.content import Rows
from assay.feeds.errors import Permanent
from assay.fetching.last_comparison import note_comparison
from assay.publish.reader import open_published
from assay.reading.exact_casts import from_value

if TYPE_CHECKING:
    import duckdb

SHOWN = 10
"""Keys that are shown; the query that finds all is shown too."""


class HasKeys(Protocol):
    """A kind of feed that can read the keys of its source alone."""

    def keys(self, names: Sequence[str]) -> AbstractContextManager[Rows]:
        """The values of some columns of all rows, in one snapshot, which ends with the block.

        Raises:
            Permanent: A column is not there, or they cannot be read.
            Transient: They cannot be read now.
        """
        ...


@dataclass(frozen=True)
class Comparison:
    """What came of comparing keys.

    Attributes:
        at: When the source was read, in ISO form.
        keys: Rows of silver.
        gone: Those of them whose key is not at the source.
        columns: Of the key.
        first: The smallest keys that are gone, as texts; None for NULL.
    """

    at: str
    keys: int
    gone: int
    columns: tuple[str, ...]
    first: tuple[tuple[str | None, ...], ...]


def compare_keys(settings: Settings, contract: Contract, feed: HasKeys) -> Comparison:
    """Compare the keys of silver with those of the source.

    Args:
        settings: The lake.
        contract: Of the fed source; its key is what is compared.
        feed: Reads them.

    Raises:
        Permanent: There is no silver, or its key is not that of the contract; or see `HasKeys`.
        Transient: See `HasKeys`.
    """
    silver = TableName("silver", contract.source)
    types = {column.name: column.type for column in contract.columns}
    try:
        with open_published(settings.published) as connection, _folder(settings) as folder:
            _check_silver(connection, silver, contract, types)
            file = Path(folder) / "keys.parquet"
            with feed.keys(contract.key) as rows:
                at = clock.now().isoformat(timespec="seconds")
                rows.write(file)
            comparison = _compared(connection, silver, file, {name: types[name] for name in contract.key}, at)
    except FileNotFoundError:
        raise Permanent(f"feed {contract.source}: no run has ended yet, so there is nothing to compare") from None
    note_comparison(settings, contract.source, asdict(comparison))
    log.info("compared keys", feed=contract.source, keys=comparison.keys, gone=comparison.gone)
    return comparison


def _check_silver(
    connection: duckdb.DuckDBPyConnection, silver: TableName, contract: Contract, types: Mapping[str, ColumnType]
) -> None:
    """Refuse a silver that does not have the key of the contract as it stands there.

    Raises:
        Permanent: It does not.
    """
    whose = f"feed {contract.source}: comparing keys needs"
    query = "select column_name, lower(data_type) from duckdb_columns() where schema_name = ? and table_name = ?"
    columns = dict(connection.execute(query, [silver.layer, silver.entity]).fetchall())
    if not columns:
        raise Permanent(f"{whose} {silver.table} to be published; `assay run` does it")
    for name in contract.key:
        if columns.get(name) != types[name].sql.lower():
            there = columns.get(name, "not there")
            raise Permanent(f"{whose} {name} in {silver.table} as {types[name].sql}, as in the contract; it is {there}")


def _compared(
    connection: duckdb.DuckDBPyConnection, silver: TableName, file: Path, key: Mapping[str, ColumnType], at: str
) -> Comparison:
    source = f"read_parquet({literal(str(file))})"
    described = connection.execute(f"describe select * from {source}").fetchall()
    values = [f"{from_value(quoted(name), kind, key[name])} as {quoted(name)}" for name, kind, *_ in described]
    same = " and ".join(f"s.{quoted(name)} is not distinct from k.{quoted(name)}" for name in key)
    gone = f"from {silver.sql} as s where not exists (select 1 from source_keys as k where {same})"
    connection.execute(f"create temp table source_keys as select {', '.join(values)} from {source}")
    (keys,) = _one(connection, f"select count(*) from {silver.sql}")
    (count,) = _one(connection, f"select count(*) {gone}")
    listed = ", ".join(f"s.{quoted(name)}::varchar" for name in key)
    order = ", ".join(f"s.{quoted(name)}" for name in key)
    first = connection.execute(f"select {listed} {gone} order by {order} limit {SHOWN}").fetchall()
    return Comparison(at, keys, count, tuple(key), tuple(first))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - a count is one row
    return tuple(row)


def _folder(settings: Settings) -> tempfile.TemporaryDirectory[str]:
    (settings.home / "feeds").mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".keys-", dir=settings.home / "feeds")
