"""Parquet files: what their own schema says, whether every page is whole, and how their values reach a table exactly.

Two readers look at each file. DuckDB reads most files, several times as fast as anything else; pyarrow verifies all
pages first, and reads what DuckDB cannot hold: decimals of more than 38 digits, nanoseconds, times out of range.
"""

from assay.reading.parquet.inspection import ParquetLook, count_records, look_into_parquet
from assay.reading.parquet.view import parquet_rows, parquet_view, parquet_view_of_many, plain_columns
from assay.reading.parquet.wide import wide_parquet

__all__ = [
    "ParquetLook",
    "count_records",
    "look_into_parquet",
    "parquet_rows",
    "parquet_view",
    "parquet_view_of_many",
    "plain_columns",
    "wide_parquet",
]
