"""Parquet of a few kB that unpacks to more than memory holds, in whatever way: seen before it is unpacked."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.base.memory import NotEnoughMemory
from assay.reading.parquet.batches import batches, plan_reading
from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "v": "varchar"}
LONG = "x" * 1_000_000
PAGE = 30_007  # bytes of a page of 3,000 texts of six letters, with their levels
MANY = 10_000_000
LOAD = """
import json, resource, sys
from pathlib import Path
from tests.source import Source
source = Source(Path(sys.argv[1]), {"id": "bigint", "v": "varchar"}, format={"type": "parquet"})
source.sql("set memory_limit = '160MB'")
source.look()  # of nothing: what is imported late is there
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source.run()
source.run()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reasons = {name: source.reason(name) for name in source.files()}
print(json.dumps([source.files(), reasons, (peak - before) * 1024]))
"""


def parquet(array: pa.Array, **options: Any) -> bytes:
    out = io.BytesIO()
    table = pa.table({"id": pa.array(range(len(array)), pa.int64()), "v": array})
    pq.write_table(table, out, **{"compression": "zstd", "store_schema": False, **options})
    return out.getvalue()


def repeated(times: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(times, np.int32)), pa.array([LONG]))


def in_one_list(values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)


def varint(number: int) -> bytes:
    zigzag, out = number * 2, b""
    while True:
        out += bytes([zigzag & 127 | (128 if zigzag > 127 else 0)])
        zigzag >>= 7
        if not zigzag:
            return out


def lying(content: bytes, old: int, new: int, *, everywhere: bool = False) -> bytes:
    """The file with another number in its footer, or also in the headers of its pages, written as long as it was."""
    before, after = varint(old), varint(new)
    missing = len(before) - len(after)
    if missing:
        after = after[:-1] + bytes([after[-1] | 128]) + bytes([128] * (missing - 1)) + b"\0"
    footer = 0 if everywhere else len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    assert before in content[footer:]
    return content[:footer] + content[footer:].replace(before, after)


def plain(value: str) -> bytes:
    return parquet(pa.array([value]), use_dictionary=False, write_statistics=False)


def unpacked(content: bytes) -> int:
    return int(pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(1).total_uncompressed_size)


def bombs() -> dict[str, bytes]:
    """Of each kind, 200 MB and more from a few kB."""
    value = plain("x" * 200_000_000)
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(1_000_000), 200, [None, pa.py_buffer(bytes(200_000_000))])
    zeros = pa.array(np.zeros(MANY, np.int64))
    return {
        "dictionary": parquet(repeated(200)),
        "dictionary with a mark of the writer": parquet(repeated(200), store_schema=True),
        "page": value,
        "page in gzip": parquet(pa.array(["x" * 200_000_000]), use_dictionary=False, compression="gzip"),
        "fixed length": parquet(fixed),
        "list": parquet(in_one_list(zeros)),
        "list of texts": parquet(in_one_list(pa.array([LONG] * 200)), dictionary_pagesize_limit=1 << 26),
        "struct in a list": parquet(in_one_list(pa.StructArray.from_arrays([zeros], ["x"]))),
        "differences": parquet(
            pa.array([LONG] * 200), use_dictionary=False, column_encoding={"id": "PLAIN", "v": "DELTA_BYTE_ARRAY"}
        ),
        "footer that says little": lying(value, unpacked(value), 100),
    }


@pytest.mark.slow  # processes with a limit of memory
def test_no_bomb_takes_more_memory_than_a_load_may_and_each_is_tried_twice_while_the_good_file_loads(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "landing" / "sales"
    folder.mkdir(parents=True)
    made = bombs()
    for name, content in made.items():
        assert len(content) < 1_000_000, name
        (folder / name).write_bytes(content)
    (folder / "good").write_bytes(parquet(pa.array(["a"])))
    ran = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True, check=False, timeout=100
    )
    assert ran.returncode == 0, ran.stderr
    files, reasons, taken = json.loads(ran.stdout)
    assert files.pop("good") == "loaded"
    assert files == dict.fromkeys(made, "refused"), reasons
    assert [name for name in made if "needs more memory" not in reasons[name]] == []
    assert [name for name in made if "Tried 2 times" not in reasons[name]] == []
    assert taken < 160_000_000


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (lambda content: lying(content, PAGE, 100, everywhere=True), "Parquet"),
        (lambda content: lying(content, PAGE, 29_999, everywhere=True), "Parquet"),
        (lambda content: lying(content, 3_000, 3_000_000), "Parquet"),
    ],
    ids=["a page says little", "a page says less than it holds", "a footer counts more values"],
)
def test_a_header_that_does_not_say_what_is_true_refuses_the_file(
    make: Make, changed: Callable[[bytes], bytes], reason: str
) -> None:
    content = parquet(pa.array([f"{n:06}" for n in range(3_000)]), use_dictionary=False, write_statistics=False)
    source = make(COLUMNS, format={"type": "parquet"})
    source.put("a", changed(content))
    source.put("good", parquet(pa.array(["a"])))
    source.run()
    assert source.files() == {"a": "refused", "good": "loaded"}
    assert reason in source.reason("a")


def test_a_dictionary_that_fits_is_loaded_value_by_value(make: Make) -> None:
    texts = ["a" * 100_000, None, "b" * 100_000] * 100
    source = make(COLUMNS, format={"type": "parquet"})
    source.put("a", parquet(pa.array(texts), dictionary_pagesize_limit=1 << 26))
    source.sql("set memory_limit = '512MB'")
    source.run()
    assert source.files() == {"a": "loaded"}, source.reason("a")
    assert source.rows("id", "v") == list(enumerate(texts))


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (pa.array([f"{n % 7}" * 50 for n in range(3_000)]), {"use_dictionary": True}),
        (pa.array([f"{n}" * 50 for n in range(3_000)]), {"dictionary_pagesize_limit": 10_000, "data_page_size": 9_000}),
        (pa.array([f"{n}" * 50 for n in range(3_000)]), {"use_dictionary": False, "data_page_version": "2.0"}),
        (pa.array([[n] * (n % 50) for n in range(3_000)]), {}),
        (pa.array([[f"{n % 9}"] * (n % 50) for n in range(3_000)]), {"row_group_size": 500}),
    ],
    ids=["dictionary", "dictionary that ends", "pages", "lists", "lists of dictionaries"],
)
def test_with_less_memory_the_same_records_are_read_in_smaller_batches_until_it_is_too_little(
    tmp_path: Path, array: pa.Array, options: dict[str, Any]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(parquet(array, **options))
    rows = []
    for memory in (1 << 30, 5_000_000):
        plan = plan_reading(path, memory)
        rows.append(plan.rows)
        read = pa.Table.from_batches(batches(path, plan)).column("v")
        assert read.to_pylist() == array.to_pylist()
    assert rows[0] >= rows[1]
    with pytest.raises(NotEnoughMemory, match="bytes at once, of 1,000"):
        plan_reading(path, 1_000)
