"""Writing the files of a period.

Belongs here: the order of the steps and their sum. Keep out: what is in a file, which its module says.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path

import duckdb

from assay.base.atomic_write import place
from assay.contract.names import literal
from demo.replay.arrivals import ArrivingFile, build_arrivals, check_order, check_range
from demo.replay.campaigns import campaign_files
from demo.replay.households import household_files
from demo.replay.products import product_files
from demo.replay.promotions import promotion_files
from demo.replay.source_data import open_source
from demo.replay.transactions import transaction_files

SOURCES = (transaction_files, product_files, promotion_files, household_files, campaign_files)
WORKERS = 4
"""Files made at once, at most; compressing a snapshot runs on one core."""


@dataclass(frozen=True)
class ReplaySummary:
    """What a replay did.

    Attributes:
        written: Files that were not there or had other bytes.
        unchanged: Files that were there with the same bytes and were left alone.
        rows: Source → rows in its files of the period, written or unchanged.
    """

    written: int
    unchanged: int
    rows: Mapping[str, int]


@dataclass(frozen=True)
class _Placed:
    file: ArrivingFile
    rows: int
    written: bool


def replay(landing: Path, first: date, last: date, *, progress: Callable[[str], None] | None = None) -> ReplaySummary:
    """Write the files that arrive from `first` to `last`, both included, below `landing`.

    The same period gives the same names, bytes and times, on every machine; a file with other bytes is replaced, one
    with the same bytes left alone. A replay that is interrupted leaves whole files only, and can be repeated.

    Args:
        landing: The folder with one folder a source; made when it is not there.
        first: The first day of arrival.
        last: The last day of arrival.
        progress: Is told one line of text per file, from the calling thread.

    Raises:
        DemoDataMissingError: The demo extra is not installed.
        PeriodError: The days are in the wrong order or not in the data.
        OSError: A file cannot be written.
    """
    check_order(first, last)
    with tempfile.TemporaryDirectory(prefix="assay-replay-") as folder, open_source(Path(folder)) as con:
        build_arrivals(con)
        check_range(con, first, last)
        files = [file for source in SOURCES for file in source(con, first, last)]
        files.sort(key=lambda file: (file.day, file.name))
        return _summary(_place_all(con, files, landing, Path(folder)), progress or _silent)


def _place_all(
    con: duckdb.DuckDBPyConnection, files: list[ArrivingFile], landing: Path, scratch: Path
) -> Iterator[_Placed]:
    """Place every file, several at once; yields in the order given."""
    pool = ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1))
    try:
        yield from pool.map(partial(_place, con, landing, scratch), files)
    finally:
        pool.shutdown(cancel_futures=True)


def _place(con: duckdb.DuckDBPyConnection, landing: Path, scratch: Path, file: ArrivingFile) -> _Placed:
    made = scratch / file.name
    with con.cursor() as cursor:
        [(rows,)] = cursor.execute(f"copy ({file.query}) to {literal(str(made))} ({file.options})").fetchall()
    written = place(landing / file.source / file.name, made, mtime=noon(file.day))
    made.unlink()
    return _Placed(file, rows, written)


def _summary(placed: Iterator[_Placed], progress: Callable[[str], None]) -> ReplaySummary:
    files: Counter[bool] = Counter()
    rows: Counter[str] = Counter()
    for one in placed:
        files[one.written] += 1
        rows[one.file.source] += one.rows
        progress(f"{one.file.name}: {one.rows:,} rows, {'written' if one.written else 'unchanged'}")
    return ReplaySummary(written=files[True], unchanged=files[False], rows=dict(rows))


def noon(day: date) -> float:
    """Noon UTC of a day, in seconds since 1970: the time of last change of what arrives on it."""
    return datetime.combine(day, time(12), tzinfo=UTC).timestamp()


def _silent(_: str) -> None:
    """A progress callback that does nothing."""
