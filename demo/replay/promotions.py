"""The displays and mailers of a week, as one Parquet file.

Belongs here: `landing/promotions`. Keep out: what a display is worth, which gold says.
"""

from __future__ import annotations

from datetime import date

import duckdb

from demo.replay.arrivals import ArrivingFile
from demo.replay.products import FIRST_SUNDAY, sundays

SOURCE = "promotions"
OPTIONS = "format parquet, compression zstd"


def promotion_files(_: duckdb.DuckDBPyConnection, first: date, last: date) -> list[ArrivingFile]:
    """One file per Sunday, both ends included: the promotions of the week that it ends, in order of all columns."""
    return [_file(day) for day in sundays(first, last)]


def _file(day: date) -> ArrivingFile:
    week = (day - FIRST_SUNDAY).days // 7 + 1
    query = f"select * from promotions where week = {week} order by all"
    return ArrivingFile(SOURCE, f"promotions_{day}.parquet", day, query, OPTIONS)
