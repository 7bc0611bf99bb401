"""Inspects a Parquet file before it is loaded: every page is decoded, and where two readers differ it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assay.base.duckdb_errors import first_line
from assay.base.memory import NotEnoughMemory
from assay.contract.contract import Contract
from assay.contract.names import quoted
from assay.reading.parquet.batches import LINE, ExactParquet, batches, columns_in, open_parquet, refusing
from assay.reading.parquet.exact import as_interval
from assay.reading.parquet.plan import VECTOR, Plan, make_plan
from assay.reading.parquet.schema import FileColumn, columns_of, schema_problem
from assay.reading.parquet.view import numbered_rows, parquet_source
from assay.reading.read_views import readable_path
from assay.text import Unreadable

_ARROW = "assay_nested"
_SHORT = 1 << 18
"""Bytes of a dictionary whose values take little however often they are spelled out at a time."""


@dataclass(frozen=True)
class ParquetLook:
    """The result of the inspection: the file's columns in their order, and its number of records."""

    header: tuple[str, ...]
    records: int


def look_into_parquet(path: Path, contract: Contract, memory: int) -> ParquetLook:
    """Verify a file and hold its schema against what can be read exactly.

    Args:
        path: The file.
        contract: Its contract.
        memory: Bytes that the look may take.

    Raises:
        Unreadable: A page is damaged, its schema cannot be trusted, or two readers read different things.
        NotEnoughMemory: It takes more memory than that.
        FileNotFoundError: It is gone.
    """
    with open_parquet(path) as file:
        if problem := schema_problem(columns_of(file), contract):
            raise Unreadable(problem)
        plan = make_plan(file, path, memory)
        counts = {"its footer": file.metadata.num_rows}
    columns = columns_in(path, plan)
    decoded = counts["its pages"] = _decode(path, plan, columns, memory)
    _reader().execute(f"set memory_limit = '{memory}B'")
    with readable_path(path) as name:
        names, counts["DuckDB"] = _as_duckdb_sees_it(name)
        if names != [column.name for column in columns]:
            raise Unreadable(f"cannot be read as Parquet: DuckDB calls its columns {', '.join(names)}")
        if len(set(counts.values())) > 1:
            raise Unreadable(
                "cannot be read as Parquet: its records are not counted alike by "
                + ", ".join(f"{who} ({count:,})" for who, count in counts.items())
            )
        _compare_nested(path, name, columns, plan)
    return ParquetLook(tuple(column.name for column in columns), decoded)


def count_records(path: Path) -> int:
    """Records of a file by its footer.

    Raises:
        Unreadable: The footer cannot be read.
        FileNotFoundError: It is gone.
    """
    with open_parquet(path) as file:
        return int(file.metadata.num_rows)


def _decode(path: Path, plan: Plan, columns: Sequence[FileColumn], memory: int) -> int:
    """Decode all pages; a decimal with more digits than its type, which DuckDB cuts, is an error. Returns the rows."""
    strict = [at for at, c in enumerate(columns) if c.shape == "nested" or c.leaves[0].logical == "Decimal"]
    intervals = [at for at, c in enumerate(columns) if c.shape == "interval"]
    rows = 0
    with refusing():
        for batch in batches(path, plan):
            rows += batch.num_rows
            for at in strict:
                batch.column(at).validate(full=True)
            for at in intervals:
                as_interval(batch.column(at))
            if (most := max(map(_spelled_out, batch.columns), default=0)) > memory:
                raise NotEnoughMemory(f"{VECTOR:,} of its records take {most:,} bytes of {memory:,}")
    return rows


def _spelled_out(array: pa.Array) -> int:
    """The most bytes that DuckDB, whose limit does not count them, takes at once to spell a dictionary's values out."""
    if not pa.types.is_dictionary(array.type) or array.dictionary.nbytes < _SHORT:
        return 0
    sizes = pc.binary_length(array.dictionary).take(array.indices)
    return max(pc.sum(sizes.slice(at, VECTOR)).as_py() or 0 for at in range(0, len(sizes), VECTOR))


def _as_duckdb_sees_it(name: str) -> tuple[list[str], int]:
    """The columns and the count of records that DuckDB takes from the footer."""
    try:
        described = _reader().execute(f"select column_name from (describe from {parquet_source(name)})").fetchall()
        counted = _reader().execute("select num_rows from parquet_file_metadata(?)", [name]).fetchall()
    except duckdb.Error as error:
        raise _refused(error) from error
    return [row[0] for row in described], int(counted[0][0])


def _compare_nested(path: Path, name: str, columns: Sequence[FileColumn], plan: Plan) -> None:
    """Hold DuckDB's reading of nested columns against pyarrow's, value by value in the JSON that would be stored."""
    places = {f"c{at}": column.name for at, column in enumerate(columns) if column.shape == "nested"}
    if not places:
        return
    sums = ", ".join(f"bit_xor(hash({LINE}, to_json({place})::varchar))" for place in places)
    stream = ExactParquet(path, columns, list(places.values()), (), plan)
    try:
        reader = _reader()
        reader.register(_ARROW, stream)
        rows = numbered_rows(name, [column.name for column in columns], list(places))
        ours = reader.execute(f"select {sums} from {rows}").fetchall()[0]
        theirs = reader.execute(f"select {sums} from {quoted(_ARROW)}").fetchall()[0]
    except duckdb.Error as error:
        raise _refused(error) from error
    finally:
        _reader().unregister(_ARROW)
    differing = [column for column, one, other in zip(places.values(), ours, theirs, strict=True) if one != other]
    if differing:
        raise Unreadable(
            f"cannot be read as Parquet: two readers, DuckDB and pyarrow {pa.__version__}, read different values in "
            f"its nested columns {', '.join(differing)}"
        )


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    """A database of its own for looking at files: what is wrong with one does not reach the warehouse."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set timezone = 'UTC'")
    return connection


def _refused(error: duckdb.Error) -> Unreadable | NotEnoughMemory:
    _reader.cache_clear()  # a fatal error leaves it of no use
    if isinstance(error, duckdb.OutOfMemoryException):
        return NotEnoughMemory(first_line(error))
    return Unreadable(f"cannot be read as Parquet: {first_line(error)}")
