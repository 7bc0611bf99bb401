"""Values of Parquet columns as exact text, and intervals as what Arrow calls one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.reading.parquet.schema import FileColumn
from assay.text import Unreadable

_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_SECOND = 1_000_000_000  # nanoseconds
OUT_OF_RANGE = "<"
"""How the text begins of a time that no calendar or clock has; what follows says the number that is stored."""


def as_text(array: pa.Array, column: FileColumn, seconds: pa.Array | None = None) -> pa.Array:
    """The values as text without an exponent, and without zeros at the end of a fraction of a second.

    Args:
        array: The values as pyarrow reads them.
        column: What the file declares.
        seconds: Of INT96, the same times in whole seconds; `array` holds nanoseconds modulo 2^64.

    Raises:
        Unreadable: A time of INT96 lies outside its day.
    """
    if column.shape == "decimal":
        return _decimal_text(array)
    if column.shape == "time":
        return _time_text(array, column)
    text = _int96_text(array, seconds) if seconds is not None else _moment_text(array)
    return pc.binary_join_element_wise(text, "+00", "") if column.leaves[0].is_utc else text


def as_interval(array: pa.Array) -> pa.Array:
    """Parquet's interval: months, days and milliseconds, each of 32 bits without a sign.

    Raises:
        Unreadable: One does not fit DuckDB's interval.
    """
    parts = np.frombuffer(b"".join(value or bytes(12) for value in array.to_pylist()), "<u4").reshape(-1, 3)
    if (parts[:, :2] >= 1 << 31).any():
        raise Unreadable("holds an interval of more than 2,147,483,647 months or days")
    joined = np.zeros(len(array), [("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    joined["months"], joined["days"] = parts[:, 0], parts[:, 1]
    joined["nanoseconds"] = parts[:, 2].astype("<i8") * 1_000_000
    validity = pa.array(array.is_valid().to_numpy(zero_copy_only=False)).buffers()[1]
    return pa.Array.from_buffers(
        pa.month_day_nano_interval(), len(array), [validity if array.null_count else None, pa.py_buffer(joined)]
    )


def _decimal_text(array: pa.Array) -> pa.Array:
    """Decimals as text without an exponent, which Arrow itself writes of small ones with a fraction."""
    scale = array.type.scale
    unscaled = pa.Array.from_buffers(
        pa.decimal256(array.type.precision, 0), len(array), array.buffers(), offset=array.offset
    )
    text = unscaled.cast(pa.string())
    if scale == 0:
        return text
    digits = pc.utf8_lpad(pc.utf8_ltrim(text, "-"), scale + 1, "0")
    sign = pc.if_else(pc.starts_with(text, "-"), "-", "")
    whole, fraction = pc.utf8_slice_codeunits(digits, 0, -scale), pc.utf8_slice_codeunits(digits, -scale)
    return pc.binary_join_element_wise(sign, whole, ".", fraction, "")


def _time_text(array: pa.Array, column: FileColumn) -> pa.Array:
    number = pa.int32() if pa.types.is_time32(array.type) else pa.int64()
    is_end_of_day = pc.equal(array.view(number), _DAY[column.leaves[0].unit])
    text = pc.if_else(is_end_of_day, "24:00:00", _without_zeros(array.cast(pa.string())))
    return pc.binary_join_element_wise(text, "+00", "") if column.leaves[0].is_utc else text


def _moment_text(array: pa.Array) -> pa.Array:
    return _without_zeros(array.view(pa.timestamp(array.type.unit)).cast(pa.string()))


def _int96_text(array: pa.Array, seconds: pa.Array) -> pa.Array:
    """Times of INT96 as text, from seconds and from nanoseconds, which overflow before 1677 and after 2262."""
    whole = seconds.view(pa.int64())
    rest = pc.subtract(array.view(pa.int64()), pc.multiply(whole, _SECOND))
    if pc.any(pc.or_(pc.less(rest, 0), pc.greater_equal(rest, _SECOND))).as_py():
        raise Unreadable("holds a time of the type INT96 that lies outside its day")
    digits = pc.utf8_lpad(rest.cast(pa.string()), 9, "0")
    return _without_zeros(pc.binary_join_element_wise(seconds.cast(pa.string()), digits, "."))


def _without_zeros(text: pa.Array) -> pa.Array:
    """`10:20:00.120` as `10:20:00.12` and `10:20:00.000` as `10:20:00`."""
    shorter = pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), ".")
    return pc.if_else(pc.match_substring(text, "."), shorter, text)
