"""What `assay doctor` is told of Parquet files that an earlier version loaded."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.contract.parse import parse_contract
from assay.loading.rejudge_parquet import parquet_judged_otherwise
from tests.source import bronze_node

WIDE = pa.array([Decimal("1.50")], pa.decimal256(39, 2))
NS = pa.array([1_483_326_245_123_456_789], pa.timestamp("ns", "UTC"))
WHOLE = pa.array([1_483_326_245_123_456_000], pa.timestamp("ns", "UTC"))


def judged(path: Path, array: pa.Array, wanted: str, *, malformed: int = 0, **options: Any) -> str:
    pq.write_table(pa.table({"id": pa.array([1]), "v": array}), path, **options)
    return again(path, wanted, malformed)


def again(path: Path, wanted: str, malformed: int = 0) -> str:
    columns = {"id": "bigint"} | ({"v": wanted} if wanted else {})
    contract = parse_contract(bronze_node("sales", columns, ["id"], format={"type": "parquet"}))
    return parquet_judged_otherwise(path, contract, 1 << 30, records_loaded=1 - malformed, records_malformed=malformed)


@pytest.mark.parametrize(
    ("array", "wanted", "malformed", "options", "reason"),
    [
        (pa.array([1]), "bigint", 0, {}, ""),
        (pa.array([1.5]), "double", 1, {}, ""),
        (pa.array([math.nan]), "decimal(8,2)", 1, {}, ""),
        (pa.array([[1]]), "varchar", 0, {}, ""),
        (WHOLE, "timestamp with time zone", 0, {}, ""),
        (pa.array([3_600_120_000], pa.time64("us")), "varchar", 0, {}, ""),
        (WHOLE.cast(pa.timestamp("ns")), "timestamp", 0, {"use_deprecated_int96_timestamps": True}, ""),
        (NS, "timestamp with time zone", 0, {}, "values of v (TIMESTAMP(ns, UTC)) were changed when it was read"),
        (NS, "", 0, {}, "values of v (TIMESTAMP(ns, UTC)) were changed when it was read"),
        (WIDE, "double", 0, {}, "values of v (DECIMAL(39,2)) were changed when it was read"),
        (
            NS.cast(pa.timestamp("ns")),
            "timestamp",
            0,
            {"use_deprecated_int96_timestamps": True},
            "values of v (INT96) were changed when it was read",
        ),
        (pa.array([math.inf]), "double", 1, {}, "NaN or infinity in v was malformed, and is a value now"),
        (pa.array(["1"], pa.json_()), "", 0, {}, "numbers in the JSON of v may have been rounded in _rescued"),
    ],
)
def test_a_stored_file_is_judged_as_before_or_it_is_said_why_not(
    tmp_path: Path, array: pa.Array, wanted: str, malformed: int, options: dict[str, Any], reason: str
) -> None:
    assert judged(tmp_path / "a.parquet", array, wanted, malformed=malformed, **options) == reason


def test_a_file_that_would_be_refused_is_said_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    plain = {"write_page_checksum": True, "compression": "none", "use_dictionary": False, "write_statistics": False}
    assert judged(path, pa.array([200]), "bigint", **plain) == ""
    path.write_bytes(path.read_bytes().replace(struct.pack("<q", 200), struct.pack("<q", 136)))
    assert "it would be refused: " in again(path, "bigint")
    assert "CRC checksum verification failed" in again(path, "bigint")
    assert "list<element: int64>, where the contract has bigint" in judged(path, pa.array([[1]]), "bigint", malformed=1)


def test_a_file_whose_records_were_not_all_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1, 2], "v": [1, 2]}), path)
    assert again(path, "bigint") == "it holds 2 records, and 1 were read"
