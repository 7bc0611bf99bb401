"""Whether a Parquet file that an earlier version loaded would be judged otherwise now, for `assay doctor`.

Earlier versions let DuckDB alone read Parquet: they verified no page, rounded what DuckDB cannot hold, and took NaN and
infinity for malformed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assay.contract.contract import Contract
from assay.reading.parquet import look_into_parquet
from assay.reading.parquet.batches import ExactParquet, batches, columns_in, plan_reading, text_columns
from assay.reading.parquet.plan import Plan
from assay.reading.parquet.schema import FileColumn
from assay.text import Unreadable

_LOST = r"\.[0-9]{7,}|^<"
"""A fraction of a second that microseconds do not hold, or a time out of range."""


def parquet_judged_otherwise(
    path: Path, contract: Contract, memory: int, *, records_loaded: int, records_malformed: int
) -> str:
    """Why a stored file would be judged otherwise if it were loaded again; empty when it would not.

    Args:
        path: The file, as it was loaded.
        contract: The contract that it was loaded under.
        memory: Bytes that this may take.
        records_loaded: Rows that it became.
        records_malformed: Records of it that were malformed.

    Raises:
        FileNotFoundError: It is gone.
        NotEnoughMemory: It takes more memory than that.
    """
    try:
        look = look_into_parquet(path, contract, memory)
        if look.records != records_loaded + records_malformed:
            return f"it holds {look.records:,} records, and {records_loaded + records_malformed:,} were read"
        return "; ".join(_differences(path, contract, plan_reading(path, memory), records_malformed))
    except Unreadable as error:
        return f"it would be refused: {error}"


def _differences(path: Path, contract: Contract, plan: Plan, records_malformed: int) -> Iterator[str]:
    columns = columns_in(path, plan)
    changed = _changed(path, columns, plan)
    if changed:
        words = ", ".join(f"{column.name} ({column.words})" for column in changed)
        yield f"values of {words} were changed when it was read"
    as_json = [column.name for column in columns if column.shape == "json" and column.name not in contract.names]
    if as_json:
        yield f"numbers in the JSON of {', '.join(as_json)} may have been rounded in _rescued"
    doubles = {column.name for column in contract.columns if column.type.kind == "double"}
    floats = [c.name for c in columns if c.name in doubles and pa.types.is_floating(c.target)]
    endless = _not_finite(path, plan, floats) if records_malformed and floats else []
    if endless:
        yield f"NaN or infinity in {', '.join(endless)} was malformed, and is a value now"


def _changed(path: Path, columns: Sequence[FileColumn], plan: Plan) -> list[FileColumn]:
    """Columns with a value that DuckDB's own reader changes."""
    texts = text_columns(columns)
    decimals = [column for column in columns if column.shape == "decimal"]
    times = [column for column in columns if column.name in texts and column not in decimals]
    lossy = set()
    if times:
        names = [column.name for column in times]
        stream = pa.RecordBatchReader.from_stream(ExactParquet(path, columns, names, names, plan))
        for batch in stream:
            lossy |= {c.name for at, c in enumerate(times) if _matches(batch.column(at))}
    return [column for column in columns if column in decimals or column.name in lossy]


def _matches(text: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring_regex(text, _LOST)).as_py())


def _not_finite(path: Path, plan: Plan, names: Sequence[str]) -> list[str]:
    endless: set[str] = set()
    for batch in batches(path, plan, names):
        values = {name: batch.column(name).cast(pa.float64()) for name in names}
        endless |= {name for name in names if pc.any(pc.invert(pc.is_finite(values[name]))).as_py()}
    return [name for name in names if name in endless]
