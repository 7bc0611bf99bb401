"""Times that a Parquet file may hold and DuckDB cannot: one of them fails the whole file, if DuckDB reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assay.reading.parquet.batches import batches, refusing
from assay.reading.parquet.plan import Plan
from assay.reading.parquet.schema import FileColumn

_FIRST = -9_223_372_022_400_000_000  # microseconds; 290309-12-22 (BC)
_LAST = (1 << 63) - 1
_PER_UNIT = {"ms": 1_000, "us": 1, "ns": 1}
_LEAST = {"ms": _FIRST // 1_000 + 1, "us": _FIRST, "ns": -9_223_286_400_000_000_000}
_MINUS_INFINITY = -_LAST  # of microseconds and nanoseconds, to DuckDB


def out_of_range(path: Path, columns: Sequence[FileColumn], plan: Plan) -> list[str]:
    """Names of timestamp columns with a value that DuckDB's timestamps cannot hold.

    Args:
        path: The file.
        columns: Columns that DuckDB is to read.
        plan: How the file is read.

    Raises:
        Unreadable: pyarrow refuses the file.
    """
    units = {c.name: c.leaves[0].unit for c in columns if c.shape == "plain" and c.leaves[0].logical == "Timestamp"}
    beyond: set[str] = set()
    if not units:
        return []
    with refusing():
        for batch in batches(path, plan, list(units)):
            beyond |= {name for name, unit in units.items() if _is_beyond(batch.column(name), unit)}
    return [name for name in units if name in beyond]


def _is_beyond(array: pa.Array, unit: str) -> bool:
    number = array.view(pa.int64())
    if unit != "ms":
        number = pc.if_else(pc.equal(number, _MINUS_INFINITY), None, number)
    ends = pc.min_max(number)
    least, most = ends["min"].as_py(), ends["max"].as_py()
    return least is not None and (least < _LEAST[unit] or most > _LAST // _PER_UNIT[unit])
